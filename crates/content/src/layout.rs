use crate::ContentId;

/// How a content is cut: pieces of one size, of which the last may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    length: u64,
    piece_size: u32,
}

/// Sizes that make no layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The piece size is zero or above [`Layout::MAX_PIECE_SIZE`].
    #[error("a piece size of {0} bytes is not possible: 1 to {max} are", max = Layout::MAX_PIECE_SIZE)]
    PieceSize(u64),
    /// A content without a byte has no pieces to share.
    #[error("the content is empty: there is nothing to share")]
    Empty,
    /// More than `u32::MAX` pieces.
    #[error("{length} bytes make too many pieces of {piece_size} bytes: take larger pieces")]
    TooManyPieces {
        /// Bytes in the content.
        length: u64,
        /// Bytes in a piece.
        piece_size: u32,
    },
}

impl Layout {
    /// Largest piece, in bytes: what still fits one Swarm frame of 2,048,000 bytes (observed) with
    /// its head of 9.
    pub const MAX_PIECE_SIZE: u32 = 2_048_000 - 9;

    /// A layout of `length` bytes in pieces of `piece_size`.
    ///
    /// # Errors
    /// When either is out of its range.
    pub fn new(length: u64, piece_size: u32) -> Result<Self, LayoutError> {
        if piece_size == 0 || piece_size > Self::MAX_PIECE_SIZE {
            return Err(LayoutError::PieceSize(piece_size.into()));
        }
        if length == 0 {
            return Err(LayoutError::Empty);
        }
        if length.div_ceil(piece_size.into()) > u32::MAX.into() {
            return Err(LayoutError::TooManyPieces { length, piece_size });
        }
        Ok(Self { length, piece_size })
    }

    /// Bytes in the content, at least 1.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes in every piece but the last.
    pub fn piece_size(&self) -> u32 {
        self.piece_size
    }

    /// Number of pieces, at least 1.
    pub fn pieces(&self) -> u32 {
        self.length.div_ceil(self.piece_size.into()) as u32
    }

    /// Offset of a piece in the content, in bytes.
    pub fn offset(&self, piece: u32) -> u64 {
        u64::from(piece) * u64::from(self.piece_size)
    }

    /// Bytes in a piece, or `None` when there is no such piece.
    pub fn piece_len(&self, piece: u32) -> Option<u32> {
        if piece >= self.pieces() {
            return None;
        }
        Some((self.length - self.offset(piece)).min(self.piece_size.into()) as u32)
    }
}

/// A run of bytes inside one piece of a content: what the engine decides about and the driver
/// moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PieceRange {
    /// The content.
    pub content: ContentId,
    /// Piece index, from 0.
    pub piece: u32,
    /// First byte, counted from the start of the piece.
    pub offset: u32,
    /// Number of bytes, at least 1.
    pub len: u32,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_at_the_edges() {
        let max = Layout::MAX_PIECE_SIZE;
        assert_eq!(Layout::new(0, 1), Err(LayoutError::Empty));
        assert_eq!(Layout::new(1, 0), Err(LayoutError::PieceSize(0)));
        assert_eq!(
            Layout::new(1, max + 1),
            Err(LayoutError::PieceSize(u64::from(max) + 1))
        );
        assert_eq!(
            Layout::new(u64::from(u32::MAX), 1).map(|it| it.pieces()),
            Ok(u32::MAX)
        );
        let (length, piece_size) = (u64::from(u32::MAX) + 1, 1);
        assert_eq!(
            Layout::new(length, piece_size),
            Err(LayoutError::TooManyPieces { length, piece_size })
        );
        assert!(Layout::new(u64::MAX, max).is_err());
    }

    /// The one real hash file that was published in full: 73,473,792 bytes, 71 pieces.
    #[test]
    fn the_published_sample_has_its_71_pieces() {
        let layout = Layout::new(73_473_792, 1 << 20).unwrap();
        assert_eq!(layout.pieces(), 71);
        assert_eq!(layout.piece_len(70), Some(73_473_792 - (70 << 20)));
        assert_eq!(layout.piece_len(71), None);
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_content(length in 1..5_000_000_u64, size in 1..=Layout::MAX_PIECE_SIZE) {
            let layout = Layout::new(length, size).unwrap();
            let mut end = 0;
            for piece in 0..layout.pieces().min(2000) {
                prop_assert_eq!(layout.offset(piece), end);
                let len = layout.piece_len(piece).unwrap();
                prop_assert!((1..=size).contains(&len));
                end += u64::from(len);
            }
            let last = layout.pieces() - 1;
            let end = layout.offset(last) + u64::from(layout.piece_len(last).unwrap());
            prop_assert_eq!(end, length);
            prop_assert_eq!(layout.piece_len(layout.pieces()), None);
        }
    }
}
