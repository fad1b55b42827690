use bytes::{Buf, BufMut, BytesMut};

use super::Message;

/// Longest frame, in bytes after the length field.
pub const MAX_FRAME_LEN: u32 = 1 << 20;

/// Bytes that are no frame of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionFormatError {
    /// A frame announced no bytes, or more than allowed.
    #[error("a check message of {len} bytes was announced: 1 to {max} are allowed", max = MAX_FRAME_LEN)]
    Length {
        /// Bytes announced.
        len: u32,
    },
    /// The bytes are no JSON, or not of a message.
    #[error("a check message could not be read: {0}")]
    Json(String),
}

/// How messages stand in the stream.
#[derive(Clone, Copy, Debug)]
pub struct Frame;

impl Frame {
    /// Appends a message to `out`.
    ///
    /// # Errors
    /// When it is longer than [`MAX_FRAME_LEN`]: then nothing was appended.
    pub fn encode(message: &Message, out: &mut BytesMut) -> Result<(), SessionFormatError> {
        let json =
            serde_json::to_vec(message).map_err(|e| SessionFormatError::Json(e.to_string()))?;
        let len = u32::try_from(json.len()).unwrap_or(u32::MAX);
        if len > MAX_FRAME_LEN {
            return Err(SessionFormatError::Length { len });
        }
        out.reserve(4 + json.len());
        out.put_u32(len);
        out.put_slice(&json);
        Ok(())
    }

    /// Takes the next message off the front of `buf`; `None` when more bytes are needed. A caller
    /// that reads no more than it needs holds at most [`MAX_FRAME_LEN`] and four bytes.
    ///
    /// # Errors
    /// When the bytes are no message. The stream can not be read on after that.
    pub fn decode(buf: &mut BytesMut) -> Result<Option<Message>, SessionFormatError> {
        let Some((head, rest)) = buf.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let len = u32::from_be_bytes(*head);
        if len == 0 || len > MAX_FRAME_LEN {
            return Err(SessionFormatError::Length { len });
        }
        let Some(json) = rest.get(..len as usize) else {
            return Ok(None);
        };
        let message =
            serde_json::from_slice(json).map_err(|e| SessionFormatError::Json(e.to_string()))?;
        buf.advance(4 + len as usize);
        Ok(Some(message))
    }
}
