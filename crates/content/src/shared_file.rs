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
