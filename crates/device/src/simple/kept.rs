//! What an earlier run left of a download without piece hashes, and how it is known to be of the
//! content that is there now.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tokio::{
    fs::File,
    io::{AsyncSeekExt, SeekFrom},
};

use crate::state::replace;

/// Longest note that is read, in bytes.
const MAX_NOTE: u64 = 16 << 10;

/// Where a download without piece hashes is kept.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// What has come.
    pub(crate) begun: PathBuf,
    /// What that is of.
    pub(crate) note: PathBuf,
    /// Where the whole goes.
    pub(crate) whole: PathBuf,
}

/// What is known of the whole once its first answer came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Whole {
    pub(super) url: String,
    pub(super) length: u64,
    /// A strong one: with a weak one, two contents may share it.
    pub(super) etag: Option<String>,
}

/// The note beside what has come.
#[derive(Serialize, Deserialize)]
struct Note {
    #[serde(flatten)]
    whole: Whole,
    /// Bytes that the disk has for certain. What came after them counts for nothing.
    forced: u64,
}

impl Place {
    /// What an earlier run left of this URL, and how much; `None` when there is nothing that can be
    /// gone on from. At least the last byte is to be fetched, so that the server can say whether it
    /// still has the same content.
    pub(super) fn kept(&self, url: &str) -> Option<(Whole, u64)> {
        let small = fs::metadata(&self.note).ok()?.len() <= MAX_NOTE;
        let text = small.then(|| fs::read(&self.note).ok()).flatten()?;
        let Note { whole, forced } = serde_json::from_slice(&text).ok()?;
        let there = fs::metadata(&self.begun).ok()?.len();
        let have = forced.min(there).min(whole.length.saturating_sub(1));
        let same = whole.url == url && whole.etag.is_some();
        (same && have > 0).then_some((whole, have))
    }

    /// Opens what has come, cut to `have` bytes, to go on behind them.
    pub(super) async fn open(&self, have: u64) -> io::Result<File> {
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        let mut file = options.open(&self.begun).await?;
        file.set_len(have).await?;
        file.seek(SeekFrom::Start(have)).await?;
        Ok(file)
    }

    /// Writes down that the disk has so many bytes of it. Without a strong tag nothing tells whether
    /// the content is still the same, and nothing is written.
    pub(super) fn force(&self, whole: &Whole, forced: u64) -> io::Result<()> {
        if whole.etag.is_none() {
            return Ok(());
        }
        let whole = whole.clone();
        let note = serde_json::to_vec(&Note { whole, forced });
        replace(&self.note, &note.expect("text for keys"), false)
    }

    /// The whole is there: puts it where it belongs.
    pub(super) fn finish(&self) -> io::Result<()> {
        fs::rename(&self.begun, &self.whole)?;
        forget(&self.note)
    }
}

fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
