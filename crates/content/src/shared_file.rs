use std::{
    fs::File,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{Source, StoreError, disk};

/// A complete file of the user's, opened to be shared and never written to.
///
/// It notices when the file is changed or shortened after it was opened, by its length and its
/// time of modification. Open it before it is hashed, or a change in between goes unseen. A change
/// that keeps both is found by the hashes of whoever receives it.
#[derive(Debug)]
pub struct SharedFile {
    file: File,
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
}

impl SharedFile {
    /// Opens a file to be shared.
    ///
    /// # Errors
    /// When it can not be read or is no regular file.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let io = |source| StoreError::Io {
            path: path.clone(),
            source,
        };
        // Looked at before it is opened: to open a pipe waits for its other end.
        if !path.metadata().map_err(io)?.is_file() {
            return Err(io(io::Error::new(
                ErrorKind::InvalidInput,
                "only a regular file can be shared",
            )));
        }
        let file = File::open(&path).map_err(io)?;
        let found = file.metadata().map_err(io)?;
        let (length, modified) = (found.len(), found.modified().ok());
        Ok(Self {
            file,
            path,
            length,
            modified,
        })
    }

    /// Bytes in the file when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Source for SharedFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        let end = offset.saturating_add(buf.len() as u64);
        if end > self.length {
            return Err(StoreError::PastEnd {
                end,
                length: self.length,
            });
        }
        let read = disk::read_at(&self.file, offset, buf);
        // Asked after the read, so that a change during it is seen too.
        self.unchanged()?;
        read.map_err(|source| StoreError::Io {
            path: self.path.clone(),
            source,
        })
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }

    fn unchanged(&self) -> Result<(), StoreError> {
        let path = || self.path.clone();
        let now = self.file.metadata().map_err(|source| StoreError::Io {
            path: path(),
            source,
        })?;
        if (now.len(), now.modified().ok()) != (self.length, self.modified) {
            return Err(StoreError::Changed { path: path() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use tempfile::TempDir;

    use super::*;

    fn shared(dir: &TempDir, bytes: &[u8]) -> SharedFile {
        let path = dir.path().join("shared");
        fs::write(&path, bytes).unwrap();
        SharedFile::open(path).unwrap()
    }

    fn writer(file: &SharedFile) -> File {
        File::options().write(true).open(file.path()).unwrap()
    }

    #[test]
    fn it_is_read_at_any_place() {
        let dir = TempDir::new().unwrap();
        let file = shared(&dir, b"0123456789");
        let mut bytes = [0; 4];
        file.read_at(6, &mut bytes).unwrap();
        assert_eq!(&bytes, b"6789");
        let error = file.read_at(7, &mut bytes).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::PastEnd {
                    end: 11,
                    length: 10
                }
            ),
            "{error}"
        );
        assert_eq!(
            file.file().unwrap().metadata().unwrap().len(),
            file.length()
        );
    }

    #[test]
    fn any_change_of_length_or_time_ends_the_sharing() {
        let changes: [fn(&SharedFile); 3] = [
            |file| writer(file).set_len(9).unwrap(),
            |file| writer(file).set_len(11).unwrap(),
            |file| {
                let then = file.modified.unwrap() + Duration::from_secs(1);
                writer(file).set_modified(then).unwrap();
            },
        ];
        for change in changes {
            let dir = TempDir::new().unwrap();
            let file = shared(&dir, b"0123456789");
            file.unchanged().unwrap();
            change(&file);
            for result in [
                file.unchanged(),
                file.read_at(0, &mut [0; 10]),
                file.read_at(0, &mut [0]),
            ] {
                let error = result.unwrap_err();
                assert!(matches!(error, StoreError::Changed { .. }), "{error}");
            }
        }
    }

    #[test]
    fn only_files_that_are_there_can_be_shared() {
        let dir = TempDir::new().unwrap();
        for path in [dir.path().to_owned(), dir.path().join("absent")] {
            let error = SharedFile::open(&path).unwrap_err();
            assert!(
                error.to_string().starts_with(&path.display().to_string()),
                "{error}"
            );
        }
    }
}
