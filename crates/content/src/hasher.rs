use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use sha2::{Digest, Sha256};

use crate::{Layout, PiecesHashFile, Source, StoreError};

/// Hashes one piece as its bytes arrive: SHA-256 (documented).
#[derive(Clone, Default)]
pub struct PieceHasher(Sha256);

impl PieceHasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all that came.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The hash of a piece that is there as a whole.
    pub fn hash(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }
}

impl std::fmt::Debug for PieceHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The state inside would tell what was hashed.
        f.write_str("PieceHasher")
    }
}

/// Hashes every piece of `source` on up to `threads` threads, and tells `progress` how many bytes
/// are done in all. With one thread it runs on the caller's.
///
/// # Errors
/// The first that reading gives.
pub fn hash_source(
    source: &dyn Source,
    layout: Layout,
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<PiecesHashFile, StoreError> {
    let hashes = Mutex::new(vec![[0; 32]; layout.pieces() as usize]);
    let pieces: Vec<u32> = (0..layout.pieces()).collect();
    let keep = |piece: u32, hash| {
        hashes.lock().unwrap_or_else(PoisonError::into_inner)[piece as usize] = hash;
    };
    let read = |offset, buf: &mut [u8]| source.read_at(offset, buf);
    hash_pieces(&read, layout, &pieces, threads, progress, &keep)?;
    let hashes = hashes.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(PiecesHashFile::from_hashes(layout, hashes).expect("there is one hash for each piece"))
}

/// Hashes some pieces and hands each hash to `each`, in no particular order.
pub(crate) fn hash_pieces(
    read: &(dyn Fn(u64, &mut [u8]) -> Result<(), StoreError> + Sync),
    layout: Layout,
    pieces: &[u32],
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
    each: &(dyn Fn(u32, [u8; 32]) + Sync),
) -> Result<(), StoreError> {
    let (next, done) = (AtomicU32::new(0), AtomicU64::new(0));
    let failed = AtomicBool::new(false);
    let work = || {
        let mut buf = vec![0; layout.piece_size() as usize];
        while !failed.load(Ordering::Relaxed) {
            let turn = next.fetch_add(1, Ordering::Relaxed) as usize;
            let Some(&piece) = pieces.get(turn) else {
                break;
            };
            let len = layout
                .piece_len(piece)
                .expect("only pieces of the layout are asked for");
            let buf = &mut buf[..len as usize];
            if let Err(error) = read(layout.offset(piece), buf) {
                failed.store(true, Ordering::Relaxed);
                return Err(error);
            }
            each(piece, PieceHasher::hash(buf));
            progress(done.fetch_add(len.into(), Ordering::Relaxed) + u64::from(len));
        }
        Ok(())
    };
    // More threads than this would only fight over the disk, and each needs a piece of memory.
    let threads = threads.min(pieces.len()).clamp(1, 64);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut result = work();
        for other in others {
            let other = other.join().expect("hashing and reading do not panic");
            result = result.and(other);
        }
        result
    })
}
