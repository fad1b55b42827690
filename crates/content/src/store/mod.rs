mod journal;

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::journal::{Found, Journal, Record, Replayed};
use crate::{PieceMap, PiecesHashFile, Sink, Source, StoreError, disk, hasher::hash_pieces};

/// Bytes that may be written before the data is forced to the disk and marked as durable. What a
/// resume has to rehash after a kill is about this much.
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
    file: Arc<File>,
    path: PathBuf,
    partial: PathBuf,
    hashes: Arc<PiecesHashFile>,
    existing: Existing,
    state: Mutex<State>,
    /// Held by whoever forces data to the disk.
    syncing: Mutex<()>,
}

#[derive(Debug)]
struct State {
    pieces: PieceMap,
    journal: Journal,
    /// Bytes written since the last sync began.
    unsynced: u64,
    /// The first failure to force data to the disk. The system may have dropped that data and
    /// will not say so again, so nothing is marked as durable after it.
    failed: Option<ErrorKind>,
    finished: bool,
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
        let file = Arc::new(lock(&partial)?);
        let (pieces, journal, unsynced) = load(&file, &partial, &hashes)?;
        let state = State {
            pieces,
            journal,
            unsynced,
            failed: None,
            finished: false,
        };
        Ok(Self {
            file,
            path,
            partial,
            hashes,
            existing,
            state: Mutex::new(state),
            syncing: Mutex::new(()),
        })
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
        let turn = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        self.sync_in_turn(&turn)
    }

    fn sync_in_turn(&self, _turn: &MutexGuard<'_, ()>) -> Result<(), StoreError> {
        let (records, unsynced) = {
            let mut state = self.state();
            if let Some(kind) = state.failed {
                return Err(StoreError::new(&self.partial, kind.into()));
            }
            (state.journal.records(), std::mem::take(&mut state.unsynced))
        };
        if unsynced == 0 {
            return Ok(());
        }
        if let Err(error) = self.file.sync_data() {
            self.state().failed = Some(error.kind());
            return Err(StoreError::new(&self.partial, error));
        }
        let mut state = self.state();
        if state.finished {
            return Ok(());
        }
        let mark = state.journal.append(Record::Durable { records });
        let (map, path) = (state.journal.file(), state.journal.path().to_owned());
        drop(state);
        mark.and_then(|()| map.sync_data())
            .map_err(|error| StoreError::new(&path, error))
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
            &self.file,
            &self.partial,
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
            if !state.finished {
                let lost = state.journal.append(Record::Lost {
                    first: piece,
                    count: 1,
                });
                lost.map_err(|error| StoreError::new(state.journal.path(), error))?;
            }
            state.pieces.remove(piece);
        }
        Ok(bad)
    }

    /// Gives the file its final name, once every piece is there and on the disk. Reading goes on
    /// as before; a second call does nothing.
    ///
    /// With [`Existing::Keep`] the name appears by a hard link, which never replaces anything; on
    /// file systems without hard links a file that someone else creates in the same instant could
    /// be replaced. A kill in that very moment may leave `NAME.partial` as a second name of the
    /// finished file.
    ///
    /// # Errors
    /// [`StoreError::Incomplete`], [`StoreError::Exists`], or what the system says. The download
    /// is as it was before then.
    pub fn finish(&self) -> Result<(), StoreError> {
        // Held to the end, so that two calls do not publish side by side.
        let turn = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = {
            let state = self.state();
            if state.finished {
                return Ok(());
            }
            state.pieces.pieces() - state.pieces.count()
        };
        if missing > 0 {
            return Err(StoreError::Incomplete {
                path: self.partial.clone(),
                missing,
            });
        }
        self.sync_in_turn(&turn)?;
        let mut state = self.state();
        if state.finished {
            return Ok(());
        }
        publish(&self.partial, &self.path, self.existing)?;
        state.finished = true;
        let map = state.journal.path().to_owned();
        drop(state);
        remove(&self.partial)?;
        remove(&map)?;
        remove(&journal::unfinished(&map))?;
        disk::sync_names(&self.path).map_err(|error| StoreError::new(&self.path, error))?;
        // On Windows a lock keeps everyone else from reading.
        self.file
            .unlock()
            .map_err(|error| StoreError::new(&self.path, error))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        disk::read_at(&self.file, offset, buf).map_err(|source| StoreError::Io {
            path: self.partial.clone(),
            source,
        })
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
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
        if self.state().pieces.contains(piece) {
            return Ok(());
        }
        disk::write_at(&self.file, layout.offset(piece), bytes)
            .map_err(|error| StoreError::new(&self.partial, error))?;
        let due = {
            let mut state = self.state();
            let written = state.journal.append(Record::Written {
                first: piece,
                count: 1,
            });
            written.map_err(|error| StoreError::new(state.journal.path(), error))?;
            state.pieces.insert(piece);
            state.unsynced += u64::from(want);
            state.unsynced >= SYNC_EVERY
        };
        match self.syncing.try_lock() {
            Ok(turn) if due => self.sync_in_turn(&turn),
            _ => Ok(()),
        }
    }
}

/// Opens the unfinished file, so that nobody else has it.
fn lock(partial: &Path) -> Result<File, StoreError> {
    loop {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(partial);
        let file = file.map_err(|error| StoreError::new(partial, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked {
                    path: partial.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::new(partial, error)),
        }
        // Between the two calls another process may have finished the file and let go of it.
        if disk::same_file(&file, partial).map_err(|error| StoreError::new(partial, error))? {
            return Ok(file);
        }
    }
}

/// Finds out which pieces are there, and how many bytes of them may not be on the disk yet.
fn load(
    file: &Arc<File>,
    partial: &Path,
    hashes: &PiecesHashFile,
) -> Result<(PieceMap, Journal, u64), StoreError> {
    let (id, layout) = (hashes.id(), hashes.layout());
    let map = with_ending(partial, ".map");
    let on_partial = |error| StoreError::new(partial, error);
    let on_map = |error| StoreError::new(&map, error);
    let length = file.metadata().map_err(on_partial)?.len();
    let fits = length == layout.length();
    let none = PieceMap::empty(layout.pieces());
    let found = Journal::read(&map, id, layout).map_err(on_map)?;

    // The map comes before the first byte, so a file without a byte is new.
    if length == 0 {
        let journal = Journal::create(&map, id, layout, &none, &none).map_err(on_map)?;
        file.set_len(layout.length()).map_err(on_partial)?;
        return Ok((none, journal, 0));
    }
    // Ours: the map says so, or at least one piece will have to.
    let (known, doubtful, ours) = match found {
        Found::Other(found) => {
            return Err(StoreError::OtherContent {
                path: partial.to_owned(),
                found,
            });
        }
        Found::Ours(replayed) if fits && !replayed.damaged => {
            let Replayed {
                journal,
                known,
                doubtful,
                ..
            } = *replayed;
            if doubtful.count() == 0 {
                return Ok((known, journal, 0));
            }
            (known, doubtful, true)
        }
        Found::Ours(replayed) if fits => {
            let mut rest = PieceMap::full(layout.pieces());
            for piece in replayed.known.iter() {
                rest.remove(piece);
            }
            (replayed.known, rest, true)
        }
        Found::Ours(replayed) => {
            drop(replayed);
            file.set_len(layout.length()).map_err(on_partial)?;
            (none, PieceMap::full(layout.pieces()), true)
        }
        Found::Nothing | Found::Damaged if !fits => {
            return Err(StoreError::NotOurs {
                path: partial.to_owned(),
            });
        }
        Found::Damaged | Found::Nothing => (none, PieceMap::full(layout.pieces()), false),
    };
    let claimed: Vec<u32> = doubtful.iter().collect();
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let good = rehash(file, partial, hashes, &claimed, threads, &|_| {})?;
    if !ours && good.count() == 0 {
        return Err(StoreError::NotOurs {
            path: partial.to_owned(),
        });
    }
    let journal = Journal::create(&map, id, layout, &known, &good).map_err(on_map)?;
    let (mut pieces, mut unsynced) = (known, 0);
    for piece in good.iter() {
        pieces.insert(piece);
        unsynced += u64::from(layout.piece_len(piece).unwrap_or(0));
    }
    Ok((pieces, journal, unsynced))
}

/// Which of these pieces the file really has.
fn rehash(
    file: &File,
    path: &Path,
    hashes: &PiecesHashFile,
    pieces: &[u32],
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<PieceMap, StoreError> {
    let good = Mutex::new(PieceMap::empty(hashes.layout().pieces()));
    let read = |offset, buf: &mut [u8]| {
        disk::read_at(file, offset, buf).map_err(|source| StoreError::Io {
            path: path.to_owned(),
            source,
        })
    };
    let each = |piece, hash| {
        if hashes.hash(piece) == Some(&hash) {
            good.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(piece);
        }
    };
    hash_pieces(&read, hashes.layout(), pieces, threads, progress, &each)?;
    Ok(good.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Lets the finished file appear under its name.
fn publish(partial: &Path, path: &Path, existing: Existing) -> Result<(), StoreError> {
    let io = |error| StoreError::new(path, error);
    match existing {
        Existing::Replace => fs::rename(partial, path).map_err(io),
        Existing::Keep => match fs::hard_link(partial, path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(io(error)),
            // Without hard links, as on FAT, this is the best there is.
            Err(_) if path.symlink_metadata().is_err() => fs::rename(partial, path).map_err(io),
            Err(_) => Err(StoreError::Exists {
                path: path.to_owned(),
            }),
        },
    }
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::new(path, error)),
        _ => Ok(()),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests;
