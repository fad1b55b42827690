//! Messages over any stream of bytes.

use std::{net::SocketAddr, pin::Pin};

use bytes::{Bytes, BytesMut};
use dolab_wire::session::{Frame, Message};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::SessionError;
use crate::report::Via;

/// A stream that a session can run over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

type Boxed = Pin<Box<dyn Stream>>;

/// What carries a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carrier {
    pub(crate) via: Via,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

/// Both directions of a session.
pub(crate) struct Channel {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    pub(crate) carrier: Carrier,
}

/// The direction that messages come in.
pub(crate) struct Reader {
    stream: ReadHalf<Boxed>,
    buf: BytesMut,
}

/// The direction that messages go out.
pub(crate) struct Writer {
    stream: WriteHalf<Boxed>,
    buf: BytesMut,
}

impl Channel {
    /// A channel over a stream of which `prefix` was read already.
    pub(crate) fn new(stream: impl Stream + 'static, carrier: Carrier, prefix: &[u8]) -> Self {
        let stream: Boxed = Box::pin(stream);
        let (read, write) = tokio::io::split(stream);
        Self {
            reader: Reader {
                stream: read,
                buf: BytesMut::from(prefix),
            },
            writer: Writer {
                stream: write,
                buf: BytesMut::new(),
            },
            carrier,
        }
    }
}

/// Bytes that are read at once: a message that announces more is not waited for in memory.
const READ_SIZE: usize = 8 << 10;

impl Reader {
    /// The next message that this version knows. Not safe to cancel and call again only in that
    /// the caller must not forget the reader: what was read stays in it.
    pub(crate) async fn next(&mut self) -> Result<Message, SessionError> {
        loop {
            match Frame::decode(&mut self.buf)? {
                Some(Message::Unknown) => {}
                Some(message) => return Ok(message),
                None => self.fill().await?,
            }
        }
    }

    /// The bytes that are there, at least `len` of them.
    pub(crate) async fn peek(&mut self, len: usize) -> Result<&[u8], SessionError> {
        while self.buf.len() < len {
            self.fill().await?;
        }
        Ok(&self.buf)
    }

    /// Drops bytes off the front that [`Self::peek`] showed.
    pub(crate) fn skip(&mut self, len: usize) {
        drop(self.buf.split_to(len));
    }

    async fn fill(&mut self) -> Result<(), SessionError> {
        self.buf.reserve(READ_SIZE);
        match self.stream.read_buf(&mut self.buf).await? {
            0 => Err(SessionError::Closed),
            _ => Ok(()),
        }
    }
}

impl Writer {
    /// Sends a message.
    pub(crate) async fn send(&mut self, message: &Message) -> Result<(), SessionError> {
        Frame::encode(message, &mut self.buf)?;
        self.flush().await
    }

    /// Sends bytes ahead of the messages.
    pub(crate) async fn send_raw(&mut self, bytes: Bytes) -> Result<(), SessionError> {
        self.buf.extend_from_slice(&bytes);
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), SessionError> {
        self.stream.write_all_buf(&mut self.buf).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// Ends the direction, so that what was sent arrives before the connection goes.
    pub(crate) async fn close(&mut self) {
        // The other side may be gone already.
        let _ = self.stream.shutdown().await;
    }
}
