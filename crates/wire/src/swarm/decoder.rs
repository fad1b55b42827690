use bytes::{Buf, Bytes, BytesMut};

use super::MAX_FRAME_LEN;
use super::head::{Block, Head, id};
use crate::{Malformed, WireError};

/// Turns the bytes behind a handshake into [`Head`]s.
///
/// It takes a head off the front of the caller's buffer and leaves the body there: after a
/// [`Head::Piece`] the next [`Head::body_len`] bytes of the stream are the piece's, whether they
/// are in the buffer already or still to be read, and the caller has to remove them before it
/// calls again.
///
/// It keeps nothing between calls but its limit, so any split of the stream gives the same heads.
#[derive(Clone, Debug)]
pub struct HeadDecoder {
    max_bitfield: u32,
}

impl HeadDecoder {
    /// A decoder that accepts bitfields of at most `max_bitfield` bytes: those of the content that
    /// the connection is for. Only a bitfield is ever waited for as a whole, so this, and not the
    /// frame ceiling, bounds what a peer can make the caller's buffer grow to.
    pub fn new(max_bitfield: u32) -> Self {
        Self {
            max_bitfield: max_bitfield.min(MAX_FRAME_LEN - 1),
        }
    }

    /// Takes the next head off the front of `buf`; `None` when more bytes are needed.
    ///
    /// # Errors
    /// When the bytes are no message. The stream can not be read on after that.
    pub fn decode(&self, buf: &mut BytesMut) -> Result<Option<Head>, WireError> {
        let Some((len, rest)) = split_u32(buf) else {
            return Ok(None);
        };
        if len == 0 {
            buf.advance(4);
            return Ok(Some(Head::KeepAlive));
        }
        if len > MAX_FRAME_LEN {
            return Err(Malformed::FrameTooLong {
                len,
                max: MAX_FRAME_LEN,
            }
            .into());
        }
        let Some((&id, rest)) = rest.split_first() else {
            return Ok(None);
        };
        let head = match id {
            id::CHOKE => bare(id, "choke", len, Head::Choke)?,
            id::UNCHOKE => bare(id, "unchoke", len, Head::Unchoke)?,
            id::INTERESTED => bare(id, "interested", len, Head::Interested)?,
            id::NOT_INTERESTED => bare(id, "not interested", len, Head::NotInterested)?,
            id::HAVE => {
                exactly(id, "have", len, 5, "5")?;
                let Some((piece, _)) = split_u32(rest) else {
                    return Ok(None);
                };
                Head::Have(piece)
            }
            id::BITFIELD => {
                if len - 1 > self.max_bitfield {
                    return Err(Malformed::FrameTooLong {
                        len,
                        max: self.max_bitfield + 1,
                    }
                    .into());
                }
                let Some(bits) = rest.get(..len as usize - 1) else {
                    return Ok(None);
                };
                Head::Bitfield(Bytes::copy_from_slice(bits))
            }
            id::REQUEST | id::CANCEL => {
                let name = if id == id::REQUEST {
                    "request"
                } else {
                    "cancel"
                };
                exactly(id, name, len, 13, "13")?;
                let Some((piece, rest)) = split_u32(rest) else {
                    return Ok(None);
                };
                let Some((offset, rest)) = split_u32(rest) else {
                    return Ok(None);
                };
                let Some((wanted, _)) = split_u32(rest) else {
                    return Ok(None);
                };
                let block = block(piece, offset, wanted)?;
                if id == id::REQUEST {
                    Head::Request(block)
                } else {
                    Head::Cancel(block)
                }
            }
            id::PIECE => {
                if len <= 9 {
                    return Err(length(id, "piece", len, "more than 9"));
                }
                let Some((piece, rest)) = split_u32(rest) else {
                    return Ok(None);
                };
                let Some((offset, _)) = split_u32(rest) else {
                    return Ok(None);
                };
                Head::Piece(block(piece, offset, len - 9)?)
            }
            id => Head::Opaque { id, len: len - 1 },
        };
        buf.advance(4 + (len - head.body_len()) as usize);
        Ok(Some(head))
    }
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (value, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*value), rest))
}

fn block(piece: u32, offset: u32, len: u32) -> Result<Block, WireError> {
    if len == 0 || offset.checked_add(len).is_none() {
        return Err(Malformed::Block { piece, offset, len }.into());
    }
    Ok(Block { piece, offset, len })
}

fn bare(id: u8, name: &'static str, len: u32, head: Head) -> Result<Head, WireError> {
    exactly(id, name, len, 1, "1").map(|()| head)
}

fn exactly(
    id: u8,
    name: &'static str,
    len: u32,
    want: u32,
    expected: &'static str,
) -> Result<(), WireError> {
    if len == want {
        Ok(())
    } else {
        Err(length(id, name, len, expected))
    }
}

fn length(id: u8, name: &'static str, len: u32, expected: &'static str) -> WireError {
    Malformed::Length {
        id,
        name,
        len,
        expected,
    }
    .into()
}
