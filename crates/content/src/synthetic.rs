use crate::{Source, StoreError};

/// Bytes that are made up from a seed: any part of a content of any size, at any time, without
/// keeping any of it.
///
/// The bytes are the same on every system, look random to every compressor, and are no secret.
/// Word `i` (eight bytes, little-endian) is SplitMix64's finaliser over `i` and the seed, so no
/// part depends on the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synthetic {
    start: u64,
    length: u64,
}

/// SplitMix64's increment.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Synthetic {
    /// The content of `length` bytes that `seed` stands for. Contents of one seed and different
    /// lengths begin alike.
    pub fn new(seed: u64, length: u64) -> Self {
        // Mixed first, or neighbouring seeds would give one content shifted by a word.
        let start = mix(seed ^ 0x646F_6C61_6220_7631);
        Self { start, length }
    }

    /// Bytes in the content.
    pub fn length(&self) -> u64 {
        self.length
    }

    fn word(self, index: u64) -> u64 {
        mix(self.start.wrapping_add(index.wrapping_mul(STEP)))
    }
}

impl Source for Synthetic {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        let end = offset.saturating_add(buf.len() as u64);
        if end > self.length {
            return Err(StoreError::PastEnd {
                end,
                length: self.length,
            });
        }
        let (index, skip) = (offset / 8, (offset % 8) as usize);
        let head = if skip == 0 {
            0
        } else {
            buf.len().min(8 - skip)
        };
        let (head, rest) = buf.split_at_mut(head);
        head.copy_from_slice(&self.word(index).to_le_bytes()[skip..][..head.len()]);
        let index = index + u64::from(skip != 0);
        let (words, tail) = rest.as_chunks_mut::<8>();
        for (word, index) in words.iter_mut().zip(index..) {
            *word = self.word(index).to_le_bytes();
        }
        let last = self.word(index + words.len() as u64).to_le_bytes();
        tail.copy_from_slice(&last[..tail.len()]);
        Ok(())
    }
}

fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(content: Synthetic, offset: u64, len: usize) -> Vec<u8> {
        let mut buf = vec![0; len];
        content.read_at(offset, &mut buf).unwrap();
        buf
    }

    /// Other systems and later versions have to make the same bytes. These come from a second
    /// implementation, in Python.
    #[test]
    fn the_bytes_never_change() {
        let hash = |seed, length: u64| {
            let all = bytes(Synthetic::new(seed, length), 0, length as usize);
            crate::ContentId(crate::PieceHasher::hash(&all)).to_string()
        };
        assert_eq!(
            bytes(Synthetic::new(7, 16), 0, 16),
            [
                0x44, 0xEA, 0xB8, 0x9E, 0x49, 0x8B, 0xE1, 0x0C, 0x42, 0x28, 0xEC, 0x96, 0x7A, 0x64,
                0xC4, 0x12
            ]
        );
        assert_eq!(
            hash(0, 1),
            "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112"
        );
        assert_eq!(
            hash(7, 1_000_003),
            "1981a48553c21596360a7b57a97cf97a1491611e9aacd3310df318dc512570cc"
        );
    }

    #[test]
    fn it_ends_where_it_ends() {
        let content = Synthetic::new(1, 10);
        assert!(bytes(content, 10, 0).is_empty());
        for (offset, len, end) in [(10, 1, 11), (0, 11, 11), (u64::MAX, 2, u64::MAX)] {
            let error = content.read_at(offset, &mut vec![0; len]).unwrap_err();
            let same = matches!(error, StoreError::PastEnd { end: at, length: 10 } if at == end);
            assert!(same, "{error}");
        }
        // Far behind what any memory holds.
        let content = Synthetic::new(1, u64::MAX);
        assert_ne!(bytes(content, u64::MAX - 64, 64), bytes(content, 0, 64));
    }

    #[test]
    fn neighbouring_seeds_have_nothing_in_common() {
        let words = |seed| {
            let all = bytes(Synthetic::new(seed, 80_000), 0, 80_000);
            all.as_chunks::<8>()
                .0
                .iter()
                .copied()
                .collect::<std::collections::BTreeSet<_>>()
        };
        let (one, two) = (words(1), words(2));
        assert_eq!(
            (one.len(), two.len()),
            (10_000, 10_000),
            "and no word comes twice"
        );
        assert!(one.is_disjoint(&two));
    }

    #[test]
    fn every_byte_is_about_as_frequent_as_any_other() {
        let mut counts = [0_u32; 256];
        for byte in bytes(Synthetic::new(3, 1 << 20), 0, 1 << 20) {
            counts[usize::from(byte)] += 1;
        }
        // 4096 are expected with a deviation of 64: ten of them are never seen.
        assert!(
            counts.iter().all(|count| (3456..4736).contains(count)),
            "{counts:?}"
        );
    }

    proptest! {
        #[test]
        fn any_part_is_that_part_of_the_whole(
            seed: u64, length in 0..200_u64, at in 0..200_usize, len in 0..200_usize,
        ) {
            let content = Synthetic::new(seed, length);
            let whole = bytes(content, 0, length as usize);
            let at = at.min(whole.len());
            let len = len.min(whole.len() - at);
            prop_assert_eq!(bytes(content, at as u64, len), &whole[at..at + len]);
        }
    }
}
