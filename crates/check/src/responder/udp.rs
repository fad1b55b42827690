//! UDP sockets for both sides of QUIC and for Teredo.
//!
//! A datagram is answered from the address that it came to, which on a host with several
//! addresses the kernel would not do by itself. Where the system lacks the means (Wine), a plain
//! socket serves. Errors, which QUIC passes over, are told to an [`Observer`].

use std::{
    fmt, io,
    io::IoSliceMut,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit, UdpSocketState},
};
use tokio::io::Interest;

/// Sees what a socket does.
pub(crate) trait Observer: Send + Sync + fmt::Debug + 'static {
    /// A datagram came.
    fn came(&self, from: SocketAddr);
    /// The system took a datagram, or not.
    fn sent(&self, to: SocketAddr, result: Result<(), &io::Error>);
    /// Receiving failed: for a connected socket, what ICMP said.
    fn failed(&self, error: &io::Error);
}

/// A UDP socket that is observed.
pub(crate) struct Socket {
    io: tokio::net::UdpSocket,
    /// What it takes to choose the address to answer from; not for a connected socket, and not
    /// under Wine.
    state: Option<UdpSocketState>,
    peer: Option<SocketAddr>,
    observer: Arc<dyn Observer>,
}

impl Socket {
    /// A socket that serves many. It has to be non-blocking.
    pub(crate) fn serving(
        socket: std::net::UdpSocket,
        observer: Arc<dyn Observer>,
    ) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())
            .inspect_err(|error| tracing::info!(%error, "a plain UDP socket has to serve"))
            .ok();
        Ok(Self {
            io: tokio::net::UdpSocket::from_std(socket)?,
            state,
            peer: None,
            observer,
        })
    }

    /// A socket that is connected to `peer`, and so hears of ICMP errors. It has to be
    /// non-blocking.
    pub(crate) fn calling(
        socket: std::net::UdpSocket,
        peer: SocketAddr,
        observer: Arc<dyn Observer>,
    ) -> io::Result<Self> {
        let io = tokio::net::UdpSocket::from_std(socket)?;
        Ok(Self {
            io,
            state: None,
            peer: Some(peer),
            observer,
        })
    }

    /// Waits until there is something to receive, an error included.
    pub(crate) async fn ready(&self) {
        // That the reactor is gone shows with the next call.
        drop(self.io.readable().await);
    }

    /// The next datagram: how long it is, where it came from, and to which of our addresses.
    pub(crate) async fn receive(
        &self,
        buf: &mut [u8],
    ) -> io::Result<(usize, SocketAddr, Option<IpAddr>)> {
        let mut meta = [RecvMeta::default()];
        std::future::poll_fn(|cx| self.poll_recv(cx, &mut [IoSliceMut::new(buf)], &mut meta))
            .await?;
        let [meta] = meta;
        // Where the kernel gave several datagrams at once, the first has to do.
        Ok((meta.len.min(meta.stride), meta.addr, meta.dst_ip))
    }

    /// Sends one datagram, from one of our addresses.
    pub(crate) async fn send(
        &self,
        contents: &[u8],
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> io::Result<()> {
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents,
            segment_size: None,
            src_ip: from,
        };
        loop {
            self.io.writable().await?;
            match self.transmit(&transmit) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    fn transmit(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let result = match (&self.state, self.peer) {
            (Some(state), _) => self.io.try_io(Interest::WRITABLE, || {
                state.try_send((&self.io).into(), transmit)
            }),
            (None, Some(_)) => self.io.try_send(transmit.contents).map(drop),
            (None, None) => self
                .io
                .try_send_to(transmit.contents, transmit.destination)
                .map(drop),
        };
        match &result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => self
                .observer
                .sent(transmit.destination, result.as_ref().copied()),
        }
        result
    }

    fn plain_receive(
        &self,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> io::Result<usize> {
        let (len, addr) = match self.peer {
            Some(peer) => (self.io.try_recv(&mut bufs[0])?, peer),
            None => self.io.try_recv_from(&mut bufs[0])?,
        };
        meta[0] = RecvMeta {
            addr,
            len,
            stride: len,
            ecn: None,
            dst_ip: None,
        };
        Ok(1)
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable(self))
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        match self.transmit(transmit) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            // To QUIC a datagram that was not sent is one that was lost. The observer knows.
            _ => Ok(()),
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        // An error that does not go away would keep this turning for ever.
        let mut patience = 32;
        loop {
            ready!(self.io.poll_recv_ready(cx))?;
            let received = match &self.state {
                Some(state) => self.io.try_io(Interest::READABLE, || {
                    state.recv((&self.io).into(), bufs, meta)
                }),
                None => self.plain_receive(bufs, meta),
            };
            match received {
                Ok(count) => {
                    meta[..count]
                        .iter()
                        .for_each(|meta| self.observer.came(meta.addr));
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Bad news from ICMP about an earlier datagram; the socket is as good as before.
                Err(error) => {
                    self.observer.failed(&error);
                    patience -= 1;
                    if patience == 0 {
                        return Poll::Ready(Err(error));
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    fn max_receive_segments(&self) -> usize {
        self.state.as_ref().map_or(1, UdpSocketState::gro_segments)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("io", &self.io)
            .field("peer", &self.peer)
            .finish()
    }
}

#[derive(Debug)]
struct Writable(Arc<Socket>);

impl UdpPoller for Writable {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.io.poll_send_ready(cx)
    }
}
