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
