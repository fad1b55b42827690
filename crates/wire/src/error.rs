//! Errors of the byte level, split by whose fault they are.
//!
//! [`Malformed`]: the bytes do not parse. [`Incompatible`]: they parse, and name something that we
//! do not speak. What breaks the rules of the exchange, although every message in it parses, is
//! the engine's to judge.

use crate::DoCode;

/// Bytes that are no message of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The connection began with something that is no length-prefixed protocol name.
    #[error(
        "the first byte is {0:#04x}, which is no length of a protocol name: the other side speaks something else"
    )]
    Preface(u8),
    /// A frame announced more bytes than the protocol allows.
    #[error("a frame of {len} bytes was announced: at most {max} are allowed")]
    FrameTooLong {
        /// Bytes announced.
        len: u32,
        /// Bytes allowed.
        max: u32,
    },
    /// A known message with a length that it can not have.
    #[error("message {id} ({name}) has a length of {len}: it must be {expected}")]
    Length {
        /// Message id.
        id: u8,
        /// Message name.
        name: &'static str,
        /// The frame's length.
        len: u32,
        /// What the length has to be.
        expected: &'static str,
    },
    /// A request, cancel or piece whose offset and length overflow 32 bits or that is empty.
    #[error("a block of {len} bytes at offset {offset} of piece {piece} is not possible")]
    Block {
        /// Piece index.
        piece: u32,
        /// Offset in the piece, in bytes.
        offset: u32,
        /// Length, in bytes.
        len: u32,
    },
}

/// Well-formed bytes that name something we do not speak.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Incompatible {
    /// The connection named another protocol.
    #[error("the other side speaks `{0}`: neither the Swarm protocol nor a dolab check")]
    Protocol(String),
}

/// Why bytes could not be turned into messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes do not parse.
    #[error("malformed: {0}")]
    Malformed(#[from] Malformed),
    /// Nothing in common with the other side.
    #[error("incompatible: {0}")]
    Incompatible(#[from] Incompatible),
}

impl WireError {
    /// Delivery Optimization's code for this error.
    pub fn do_code(&self) -> DoCode {
        match self {
            Self::Malformed(Malformed::FrameTooLong { .. }) => DoCode::MESSAGE_TOO_LONG,
            Self::Malformed(Malformed::Preface(_)) | Self::Incompatible(_) => {
                DoCode::INVALID_HANDSHAKE_LEN
            }
            Self::Malformed(Malformed::Length { .. } | Malformed::Block { .. }) => {
                DoCode::INVALID_MESSAGE
            }
        }
    }
}
