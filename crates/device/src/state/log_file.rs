use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use dolab_host::Clock;

use super::{StateError, folder::io_error};
use crate::report::LogEntry;

/// The log of a device: a JSON object in a line for each entry.
#[derive(Debug)]
pub(crate) struct LogFile {
    now: PathBuf,
    before: PathBuf,
    clock: Clock,
}

impl LogFile {
    /// Bytes after which a new file begins. The one before is kept, older ones are not.
    pub(crate) const MAX_BYTES: u64 = 4 << 20;

    pub(crate) fn new(folder: &Path, clock: Clock) -> Self {
        Self {
            now: folder.join("log.jsonl"),
            before: folder.join("log.1.jsonl"),
            clock,
        }
    }

    /// Adds an entry, of this moment.
    pub(crate) fn append(&self, entry: &LogEntry) -> Result<(), StateError> {
        let entry = LogEntry {
            time: self.clock.now(),
            ..entry.clone()
        };
        let mut line = serde_json::to_vec(&entry).expect("text for keys and no failing parts");
        line.push(b'\n');
        self.write(&line)
            .map_err(|source| io_error(&self.now, source))
    }

    fn write(&self, line: &[u8]) -> std::io::Result<()> {
        let mut file = File::options().append(true).create(true).open(&self.now)?;
        if file.metadata()?.len() >= Self::MAX_BYTES {
            drop(file);
            fs::rename(&self.now, &self.before)?;
            file = File::options().append(true).create(true).open(&self.now)?;
        }
        // In one call, so that a reader sees whole lines.
        file.write_all(line)
    }

    /// All entries, oldest first.
    pub(crate) fn read(&self) -> Result<Vec<LogEntry>, StateError> {
        let mut entries = Vec::new();
        for path in [&self.before, &self.now] {
            let bytes = match fs::read(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                bytes => bytes.map_err(|source| io_error(path, source))?,
            };
            let lines = bytes.split(|&byte| byte == b'\n');
            entries.extend(lines.filter_map(|line| serde_json::from_slice::<LogEntry>(line).ok()));
        }
        Ok(entries)
    }
}
