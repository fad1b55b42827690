//! The Swarm protocol, as Delivery Optimization's peers speak it on TCP 7680.
//!
//! Microsoft publishes no specification. The layout here is the one observed in Wireshark's
//! dissector and in a capture of real Windows peers; what rests on an assumption says so.
//!
//! All integers are big-endian. A connection begins with a [`Handshake`] each way, of which the
//! connecting side's comes first; then come frames: a 32-bit length, and that many bytes of which
//! the first is the message's id. A length of zero is a keepalive.

mod decoder;
mod handshake;
mod head;

pub use decoder::HeadDecoder;
pub(crate) use handshake::hex;
pub use handshake::{HANDSHAKE_LEN, Handshake, PROTOCOL_NAME, ParsePeerIdError, PeerId, SwarmHash};
pub use head::{Block, Head};

/// The port that Delivery Optimization's peers listen on (documented).
pub const PORT: u16 = 7680;

/// Longest frame, in bytes after the length field (observed: about 0x1F4000).
pub const MAX_FRAME_LEN: u32 = 2_048_000;

/// The piece size of every content seen so far, in bytes (documented as typical).
pub const PIECE_SIZE: u32 = 1 << 20;

#[cfg(test)]
mod tests;
