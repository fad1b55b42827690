//! The folder of a run, which is the one thing that the kernel does not remove with an enclosure.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

const PREFIX: &str = "dolab-lab-";
/// Held for as long as the run lasts: by the system given back whatever ends it.
const LOCK: &str = ".lock";

/// A folder for state folders and such. Dropped, it is removed; of a run that was killed it stays, and
/// [`clean`](super::clean()) removes it.
#[derive(Debug)]
pub struct Folder {
    folder: TempDir,
    _lock: File,
}

impl Folder {
    /// Makes one in the folder for temporary files.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(temporary: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(temporary)?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Folders in there whose runs have ended without removing them, each with its lock, so that nobody
/// takes it meanwhile.
pub(super) fn left(temporary: &Path) -> impl Iterator<Item = (PathBuf, File)> {
    let all = fs::read_dir(temporary).into_iter().flatten().flatten();
    let ours = all.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    ours.filter_map(|entry| {
        let lock = File::open(entry.path().join(LOCK)).ok()?;
        match lock.try_lock() {
            Ok(()) => Some((entry.path(), lock)),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_left() {
        let temporary = tempfile::tempdir().unwrap();
        let left = || -> Vec<PathBuf> { left(temporary.path()).map(|(at, _)| at).collect() };
        let held = Folder::new(temporary.path()).unwrap();
        fs::create_dir(temporary.path().join("dolab-lab-other")).unwrap();
        assert_eq!(left(), [""; 0].map(PathBuf::from));
        let Folder { folder, _lock } = held;
        let at = folder.keep();
        drop(_lock);
        assert_eq!(left(), [at]);
    }
}
