use std::{fs::File, path::PathBuf};

/// Where the bytes of a content are read from when another peer asks for them.
pub trait Source: Send + Sync + 'static {
    /// Fills `buf` with the content's bytes from `offset` on. May block on a disk.
    ///
    /// # Errors
    /// When the bytes can not be read, among them that the content ends before.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError>;

    /// The file whose bytes are the content's, offset for offset, if there is one: the driver
    /// then lets the kernel send from it.
    fn file(&self) -> Option<&File> {
        None
    }
}

/// Where pieces go once their hash was found good.
pub trait Sink: Send + Sync + 'static {
    /// Keeps a whole, verified piece. May block on a disk.
    ///
    /// # Errors
    /// When it could not be kept. What was kept before stays good.
    fn write_piece(&self, piece: u32, bytes: &[u8]) -> Result<(), StoreError>;
}

/// What went wrong on this host's disk. None of these loses a piece that was kept before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room is left.
    #[error("no space is left for {path}: free some and run it again, what is there is kept", path = path.display())]
    DiskFull {
        /// The file that was being written.
        path: PathBuf,
    },
    /// The place can not be written to.
    #[error("{path} can not be written to: it is read-only or belongs to someone else", path = path.display())]
    ReadOnly {
        /// The file that was to be written.
        path: PathBuf,
    },
    /// Anything else that the system reports.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
