use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use sha2::{Digest, Sha256};

use crate::{Layout, PiecesHashFile, Source, StoreError, sha256};

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

    /// The hashes of pieces that are there as a whole. `each` gets the index and the hash of every
    /// one. Faster than one after the other where [`Self::lanes`] is more than 1.
    pub fn hash_each(pieces: &[&[u8]], each: impl FnMut(usize, [u8; 32])) {
        sha256::hash_each(pieces, each);
    }

    /// How many pieces are worth hashing at once on this processor: 4 where it has instructions
    /// for SHA-256 that are used in lockstep, else 1.
    pub fn lanes() -> usize {
        sha256::lanes()
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
    read: &(impl Fn(u64, &mut [u8]) -> Result<(), StoreError> + Sync),
    layout: Layout,
    pieces: &[u32],
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
    each: &(dyn Fn(u32, [u8; 32]) + Sync),
) -> Result<(), StoreError> {
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    // As many as are hashed at once, but not so many that a thread goes without.
    let lanes = PieceHasher::lanes()
        .min(pieces.len().div_ceil(threads.max(1)))
        .max(1);
    let failed = AtomicBool::new(false);
    let work = || {
        let mut bufs = vec![vec![0; layout.piece_size() as usize]; lanes];
        while !failed.load(Ordering::Relaxed) {
            let turn = next.fetch_add(lanes, Ordering::Relaxed);
            let Some(turn) = pieces.get(turn..).filter(|rest| !rest.is_empty()) else {
                break;
            };
            let turn = &turn[..lanes.min(turn.len())];
            let mut read_in = Vec::with_capacity(lanes);
            for (&piece, buf) in turn.iter().zip(&mut bufs) {
                let len = layout
                    .piece_len(piece)
                    .expect("only pieces of the layout are asked for");
                let buf = &mut buf[..len as usize];
                if let Err(error) = read(layout.offset(piece), buf) {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
                read_in.push(&*buf);
            }
            PieceHasher::hash_each(&read_in, |at, hash| each(turn[at], hash));
            let len = read_in.iter().map(|piece| piece.len() as u64).sum();
            progress(done.fetch_add(len, Ordering::Relaxed) + len);
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

#[cfg(test)]
mod tests {
    use std::io;

    use proptest::prelude::*;

    use super::*;
    use crate::{ContentId, Synthetic};

    fn hex(hash: [u8; 32]) -> String {
        ContentId(hash).to_string()
    }

    /// FIPS 180-2's examples.
    #[test]
    fn known_hashes() {
        let cases: [(&[u8], &str); 3] = [
            (
                b"",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                b"abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ];
        for (bytes, hash) in cases {
            assert_eq!(hex(PieceHasher::hash(bytes)), hash);
        }
        let mut million = PieceHasher::new();
        for _ in 0..1000 {
            million.update(&[b'a'; 1000]);
        }
        let hash = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        assert_eq!(hex(million.finish()), hash);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_hashes() {
        let source = Synthetic::new(5, 1_000_000);
        let layout = Layout::new(1_000_000, 1 << 14).unwrap();
        let one = hash_source(&source, layout, 1, &|_| {}).unwrap();
        for threads in [0, 2, 7, 1000] {
            let highest = AtomicU64::new(0);
            let progress = |done| {
                highest.fetch_max(done, Ordering::Relaxed);
            };
            assert_eq!(
                hash_source(&source, layout, threads, &progress).unwrap(),
                one
            );
            assert_eq!(highest.into_inner(), 1_000_000);
        }
        let mut last = vec![0; (1_000_000 % (1 << 14)) as usize];
        source.read_at(layout.offset(61), &mut last).unwrap();
        assert!(one.matches(61, &last) && !one.matches(60, &last) && !one.matches(62, &last));
    }

    #[test]
    fn a_source_that_fails_is_told_by_every_number_of_threads() {
        struct Failing;

        impl Source for Failing {
            fn read_at(&self, offset: u64, _: &mut [u8]) -> Result<(), StoreError> {
                if offset < 50 {
                    return Ok(());
                }
                Err(StoreError::Io {
                    path: "x".into(),
                    source: io::ErrorKind::Other.into(),
                })
            }
        }

        let layout = Layout::new(1000, 10).unwrap();
        for threads in 1..4 {
            let result = hash_source(&Failing, layout, threads, &|_| {});
            assert!(matches!(result, Err(StoreError::Io { .. })));
        }
    }

    proptest! {
        #[test]
        fn portions_do_not_matter(
            bytes in prop::collection::vec(any::<u8>(), 0..500), cut in 0..500_usize,
        ) {
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            let mut hasher = PieceHasher::new();
            hasher.update(head);
            hasher.update(tail);
            prop_assert_eq!(hasher.finish(), PieceHasher::hash(&bytes));
        }
    }
}
