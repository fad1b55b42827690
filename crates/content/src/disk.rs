//! The few calls that differ between systems: positioned reads and writes, and what an error of
//! the system means to the user.

#[cfg(unix)]
use std::fs::TryLockError;
use std::{
    fs::File,
    io::{self, ErrorKind},
    path::Path,
};

use crate::StoreError;

impl StoreError {
    /// What the system said about `path`, told apart by what the user can do about it.
    pub(crate) fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "std may add kinds at any time"
        )]
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull { path },
            ErrorKind::FileTooLarge => Self::TooLarge { path },
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Self::ReadOnly { path },
            ErrorKind::AlreadyExists => Self::Exists { path },
            _ => Self::Io { path, source },
        }
    }
}

/// Fills `buf` from `offset` on, without moving anyone's file position on Unix.
pub(crate) fn read_at(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, buf, offset);
    #[cfg(windows)]
    return windows::read_at(file, offset, buf);
}

/// Bytes that are written in one go. A file system may take memory in units as large as a write,
/// and large units are what a virtual machine gives back to its host while they are free: new ones
/// are slow then. Measured with ext4 in such a machine: 4.3 GB/s with 64 KiB, 0.5 GB/s with 1 MiB.
const WRITE: usize = 64 << 10;

/// Writes all of `bytes` at `offset`.
pub(crate) fn write_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    for (at, bytes) in (offset..).step_by(WRITE).zip(bytes.chunks(WRITE)) {
        #[cfg(unix)]
        std::os::unix::fs::FileExt::write_all_at(file, bytes, at)?;
        #[cfg(windows)]
        windows::write_at(file, at, bytes)?;
    }
    Ok(())
}

/// Opens a file to read and write, creates it if need be, and keeps every other process of ours
/// from doing the same until [`release`]; `None` when one of them was first.
pub(crate) fn open_alone(path: &Path) -> io::Result<Option<File>> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    loop {
        let file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Between the two calls the other may have finished the file and let go of it.
        if is_at(&file, path)? {
            return Ok(Some(file));
        }
    }
    // A lock would keep everyone from reading too, so the file is not shared for writing instead.
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_SHARE_READ: u32 = 1;
        const FILE_SHARE_DELETE: u32 = 4;
        const ERROR_SHARING_VIOLATION: i32 = 32;
        match options
            .share_mode(FILE_SHARE_READ | FILE_SHARE_DELETE)
            .open(path)
        {
            Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(None),
            opened => opened.map(Some),
        }
    }
}

/// Lets others open the file. On Windows they can as soon as it is closed.
pub(crate) fn release(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    return file.unlock();
    #[cfg(windows)]
    {
        let _ = file;
        Ok(())
    }
}

/// Whether `path` still names the file that `file` has open.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let there = match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        there => there?,
    };
    let open = file.metadata()?;
    Ok((open.dev(), open.ino()) == (there.dev(), there.ino()))
}

/// Makes the names in a file's directory durable, where the system has a way to ask for it.
pub(crate) fn sync_names(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let here = Path::new(".");
        File::open(folder.unwrap_or(here))?.sync_all()
    }
    #[cfg(windows)]
    {
        let _ = path;
        Ok(())
    }
}

#[cfg(windows)]
mod windows {
    use std::{
        fs::File,
        io::{self, ErrorKind},
        os::windows::fs::FileExt,
    };

    pub(super) fn read_at(file: &File, mut offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        while !buf.is_empty() {
            match file.seek_read(buf, offset) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    buf = &mut buf[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn write_at(file: &File, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match file.seek_write(bytes, offset) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    offset += written as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
