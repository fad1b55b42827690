//! What lies where a download is to be, and what of it can be trusted.

use std::{
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::journal::{Found, Journal, Replayed};
use crate::{PieceMap, PiecesHashFile, StoreError, disk, hasher::hash_pieces};

/// Opens the unfinished file, so that nobody else has it.
pub(super) fn lock(partial: &Path) -> Result<File, StoreError> {
    let file = disk::open_alone(partial).map_err(|error| StoreError::new(partial, error))?;
    file.ok_or_else(|| StoreError::Locked {
        path: partial.to_owned(),
    })
}

/// Finds out which pieces are there, and how many bytes of them may not be on the disk yet.
pub(super) fn load(
    file: &File,
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
        // Windows replaces no file that is open.
        drop(found);
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
pub(super) fn rehash(
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

pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}
