mod journal;
mod opening;
mod shared;

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    thread::JoinHandle,
};

use self::{
    journal::Record,
    opening::{load, lock, rehash, with_ending},
    shared::{Shared, State},
};
use crate::{PieceMap, PiecesHashFile, Sink, Source, StoreError, disk};

/// Bytes that may be written before a thread begins to force them to the disk and then marks them
/// as durable. What a resume has to rehash after a kill is about this much, and what came in while
/// the disk was busy.
const SYNC_EVERY: u64 = 256 << 20;

/// What to do when the finished file is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse, and leave it as it is.
    Keep,
    /// Replace it, once the new one is whole.
    Replace,
}

/// A download in progress: `NAME.partial` next to the place where `NAME` will be, and the map of
/// its pieces, `NAME.partial.map`. Only one store at a time can have them open.
///
/// # What is guaranteed
/// - A piece counts after a resume only if it was verified by the caller, was written, and is
///   still there.
/// - When the process is killed at any moment, every piece whose [`Sink::write_piece`] returned
///   is there after the resume. Pieces written since the last sync (every 256 MiB, and
///   [`Store::sync`]) are rehashed then, the others are not.
/// - When the power fails, what was synced is there without rehashing, and what was written since
///   then is there if its hash says so. The disk is believed when it says that it wrote.
/// - A map that can not be read, or a file whose length is not the content's, is not trusted:
///   everything is rehashed. A change of single bytes by someone else, while no store is open, is
///   found by [`Store::verify`] only.
/// - The finished name appears only when every piece is there and on the disk, in one step.
///
/// The file is sparse on Unix. On Windows it is not marked so: NTFS sets its whole size aside, and
/// fills gaps with zeros when a piece far behind the others is written first.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    hashes: Arc<PiecesHashFile>,
    existing: Existing,
    /// Whether what is written is forced to the disk.
    forced: bool,
    sync_every: u64,
    shared: Arc<Shared>,
}

impl Store {
    /// Opens the download of a content that is to end up as `path`, or goes on with it.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::Locked`], [`StoreError::OtherContent`] and
    /// [`StoreError::NotOurs`] for what is in the way, or what the system says.
    pub fn open(
        path: impl Into<PathBuf>,
        hashes: Arc<PiecesHashFile>,
        existing: Existing,
    ) -> Result<Self, StoreError> {
        let path = path.into();
        if path.file_name().is_none() {
            let source = io::Error::new(ErrorKind::InvalidInput, "this names no file");
            return Err(StoreError::Io { path, source });
        }
        if existing == Existing::Keep && path.symlink_metadata().is_ok() {
            return Err(StoreError::Exists { path });
        }
        let partial = with_ending(&path, ".partial");
        let file = lock(&partial)?;
        let (pieces, journal, unsynced) = load(&file, &partial, &hashes)?;
        let state = State {
            pieces,
            journal: Some(journal),
            unsynced,
            failed: None,
            behind: None,
        };
        Ok(Self {
            path,
            hashes,
            existing,
            forced: true,
            sync_every: SYNC_EVERY,
            shared: Arc::new(Shared {
                file,
                partial,
                state: Mutex::new(state),
                syncing: Mutex::new(()),
            }),
        })
    }

    /// The same, without forcing anything to the disk but by [`Store::sync`]: the system writes when
    /// it likes, as with most programs. Nothing waits for the disk then, and when the power fails
    /// soon after, even a finished file may be damaged.
    #[must_use]
    pub fn unforced(mut self) -> Self {
        self.forced = false;
        self
    }

    /// The pieces that are there now.
    pub fn pieces(&self) -> PieceMap {
        self.state().pieces.clone()
    }

    /// The hashes of the content.
    pub fn hashes(&self) -> &Arc<PiecesHashFile> {
        &self.hashes
    }

    /// Where the finished file will be, or is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Forces all that was written to the disk and marks it as known good. Worth a call before
    /// the process ends.
    ///
    /// # Errors
    /// When the system could not write it. Nothing is marked then, now or later, and the next
    /// resume rehashes what is in doubt.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.shared.sync(&self.shared.turn())
    }

    /// Rehashes every piece that is claimed to be there, on up to `threads` threads, drops the bad
    /// ones and returns them. `progress` is told how many bytes are done.
    ///
    /// # Errors
    /// When a piece can not be read or the map not be written.
    pub fn verify(
        &self,
        threads: usize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<u32>, StoreError> {
        let claimed: Vec<u32> = self.pieces().iter().collect();
        let good = rehash(
            &self.shared.file,
            &self.shared.partial,
            &self.hashes,
            &claimed,
            threads,
            progress,
        )?;
        let bad: Vec<u32> = claimed
            .into_iter()
            .filter(|&piece| !good.contains(piece))
            .collect();
        let mut state = self.state();
        for &piece in &bad {
            state.note(Record::Lost {
                first: piece,
                count: 1,
            })?;
            state.pieces.remove(piece);
        }
        Ok(bad)
    }

    /// Gives the file its final name, once every piece is there and on the disk. Reading goes on
    /// as before; a second call does nothing.
    ///
    /// With [`Existing::Keep`] the name appears by a hard link, which never replaces anything; on
    /// Windows, and on file systems without hard links, a file that someone else creates in the
    /// same instant could be replaced. A kill in that very moment may leave `NAME.partial` as a second name of the
    /// finished file.
    ///
    /// # Errors
    /// [`StoreError::Incomplete`], [`StoreError::Exists`], or what the system says. The download
    /// is as it was before then.
    pub fn finish(&self) -> Result<(), StoreError> {
        // Held to the end, so that two calls do not publish side by side.
        let turn = self.shared.turn();
        if self.state().journal.is_none() {
            return Ok(());
        }
        self.check_whole(&self.state())?;
        if self.forced {
            self.shared.sync(&turn)?;
        }
        let mut state = self.state();
        self.check_whole(&state)?;
        publish(&self.shared.partial, &self.path, self.existing)?;
        // Closed before it is removed, for Windows.
        let map = state
            .journal
            .take()
            .map(|journal| journal.path().to_owned());
        drop(state);
        remove(&self.shared.partial)?;
        if let Some(map) = map {
            remove(&map)?;
            remove(&journal::unfinished(&map))?;
        }
        if !self.forced {
            return Ok(());
        }
        disk::sync_names(&self.path).map_err(|error| StoreError::new(&self.path, error))
    }

    fn check_whole(&self, state: &State) -> Result<(), StoreError> {
        let missing = state.pieces.pieces() - state.pieces.count();
        if missing == 0 {
            return Ok(());
        }
        Err(StoreError::Incomplete {
            path: self.shared.partial.clone(),
            missing,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let behind = {
            let mut state = self.state();
            state.journal = None;
            state.behind.take()
        };
        if cfg!(windows) {
            // There the file is ours until everyone has closed it.
            behind.map(JoinHandle::join);
        }
        // Elsewhere it may stay open for a while. Nobody is harmed when this fails.
        let _ = disk::release(&self.shared.file);
    }
}

impl Source for Store {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        let layout = self.hashes.layout();
        let end = offset.saturating_add(buf.len() as u64);
        if end > layout.length() {
            return Err(StoreError::PastEnd {
                end,
                length: layout.length(),
            });
        }
        if buf.is_empty() {
            return Ok(());
        }
        let size = u64::from(layout.piece_size());
        let (first, last) = ((offset / size) as u32, ((end - 1) / size) as u32);
        {
            let state = self.state();
            if let Some(piece) = (first..=last).find(|&piece| !state.pieces.contains(piece)) {
                return Err(StoreError::Missing { piece });
            }
        }
        disk::read_at(&self.shared.file, offset, buf).map_err(|source| StoreError::Io {
            path: self.shared.partial.clone(),
            source,
        })
    }

    fn file(&self) -> Option<&File> {
        Some(&self.shared.file)
    }
}

impl Sink for Store {
    fn write_piece(&self, piece: u32, bytes: &[u8]) -> Result<(), StoreError> {
        let layout = self.hashes.layout();
        let want = layout.piece_len(piece).unwrap_or(0);
        if want == 0 || bytes.len() != want as usize {
            return Err(StoreError::PieceLength {
                piece,
                got: bytes.len(),
                want,
            });
        }
        {
            let state = self.state();
            if state.pieces.contains(piece) {
                return Ok(());
            }
            self.shared.check(&state)?;
        }
        let Shared { file, partial, .. } = &*self.shared;
        disk::write_at(file, layout.offset(piece), bytes)
            .map_err(|error| StoreError::new(partial, error))?;
        let mut state = self.state();
        state.note(Record::Written {
            first: piece,
            count: 1,
        })?;
        state.pieces.insert(piece);
        state.unsynced += u64::from(want);
        if self.forced && state.unsynced >= self.sync_every {
            self.shared.sync_behind(&mut state);
        }
        Ok(())
    }
}

/// Lets the finished file appear under its name.
fn publish(partial: &Path, path: &Path, existing: Existing) -> Result<(), StoreError> {
    let io = |error| StoreError::new(path, error);
    match existing {
        Existing::Replace => fs::rename(partial, path).map_err(io),
        Existing::Keep => match link(partial, path) {
            // Where nothing better is to be had.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                if path.symlink_metadata().is_ok() {
                    return Err(StoreError::Exists {
                        path: path.to_owned(),
                    });
                }
                fs::rename(partial, path).map_err(io)
            }
            linked => linked.map_err(io),
        },
    }
}

/// Gives a file a second name, if the file system can.
fn link(partial: &Path, path: &Path) -> io::Result<()> {
    // Windows would keep the first name until the file is closed.
    if cfg!(windows) {
        return Err(ErrorKind::Unsupported.into());
    }
    fs::hard_link(partial, path).map_err(|error| {
        // The latter is what Linux says for FAT.
        let kinds = [ErrorKind::Unsupported, ErrorKind::PermissionDenied];
        if kinds.contains(&error.kind()) {
            ErrorKind::Unsupported.into()
        } else {
            error
        }
    })
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::new(path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
