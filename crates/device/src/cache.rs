//! The cache on disk: contents that were fetched, kept for others until they are too old, or too
//! much.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use dolab_content::{ContentId, PiecesHashFile};
use jiff::Timestamp;

use crate::{
    report::Status,
    simple::Place,
    state::{Entry, replace},
};

const PARTIAL: &str = "partial";
const HASHES: &str = "phf";
/// A content without piece hashes on its way, and what is known of it.
const PLAIN: &str = "plain";
const PLAIN_NOTE: &str = "plain.note";

/// The folder, and the names in it. A content is called by its file id: hex digits and nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the content is once it is whole.
    pub(crate) fn path(&self, file_id: &str) -> PathBuf {
        self.folder.join(file_id)
    }

    /// Where a content without piece hashes is kept.
    pub(crate) fn plain(&self, file_id: &str) -> Place {
        Place {
            begun: self.with_ending(file_id, PLAIN),
            note: self.with_ending(file_id, PLAIN_NOTE),
            whole: self.path(file_id),
        }
    }

    /// Keeps the piece hashes, without which a content can not be shared after a restart.
    pub(crate) fn keep_hashes(&self, hashes: &PiecesHashFile) -> io::Result<()> {
        let path = self.with_ending(&hashes.id().to_string(), HASHES);
        replace(&path, &hashes.to_json(), false)
    }

    /// The piece hashes of a content, if they are there and good.
    pub(crate) fn hashes(&self, content: ContentId) -> Option<PiecesHashFile> {
        let path = self.with_ending(&content.to_string(), HASHES);
        let json = fs::read(path).ok()?;
        PiecesHashFile::from_json_of(content, &json).ok()
    }

    /// Removes everything of a content. What can not be removed now is tidied away later.
    pub(crate) fn remove(&self, file_id: &str) {
        for name in [
            self.path(file_id),
            self.with_ending(file_id, PARTIAL),
            self.with_ending(file_id, "partial.map"),
            self.with_ending(file_id, HASHES),
            self.with_ending(file_id, PLAIN),
            self.with_ending(file_id, PLAIN_NOTE),
        ] {
            match fs::remove_file(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %name.display(), %error, "the cache keeps what it should not");
                }
                _ => {}
            }
        }
    }

    /// Brings the index and the folder together after a stop, in order or not: what is whole is
    /// cached, what is on its way is paused, what is gone is forgotten, and what nobody knows is
    /// removed. Returns what was forgotten.
    pub(crate) fn tidy(&self, files: &mut Vec<Entry>) -> Vec<Entry> {
        let mut gone = Vec::new();
        files.retain_mut(|file| {
            let keep = self.settle(file);
            if !keep {
                gone.push(file.clone());
            }
            keep
        });
        for file in &gone {
            self.remove(&file.status.file_id);
        }
        self.sweep(files);
        gone
    }

    /// What a file is by what lies in the folder. Whether it is to be remembered.
    fn settle(&self, file: &mut Entry) -> bool {
        let status = &mut file.status;
        if status.status == Status::Complete {
            return true;
        }
        let length = |path: PathBuf| path.metadata().map(|found| found.len()).ok();
        let whole = length(self.path(&status.file_id)) == Some(status.file_size);
        let hashes = file.content.and_then(|content| self.hashes(content));
        if whole && hashes.is_some() {
            // Killed between the file's last piece and the index.
            status.status = Status::Caching;
            status.file_size_in_cache = status.file_size;
            return true;
        }
        let begun = [PARTIAL, PLAIN_NOTE]
            .into_iter()
            .any(|ending| length(self.with_ending(&status.file_id, ending)).is_some());
        if !begun || status.status == Status::Caching {
            return false;
        }
        status.status = Status::Paused;
        true
    }

    /// Removes files that belong to none of these.
    fn sweep(&self, files: &[Entry]) {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for name in names.filter_map(|found| found.file_name().into_string().ok()) {
            let (id, _) = name.split_once('.').unwrap_or((&name, ""));
            let known =
                |file: &Entry| file.status.file_id == id && file.status.status != Status::Complete;
            let ours = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            if ours && !files.iter().any(known) {
                self.remove(id);
            }
        }
    }

    fn with_ending(&self, file_id: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{file_id}.{ending}"))
    }
}

/// Bytes that the cache holds, and those that are set aside for what is on its way.
pub(crate) fn used(files: &[Entry]) -> u64 {
    files
        .iter()
        .filter(|file| file.status.status != Status::Complete)
        .map(|file| file.status.file_size)
        .sum()
}

/// The files whose time in the cache is over.
pub(crate) fn expired(files: &[Entry], now: Timestamp) -> Vec<String> {
    files
        .iter()
        .filter(|file| file.is_cached())
        .filter(|file| file.status.expire_on.is_some_and(|until| until <= now))
        .map(|file| file.status.file_id.clone())
        .collect()
}

/// The files that have to go so that `needed` bytes fit into `quota`, oldest first (that the oldest
/// go first is assumed); pinned ones stay. `None` when it does not fit whatever goes.
pub(crate) fn make_room(files: &[Entry], quota: Option<u64>, needed: u64) -> Option<Vec<String>> {
    let Some(quota) = quota else {
        return Some(Vec::new());
    };
    let mut left = used(files).saturating_add(needed);
    let mut may_go: Vec<_> = files
        .iter()
        .filter(|file| file.is_cached() && !file.status.is_pinned)
        .collect();
    may_go.sort_by_key(|file| file.since);
    let mut go = Vec::new();
    for file in may_go {
        if left <= quota {
            break;
        }
        left -= file.status.file_size;
        go.push(file.status.file_id.clone());
    }
    (left <= quota).then_some(go)
}
