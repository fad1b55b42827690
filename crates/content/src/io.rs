use std::{fs::File, path::PathBuf};

use dolab_wire::DoCode;

use crate::ContentId;

/// Where the bytes of a content are read from when another peer asks for them.
pub trait Source: Send + Sync + 'static {
    /// Fills `buf` with the content's bytes from `offset` on. May block on a disk.
    ///
    /// # Errors
    /// When the bytes can not be read, among them that the content ends before.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError>;

    /// The file whose bytes are the content's, if there is one: the driver then lets the kernel send
    /// from it, after it asked [`Source::unchanged`].
    fn file(&self) -> Option<&File> {
        None
    }

    /// Where in [`Source::file`] the content's byte at `offset` stands. The rest of its piece has to
    /// follow it there.
    fn file_offset(&self, offset: u64) -> u64 {
        offset
    }

    /// Whether the bytes are still those that were hashed, as far as that can be told without
    /// reading them. [`Source::read_at`] asks by itself.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when they are not: nothing of this content may be shared any more.
    fn unchanged(&self) -> Result<(), StoreError> {
        Ok(())
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

/// Keeps nothing: for checks and benchmarks, where the bytes matter only until they are verified.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Sink for Discard {
    fn write_piece(&self, _piece: u32, _bytes: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What went wrong on this host's disk. None of these loses a piece that was kept before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room is left, or the user's quota is used up.
    #[error("no space is left for {path}: free some and run it again, what is there is kept", path = path.display())]
    DiskFull {
        /// The file that was being written.
        path: PathBuf,
    },
    /// The file system or a limit of this process does not allow a file of that size.
    #[error("{path} would be larger than the file system or this process's limit allows: put it elsewhere", path = path.display())]
    TooLarge {
        /// The file that was being written.
        path: PathBuf,
    },
    /// The place can not be written to.
    #[error("{path} can not be written to: it is read-only or belongs to someone else", path = path.display())]
    ReadOnly {
        /// The file that was to be written.
        path: PathBuf,
    },
    /// Another process downloads to the same place.
    #[error("{path} is in use by another dolab: wait until that has ended, or choose another place", path = path.display())]
    Locked {
        /// The file that is locked.
        path: PathBuf,
    },
    /// What lies there belongs to the download of another content.
    #[error("{path} is the unfinished download of content {found}: choose another place, or remove it and its `.map`", path = path.display())]
    OtherContent {
        /// The unfinished file.
        path: PathBuf,
        /// The content that it belongs to.
        found: ContentId,
    },
    /// What lies there is no download of ours, as far as can be told.
    #[error("{path} is in the way, and is no unfinished download of this content: move it, or choose another place", path = path.display())]
    NotOurs {
        /// The file in the way.
        path: PathBuf,
    },
    /// The finished file is there already.
    #[error("{path} exists already, and is left as it is", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A download was to be finished before every piece was there.
    #[error("{path} is not whole yet: {missing} pieces are missing", path = path.display())]
    Incomplete {
        /// The unfinished file.
        path: PathBuf,
        /// Pieces that are missing.
        missing: u32,
    },
    /// Bytes were asked for that belong to a piece which is not there.
    #[error("piece {piece} was asked for and is not there")]
    Missing {
        /// The piece.
        piece: u32,
    },
    /// Bytes were asked for behind the end.
    #[error("bytes up to offset {end} were asked for: the content ends at {length}")]
    PastEnd {
        /// Where the request ends, in bytes.
        end: u64,
        /// Bytes in the content.
        length: u64,
    },
    /// A piece with a length or index that the content does not have was to be kept.
    #[error("{got} bytes were to be kept as piece {piece}, which has {want}")]
    PieceLength {
        /// The piece.
        piece: u32,
        /// Bytes that were handed over.
        got: usize,
        /// Bytes that the piece has; 0 when there is no such piece.
        want: u32,
    },
    /// A shared file is not what it was when it was hashed.
    #[error("{path} was changed since it was hashed, and is no longer shared: start again to share what it is now", path = path.display())]
    Changed {
        /// The file.
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

impl StoreError {
    /// Delivery Optimization's code for this error, where it has one.
    pub fn do_code(&self) -> Option<DoCode> {
        matches!(self, Self::Changed { .. }).then_some(DoCode::UPLOADING_BAD_PIECES)
    }
}
