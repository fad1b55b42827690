use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use dolab_host::Clock;

use super::{LogFile, State, StateError};
use crate::report::LogEntry;

const LOCK: &str = "lock";
const STATE: &str = "state.json";
const CACHE: &str = "cache";

/// Longest state that is read, in bytes: ten times what the bounds of [`State`] allow for.
const MAX_STATE: u64 = 64 << 20;

/// A state folder, held by the device that runs with it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The lock is given back when this is dropped, and by the system when the process dies.
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be, and takes it.
    ///
    /// # Errors
    /// [`StateError::InUse`] when another device has it, or what the system says.
    pub(crate) fn take(path: &Path) -> Result<Self, StateError> {
        let cache = path.join(CACHE);
        fs::create_dir_all(&cache).map_err(|source| io_error(&cache, source))?;
        let name = path.join(LOCK);
        let file = open_lock(&name, true).map_err(|source| io_error(&name, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: file,
            }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(io_error(&name, source)),
        }
    }

    /// What an earlier run left; `None` when there was none.
    pub(crate) fn load(&self) -> Result<Option<State>, StateError> {
        let found = read(&self.path)?;
        Ok(found.map(State::at_rest))
    }

    /// Replaces the state in one step. `forced` waits until the disk has it.
    pub(crate) fn save(&self, state: &State, forced: bool) -> Result<(), StateError> {
        let path = self.path.join(STATE);
        let text = serde_json::to_vec(state).expect("text for keys and no failing parts");
        replace(&path, &text, forced).map_err(|source| io_error(&path, source))
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.path.join(CACHE)
    }

    pub(crate) fn log(&self, clock: Clock) -> LogFile {
        LogFile::new(&self.path, clock)
    }
}

/// What can be read of a device, whether it runs or not.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// What it wrote last. When it does not run, nothing goes on in it: no connections, no rates,
    /// and what was on its way is paused.
    pub state: State,
    /// Whether it runs.
    pub running: bool,
}

impl View {
    /// Reads a state folder. Nothing is changed.
    ///
    /// # Errors
    /// [`StateError::Missing`] when no device has ever run with it, [`StateError::NotOurs`] when
    /// what is there can not be understood.
    pub fn read(path: &Path) -> Result<Self, StateError> {
        let state = read(path)?.ok_or_else(|| StateError::Missing(path.to_owned()))?;
        let running = is_held(path);
        let state = if running { state } else { state.at_rest() };
        Ok(Self { state, running })
    }

    /// Reads its log, oldest entries first. Lines that a kill cut short are passed over.
    ///
    /// # Errors
    /// What the system says. That there is no log is no error.
    pub fn log(path: &Path) -> Result<Vec<LogEntry>, StateError> {
        LogFile::new(path, Clock::default()).read()
    }
}

fn read(folder: &Path) -> Result<Option<State>, StateError> {
    let path = folder.join(STATE);
    let not_ours = |why: String| StateError::NotOurs {
        path: path.clone(),
        why,
    };
    let length = match fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.map_err(|source| io_error(&path, source))?.len(),
    };
    if length > MAX_STATE {
        return Err(not_ours(format!("it has {length} bytes")));
    }
    let text = fs::read(&path).map_err(|source| io_error(&path, source))?;
    let state: State =
        serde_json::from_slice(&text).map_err(|error| not_ours(error.to_string()))?;
    if state.schema != State::SCHEMA {
        let schema = dolab_wire::text::printable(&state.schema, 64);
        return Err(not_ours(format!("it is of the form `{schema}`")));
    }
    Ok(Some(state))
}

/// Whether a device holds the folder. Where that can not be told, none does.
fn is_held(folder: &Path) -> bool {
    let Ok(file) = open_lock(&folder.join(LOCK), false) else {
        return false;
    };
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

fn open_lock(path: &Path, create: bool) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(create)
        .truncate(false)
        .open(path)
}

/// Writes a file beside the old one and gives it the name: a reader sees the old or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8], forced: bool) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    if forced {
        file.sync_all()?;
    }
    drop(file);
    fs::rename(&new, path)
}

pub(super) fn io_error(path: &Path, source: io::Error) -> StateError {
    StateError::Io {
        path: path.to_owned(),
        source,
    }
}
