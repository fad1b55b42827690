//! From a name to a connection that stands.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use dolab_wire::is_near;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{CertificateError, pki_types::ServerName};
use socket2::{SockRef, Socket};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{ClientConfig, Error, Request, request::Target};

/// Bytes of headers, and of a body that nobody reads, that a connection holds.
const MAX_BUFFER: usize = 256 << 10;

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;

/// A connection to a server, for one request at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    pub(crate) remote: SocketAddr,
    pub(crate) wire: Arc<Wire>,
    /// Of one for requests in the background, where the system has a descriptor for it.
    pub(crate) socket: Option<Arc<Socket>>,
    /// When it last was of use.
    pub(crate) since: Instant,
}

/// Bytes that went over a connection, TLS and headers included.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    /// Bytes that are taken from the kernel in one go at most.
    most: AtomicUsize,
}

impl Wire {
    pub(crate) fn portion(&self, most: usize) {
        self.most.store(most.max(1), Ordering::Relaxed);
    }
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            most: AtomicUsize::new(usize::MAX),
        }
    }
}

/// Opens a connection. What it counts is counted in `total` as well.
pub(crate) async fn connect(
    config: &ClientConfig,
    tls: Option<&Arc<rustls::ClientConfig>>,
    request: &Request,
    total: &Arc<Wire>,
) -> Result<Connection, Error> {
    let target = &request.target;
    let tls = match (target.secure, tls) {
        (false, _) => None,
        (true, Some(tls)) => Some(tls),
        (true, None) => {
            let host = target.host.clone();
            return Err(Error::NoAuthority { host });
        }
    };
    let limit = config.connect_timeout;
    timeout(limit, stand(config, tls, request, total))
        .await
        .unwrap_or_else(|_| {
            Err(Error::ConnectTimeout {
                host: target.host.clone(),
                waited: limit,
            })
        })
}

async fn stand(
    config: &ClientConfig,
    tls: Option<&Arc<rustls::ClientConfig>>,
    request: &Request,
    total: &Arc<Wire>,
) -> Result<Connection, Error> {
    let target = &request.target;
    let host = || target.host.clone();
    let addresses = resolve(config, target).await?;
    let stream = reach(&addresses, target, config.connect_timeout).await?;
    let remote = stream.peer_addr().unwrap_or(addresses[0]);
    // Requests are small and are not to wait for one another.
    drop(stream.set_nodelay(true));
    let wire = Arc::new(Wire::default());
    let socket = request
        .background
        .then(|| SockRef::from(&stream).try_clone());
    let socket = socket.and_then(Result::ok).map(Arc::new);
    let stream = Counted {
        stream,
        wires: [wire.clone(), total.clone()],
    };
    let handshake = match tls {
        None => http(Box::new(stream)).await,
        Some(tls) => {
            let name = ServerName::try_from(target.host.clone()).map_err(|_| Error::Url {
                url: target.uri.to_string(),
                why: "the host's name can not stand in a certificate",
            })?;
            let connector = TlsConnector::from(tls.clone());
            let stream = connector
                .connect(name, stream)
                .await
                .map_err(|source| tls_failed(host(), source))?;
            http(Box::new(stream)).await
        }
    };
    let sender = handshake.map_err(|error| Error::from_hyper(&target.host, 0, &error))?;
    Ok(Connection {
        sender,
        remote,
        wire,
        socket,
        since: Instant::now(),
    })
}

/// The addresses of a name that may be spoken to.
async fn resolve(config: &ClientConfig, target: &Target) -> Result<Vec<SocketAddr>, Error> {
    let key = (target.host.clone(), target.port);
    let host = || target.host.clone();
    let mut addresses: Vec<SocketAddr> = if let Some(&addr) = config.names.get(&key) {
        vec![addr]
    } else if let Ok(ip) = target.host.parse::<IpAddr>() {
        vec![SocketAddr::new(ip, target.port)]
    } else {
        tokio::net::lookup_host((target.host.as_str(), target.port))
            .await
            .map_err(|source| Error::Name {
                host: host(),
                source,
            })?
            .collect()
    };
    let Some(&first) = addresses.first() else {
        let source = io::Error::new(io::ErrorKind::NotFound, "the name is known, without one");
        return Err(Error::Name {
            host: host(),
            source,
        });
    };
    addresses.retain(|addr| config.allow_public || is_near(addr.ip()));
    addresses.truncate(MAX_ADDRESSES);
    if addresses.is_empty() {
        return Err(Error::Public {
            host: host(),
            addr: first,
        });
    }
    Ok(addresses)
}

/// Connects to the first address that answers.
async fn reach(
    addresses: &[SocketAddr],
    target: &Target,
    limit: Duration,
) -> Result<TcpStream, Error> {
    let share = limit / addresses.len() as u32;
    let mut failed = None;
    for &addr in addresses {
        let host = target.host.clone();
        match timeout(share, TcpStream::connect(addr)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(source)) => failed = Some(Error::Connect { host, addr, source }),
            Err(_) => {
                failed = Some(Error::ConnectTimeout {
                    host,
                    waited: share,
                });
            }
        }
    }
    Err(failed.unwrap_or_else(|| Error::ConnectTimeout {
        host: target.host.clone(),
        waited: limit,
    }))
}

fn tls_failed(host: String, source: io::Error) -> Error {
    let cause = source
        .get_ref()
        .and_then(|it| it.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
            | CertificateError::Expired
            | CertificateError::ExpiredContext { .. },
        )) => Error::CertificateDate { host, source },
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Error::Certificate { host, source }
        }
        _ => Error::Tls { host, source },
    }
}

async fn http(stream: Box<dyn Stream>) -> Result<SendRequest<Full<Bytes>>, hyper::Error> {
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_BUFFER)
        .handshake(TokioIo::new(stream))
        .await?;
    // It ends with the sender, or with the body that is being read.
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(target: "dolab_http", %error, "a connection ended");
        }
    });
    Ok(sender)
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream whose bytes are counted.
#[derive(Debug)]
struct Counted {
    stream: TcpStream,
    wires: [Arc<Wire>; 2],
}

impl Counted {
    fn sent(&self, bytes: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = bytes {
            for wire in &self.wires {
                wire.sent.fetch_add(*bytes as u64, Ordering::Relaxed);
            }
        }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let most = self.wires[0].most.load(Ordering::Relaxed);
        let polled = if most >= into.remaining() {
            Pin::new(&mut self.stream).poll_read(cx, into)
        } else {
            let mut portion = ReadBuf::new(into.initialize_unfilled_to(most));
            let polled = Pin::new(&mut self.stream).poll_read(cx, &mut portion);
            let read = portion.filled().len();
            into.advance(read);
            polled
        };
        let read = (into.filled().len() - before) as u64;
        for wire in &self.wires {
            wire.received.fetch_add(read, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.sent(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.sent(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
