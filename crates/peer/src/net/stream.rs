//! What a connection's bytes go over: TCP, with everything that the kernel does for it, or whatever
//! else carries bytes in order.

use std::{
    io::{self, IoSlice},
    net::{Shutdown, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{BufMut, BytesMut};
use dolab_content::ContentId;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    net::TcpStream,
    sync::Mutex,
    time::timeout,
};

use super::{Gauge, canonical, socket};

/// A connection to another peer, for [`Peer::attach`](crate::Peer::attach): a TCP connection, made
/// by `From`, or any other stream of bytes.
///
/// TCP is what peers speak; on it bodies leave by `sendfile` (Linux), and the kernel tells how it
/// stands. On any other stream the same protocol is spoken, bodies pass through a buffer of this
/// process, and whatever asks the kernel has no answer.
pub struct Stream(Kind);

/// The two ways. Each function of [`Stream`] tells them apart once, so that TCP pays for one branch.
enum Kind {
    Tcp(Arc<TcpStream>),
    Other(Box<Other>),
}

/// Both directions of a stream. Each is used by one half of the connection's task, so that nobody
/// ever waits for these locks.
struct Other {
    reading: Mutex<ReadHalf<Box<dyn Bytes>>>,
    writing: Mutex<WriteHalf<Box<dyn Bytes>>>,
}

trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// What is known of who is at the other end of a [`Stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FarEnd {
    pub(crate) addr: SocketAddr,
    pub(crate) asked_for: Option<ContentId>,
}

impl FarEnd {
    /// Somebody who opened the stream, and therefore shakes hands first (observed).
    ///
    /// The address is what the peer is known by: connections are counted and bans kept by it, its
    /// subnet says whether it is on the LAN, reports name it. It is not spoken to. For a stream
    /// between no addresses any will do that no other peer has.
    pub fn caller(addr: SocketAddr) -> Self {
        Self {
            addr: canonical(addr),
            asked_for: None,
        }
    }

    /// Somebody to whom this side opened the stream for the sake of a content: this side shakes
    /// hands first. The address is as for [`Self::caller`].
    pub fn callee(addr: SocketAddr, content: ContentId) -> Self {
        Self {
            addr: canonical(addr),
            asked_for: Some(content),
        }
    }
}

impl Stream {
    /// A stream that is no TCP connection of this system.
    pub fn other(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let stream: Box<dyn Bytes> = Box::new(stream);
        let (reading, writing) = tokio::io::split(stream);
        Self(Kind::Other(Box::new(Other {
            reading: reading.into(),
            writing: writing.into(),
        })))
    }

    /// The TCP connection, if it is one.
    pub(crate) fn tcp(&self) -> Option<&Arc<TcpStream>> {
        match &self.0 {
            Kind::Tcp(tcp) => Some(tcp),
            Kind::Other(_) => None,
        }
    }

    /// The TCP connection, if it is one and nobody else has it.
    pub(crate) fn into_tcp(self) -> Option<TcpStream> {
        match self.0 {
            Kind::Tcp(tcp) => Arc::into_inner(tcp),
            Kind::Other(_) => None,
        }
    }

    /// What asks the kernel how it stands, for as long as it is there.
    pub(crate) fn gauge(&self) -> Gauge {
        match &self.0 {
            Kind::Tcp(tcp) => Gauge::Tcp(Arc::downgrade(tcp)),
            Kind::Other(_) => Gauge::None,
        }
    }

    /// Our end of it, where it has an address.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.tcp()?.local_addr().ok().map(canonical)
    }

    /// Sets the options of a connection that was accepted or taken over.
    ///
    /// # Errors
    /// As [`socket::apply`].
    pub(crate) fn prepare(&self) -> io::Result<()> {
        self.tcp().map_or(Ok(()), |tcp| socket::apply(tcp))
    }

    /// Reads at least one and at most `most` bytes behind what is in `buffer`; 0 at the end. Whoever
    /// gives up waiting has lost nothing.
    ///
    /// # Errors
    /// What the stream said.
    pub(crate) async fn read(&self, buffer: &mut BytesMut, most: usize) -> io::Result<usize> {
        // Before, not after, or who gives up waiting would lose what was read. A connection on which
        // there is always something must not keep its thread for itself.
        tokio::task::consume_budget().await;
        let mut room = buffer.limit(most);
        match &self.0 {
            Kind::Tcp(tcp) => loop {
                match tcp.try_read_buf(&mut room) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        tcp.readable().await?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => return read,
                }
            },
            Kind::Other(other) => other.reading.lock().await.read_buf(&mut room).await,
        }
    }

    /// Writes at least one of these bytes; `None` when not one was taken for so long.
    ///
    /// # Errors
    /// What the stream said.
    pub(crate) async fn write(
        &self,
        bytes: &[IoSlice<'_>],
        patience: Duration,
    ) -> io::Result<Option<usize>> {
        let wrote = match &self.0 {
            Kind::Tcp(tcp) => loop {
                match tcp.try_write_vectored(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        match timeout(patience, tcp.writable()).await {
                            Ok(ready) => ready?,
                            Err(_) => return Ok(None),
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    wrote => break wrote?,
                }
            },
            Kind::Other(other) => {
                let mut writing = other.writing.lock().await;
                match timeout(patience, writing.write_vectored(bytes)).await {
                    Ok(wrote) => wrote?,
                    Err(_) => return Ok(None),
                }
            }
        };
        match wrote {
            0 => Err(io::ErrorKind::WriteZero.into()),
            wrote => Ok(Some(wrote)),
        }
    }

    /// Lets everything leave that was written. Returns whether it did in time.
    ///
    /// # Errors
    /// What the stream said.
    pub(crate) async fn flush(&self, patience: Duration) -> io::Result<bool> {
        match &self.0 {
            // The kernel keeps nothing back: see [`socket::apply`].
            Kind::Tcp(_) => Ok(true),
            Kind::Other(other) => {
                let mut writing = other.writing.lock().await;
                match timeout(patience, writing.flush()).await {
                    Ok(flushed) => flushed.map(|()| true),
                    Err(_) => Ok(false),
                }
            }
        }
    }

    /// Says that nothing more comes from this side.
    ///
    /// # Errors
    /// What the stream said.
    pub(crate) async fn shutdown(&self) -> io::Result<()> {
        match &self.0 {
            Kind::Tcp(tcp) => SockRef::from(&**tcp).shutdown(Shutdown::Write),
            Kind::Other(other) => other.writing.lock().await.shutdown().await,
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        Self(Kind::Tcp(tcp.into()))
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::Tcp(tcp) => tcp.fmt(f),
            Kind::Other(_) => f.write_str("Other"),
        }
    }
}
