use std::{fmt, str::FromStr};

use crate::{Incompatible, Malformed, WireError, preface};

/// Protocol name in the handshake, without its length byte (observed).
pub const PROTOCOL_NAME: &[u8; 14] = b"Swarm protocol";

/// Length of a handshake with [`PROTOCOL_NAME`], in bytes (observed).
pub const HANDSHAKE_LEN: usize = 75;

/// The 32 bytes that name a swarm.
///
/// That they are the content's hash of hashes is an assumption.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SwarmHash(pub [u8; 32]);

/// A peer's identity: a random GUID (version 4) in Windows memory order, then four zero bytes.
///
/// The order is inferred from every captured id: the first three fields are little-endian.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub [u8; 20]);

impl PeerId {
    /// Makes an id from 16 random bytes by setting the version and variant bits of a UUIDv4.
    pub fn from_random(random: [u8; 16]) -> Self {
        let mut id = [0; 20];
        id[..16].copy_from_slice(&random);
        id[7] = id[7] & 0x0F | 0x40;
        id[8] = id[8] & 0x3F | 0x80;
        Self(id)
    }
}

/// A text that is no peer id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a peer id: one has 40 hex digits")]
pub struct ParsePeerIdError;

impl FromStr for PeerId {
    type Err = ParsePeerIdError;

    /// 40 hex digits, as a join carries them.
    fn from_str(text: &str) -> Result<Self, ParsePeerIdError> {
        let digits = text.as_bytes();
        if digits.len() != 40 {
            return Err(ParsePeerIdError);
        }
        let nibble = |digit: u8| char::from(digit).to_digit(16).ok_or(ParsePeerIdError);
        let mut id = [0; 20];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (nibble(pair[0])? << 4 | nibble(pair[1])?) as u8;
        }
        Ok(Self(id))
    }
}

/// The first message each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// Bytes in a piece.
    ///
    /// The dissector calls the field a size and another source a version; that it is the piece
    /// size is inferred from one capture, which carries 1,048,576.
    pub piece_size: u64,
    /// The swarm that the connection is for.
    pub swarm: SwarmHash,
    /// Who sends it.
    pub peer: PeerId,
}

impl Handshake {
    /// The bytes on the wire. They must leave in a TCP segment of their own, or dissectors take
    /// what follows for a part of them.
    pub fn encode(&self) -> [u8; HANDSHAKE_LEN] {
        let mut bytes = [0; HANDSHAKE_LEN];
        bytes[0] = PROTOCOL_NAME.len() as u8;
        bytes[1..15].copy_from_slice(PROTOCOL_NAME);
        bytes[15..23].copy_from_slice(&self.piece_size.to_be_bytes());
        bytes[23..55].copy_from_slice(&self.swarm.0);
        bytes[55..75].copy_from_slice(&self.peer.0);
        bytes
    }

    /// Reads a handshake.
    ///
    /// # Errors
    /// When the bytes do not begin with the Swarm protocol's name.
    pub fn decode(bytes: &[u8; HANDSHAKE_LEN]) -> Result<Self, WireError> {
        match preface::detect(bytes)? {
            Some(preface::Protocol::Swarm) => {}
            Some(other) => {
                let name = other.name().escape_ascii().to_string();
                return Err(Incompatible::Protocol(name).into());
            }
            None => return Err(Malformed::Preface(bytes[0]).into()),
        }
        let (size, rest) = bytes[15..].split_first_chunk().expect("60 bytes are left");
        let (swarm, rest) = rest.split_first_chunk().expect("52 bytes are left");
        let (peer, _) = rest.split_first_chunk().expect("20 bytes are left");
        Ok(Self {
            piece_size: u64::from_be_bytes(*size),
            swarm: SwarmHash(*swarm),
            peer: PeerId(*peer),
        })
    }
}

/// The digits of so many bytes.
pub(crate) fn hex<const N: usize>(bytes: &[u8; N]) -> [[u8; 2]; N] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [[0; 2]; N];
    for (two, byte) in text.iter_mut().zip(bytes) {
        two[0] = DIGITS[usize::from(byte >> 4)];
        two[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

/// Writes them in one piece: pages of ids are written.
fn write_hex<const N: usize>(bytes: &[u8; N], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(str::from_utf8(hex(bytes).as_flattened()).expect("digits are text"))
}

macro_rules! hex_display {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }
    )*};
}

hex_display!(SwarmHash PeerId);
