use bytes::{BufMut, Bytes};

/// A run of bytes inside a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block {
    /// Piece index, from 0.
    pub piece: u32,
    /// First byte, counted from the start of the piece.
    pub offset: u32,
    /// Number of bytes, at least 1.
    pub len: u32,
}

/// A message without its bulk: for a [`Head::Piece`], `len` bytes of the piece follow on the wire,
/// for [`Head::Opaque`] as many bytes that nobody needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// Four zero bytes that say that the sender is still there.
    KeepAlive,
    /// Id 0: the sender will not answer requests.
    Choke,
    /// Id 1: the sender answers requests.
    Unchoke,
    /// Id 2: the sender wants pieces of the receiver.
    Interested,
    /// Id 3: the sender wants nothing.
    NotInterested,
    /// Id 4: the sender has this piece now.
    Have(u32),
    /// Id 5: all the pieces that the sender has, most significant bit first.
    Bitfield(Bytes),
    /// Id 6: send this block.
    Request(Block),
    /// Id 7: here is this block. Its bytes follow.
    Piece(Block),
    /// Id 8: the block is no longer wanted.
    Cancel(Block),
    /// Any other id, id 20 among them, which real peers receive and drop (observed). `len` bytes
    /// follow, to be skipped.
    Opaque {
        /// Message id.
        id: u8,
        /// Bytes that follow.
        len: u32,
    },
}

pub(super) mod id {
    pub(crate) const CHOKE: u8 = 0;
    pub(crate) const UNCHOKE: u8 = 1;
    pub(crate) const INTERESTED: u8 = 2;
    pub(crate) const NOT_INTERESTED: u8 = 3;
    pub(crate) const HAVE: u8 = 4;
    pub(crate) const BITFIELD: u8 = 5;
    pub(crate) const REQUEST: u8 = 6;
    pub(crate) const PIECE: u8 = 7;
    pub(crate) const CANCEL: u8 = 8;
}

impl Head {
    /// Bytes that follow this head on the wire and that are not part of it.
    pub fn body_len(&self) -> u32 {
        match self {
            Self::Piece(block) => block.len,
            Self::Opaque { len, .. } => *len,
            Self::KeepAlive
            | Self::Choke
            | Self::Unchoke
            | Self::Interested
            | Self::NotInterested
            | Self::Have(_)
            | Self::Bitfield(_)
            | Self::Request(_)
            | Self::Cancel(_) => 0,
        }
    }

    /// Writes the head. The body, if there is one, is the caller's to send right behind it.
    pub fn encode(&self, out: &mut impl BufMut) {
        let bare = |out: &mut _, id| frame(out, 1, id);
        match self {
            Self::KeepAlive => out.put_u32(0),
            Self::Choke => bare(out, id::CHOKE),
            Self::Unchoke => bare(out, id::UNCHOKE),
            Self::Interested => bare(out, id::INTERESTED),
            Self::NotInterested => bare(out, id::NOT_INTERESTED),
            Self::Have(piece) => {
                frame(out, 5, id::HAVE);
                out.put_u32(*piece);
            }
            Self::Bitfield(bits) => {
                frame(out, 1 + bits.len() as u32, id::BITFIELD);
                out.put_slice(bits);
            }
            Self::Request(block) => {
                frame(out, 13, id::REQUEST);
                put_block(out, block);
            }
            Self::Cancel(block) => {
                frame(out, 13, id::CANCEL);
                put_block(out, block);
            }
            Self::Piece(block) => {
                frame(out, 9 + block.len, id::PIECE);
                out.put_u32(block.piece);
                out.put_u32(block.offset);
            }
            Self::Opaque { id, len } => frame(out, 1 + len, *id),
        }
    }
}

fn frame(out: &mut impl BufMut, len: u32, id: u8) {
    out.put_u32(len);
    out.put_u8(id);
}

fn put_block(out: &mut impl BufMut, block: &Block) {
    out.put_u32(block.piece);
    out.put_u32(block.offset);
    out.put_u32(block.len);
}
