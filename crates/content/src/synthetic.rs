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
