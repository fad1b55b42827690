/// Which pieces of a content there are, in the order of the wire: the most significant bit of the
/// first byte is piece 0, the bits behind the last piece are zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PieceMap {
    bits: Vec<u8>,
    pieces: u32,
    count: u32,
}

/// Bytes that are no map of so many pieces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PieceMapError {
    /// Not the number of bytes that so many pieces need.
    #[error("a bitfield of {got} bytes came for {pieces} pieces: it has to have {want}")]
    Length {
        /// Pieces in the content.
        pieces: u32,
        /// Bytes that they need.
        want: usize,
        /// Bytes that came.
        got: usize,
    },
    /// A bit behind the last piece is set.
    #[error("a bitfield for {pieces} pieces has a bit set behind the last of them")]
    Spare {
        /// Pieces in the content.
        pieces: u32,
    },
}

impl PieceMap {
    /// A map of `pieces` pieces of which none is there.
    pub fn empty(pieces: u32) -> Self {
        Self {
            bits: vec![0; Self::byte_len(pieces)],
            pieces,
            count: 0,
        }
    }

    /// A map of `pieces` pieces that are all there.
    pub fn full(pieces: u32) -> Self {
        let mut map = Self::empty(pieces);
        for piece in 0..pieces {
            map.insert(piece);
        }
        map
    }

    /// Reads a map from the wire.
    ///
    /// # Errors
    /// When the number of bytes is wrong or a spare bit is set.
    pub fn from_bytes(bytes: &[u8], pieces: u32) -> Result<Self, PieceMapError> {
        let want = Self::byte_len(pieces);
        if bytes.len() != want {
            return Err(PieceMapError::Length {
                pieces,
                want,
                got: bytes.len(),
            });
        }
        let spare = (want * 8) as u32 - pieces;
        if bytes
            .last()
            .is_some_and(|last| last.trailing_zeros() < spare)
        {
            return Err(PieceMapError::Spare { pieces });
        }
        Ok(Self {
            bits: bytes.to_vec(),
            pieces,
            count: bytes.iter().map(|byte| byte.count_ones()).sum(),
        })
    }

    /// Bytes that a map of `pieces` pieces has on the wire.
    pub fn byte_len(pieces: u32) -> usize {
        pieces.div_ceil(8) as usize
    }

    /// The map as it stands on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bits
    }

    /// Pieces in the content.
    pub fn pieces(&self) -> u32 {
        self.pieces
    }

    /// Pieces that are there.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether every piece is there.
    pub fn is_full(&self) -> bool {
        self.count == self.pieces
    }

    /// Whether a piece is there; false for one that the content does not have.
    pub fn contains(&self, piece: u32) -> bool {
        piece < self.pieces && self.bits[piece as usize / 8] & mask(piece) != 0
    }

    /// Adds a piece. Returns whether it was new; one that the content does not have never is.
    pub fn insert(&mut self, piece: u32) -> bool {
        if piece >= self.pieces || self.contains(piece) {
            return false;
        }
        self.bits[piece as usize / 8] |= mask(piece);
        self.count += 1;
        true
    }

    /// Removes a piece. Returns whether it was there.
    pub fn remove(&mut self, piece: u32) -> bool {
        if !self.contains(piece) {
            return false;
        }
        self.bits[piece as usize / 8] &= !mask(piece);
        self.count -= 1;
        true
    }

    /// The pieces that are there, in rising order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.pieces).filter(|&piece| self.contains(piece))
    }
}

fn mask(piece: u32) -> u8 {
    0x80 >> (piece % 8)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_lowest_piece_is_the_highest_bit() {
        let mut map = PieceMap::empty(10);
        for piece in [0, 7, 8] {
            assert!(map.insert(piece));
        }
        assert_eq!(map.as_bytes(), [0b1000_0001, 0b1000_0000]);
        assert!(!map.insert(10) && !map.insert(0), "not there, and not new");
    }

    #[test]
    fn bits_behind_the_last_piece_and_other_lengths_are_refused() {
        assert_eq!(
            PieceMap::from_bytes(&[0xFF, 0xC0], 10),
            Ok(PieceMap::full(10))
        );
        let spare = Err(PieceMapError::Spare { pieces: 10 });
        assert_eq!(PieceMap::from_bytes(&[0, 0x20], 10), spare);
        assert_eq!(PieceMap::from_bytes(&[0, 0x01], 10), spare);
        for got in [0, 1, 3] {
            let error = PieceMapError::Length {
                pieces: 10,
                want: 2,
                got,
            };
            assert_eq!(PieceMap::from_bytes(&vec![0; got], 10), Err(error));
        }
        assert_eq!(PieceMap::from_bytes(&[0xFF], 8), Ok(PieceMap::full(8)));
    }

    proptest! {
        #[test]
        fn it_is_a_set(
            pieces in 1..200_u32,
            steps in prop::collection::vec((any::<bool>(), 0..210_u32), 0..300),
        ) {
            let (mut map, mut set) = (PieceMap::empty(pieces), BTreeSet::new());
            for (insert, piece) in steps {
                if insert {
                    let new = piece < pieces && set.insert(piece);
                    prop_assert_eq!(map.insert(piece), new);
                } else {
                    prop_assert_eq!(map.remove(piece), set.remove(&piece));
                }
            }
            prop_assert_eq!(map.count() as usize, set.len());
            prop_assert_eq!(map.is_full(), set.len() == pieces as usize);
            prop_assert!(map.iter().eq(set.iter().copied()));
            prop_assert_eq!(PieceMap::from_bytes(map.as_bytes(), pieces), Ok(map));
        }
    }
}
