//! 50 connections, each of which asks again when it has its answer.

use std::{
    fmt::Write,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use dolab_wire::{
    DownloadMode,
    cloud::{ARRAY_HOST, Join},
    swarm::PeerId,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

pub(super) const CONTENTS: u32 = 100;
const DEVICES: u32 = 10_000;
const CONNECTIONS: u32 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Joins over TLS, all of a connection's over that one.
    JoinKept,
    /// Joins over TLS, each over a connection of its own.
    JoinAnew,
    /// Announces over HTTP, each over a connection of its own.
    Announce,
}

pub(super) struct Load {
    form: Form,
    addr: SocketAddr,
    tls: TlsConnector,
    runtime: Runtime,
    requests: Arc<Vec<Vec<u8>>>,
}

pub(super) struct Measured {
    pub(super) rate: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Bytes of an answer.
    pub(super) bytes: f64,
}

impl Load {
    pub(super) fn new(form: Form, addr: SocketAddr, authority: &[u8]) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority) {
            let certificate = certificate.expect("a certificate");
            roots.add(certificate).expect("an authority");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring knows the default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Each connection is a device of its own: none has a ticket of another.
        tls.resumption = rustls::client::Resumption::disabled();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self {
            form,
            addr,
            tls: TlsConnector::from(Arc::new(tls)),
            runtime: runtime.expect("a runtime"),
            requests: Arc::new((0..DEVICES).map(|n| request(form, n)).collect()),
        }
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// Every device once.
    pub(super) fn register_all(&self) {
        self.runtime.block_on(async {
            let mut exchange = self.exchange();
            for request in self.requests.iter() {
                exchange.ask(request).await;
            }
        });
    }

    pub(super) fn run(&self, time: Duration) -> Measured {
        let began = Instant::now();
        let end = began + time;
        let one = |n: u32| {
            let (mut exchange, requests) = (self.exchange(), self.requests.clone());
            let mut chance = ChaCha8Rng::seed_from_u64(n.into());
            self.runtime.spawn(async move {
                let (mut times, mut bytes) = (Vec::new(), 0);
                let mut now = Instant::now();
                while now < end {
                    let request = &requests[chance.random_range(0..requests.len())];
                    bytes += exchange.ask(request).await;
                    let then = now;
                    now = Instant::now();
                    times.push(now - then);
                }
                (times, bytes)
            })
        };
        let tasks: Vec<_> = (0..CONNECTIONS).map(one).collect();
        let (mut times, mut bytes) = (Vec::new(), 0);
        for task in tasks {
            let (more, sent) = self
                .runtime
                .block_on(task)
                .expect("a load that goes through");
            times.extend(more);
            bytes += sent;
        }
        let taken = began.elapsed().as_secs_f64();
        times.sort_unstable();
        let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        Measured {
            rate: times.len() as f64 / taken,
            p50_ms: at(0.50),
            p99_ms: at(0.99),
            bytes: bytes as f64 / times.len() as f64,
        }
    }

    fn exchange(&self) -> Exchange {
        Exchange {
            form: self.form,
            addr: self.addr,
            tls: self.tls.clone(),
            kept: None,
            buffer: Vec::new(),
        }
    }
}

fn request(form: Form, n: u32) -> Vec<u8> {
    let (content, device) = (n % CONTENTS, n / CONTENTS);
    if form == Form::Announce {
        let hash = info_hash(content)
            .map(|byte| format!("%{byte:02x}"))
            .concat();
        let port = 10_000 + device;
        return format!(
            "GET /announce?info_hash={hash}&peer_id=-XX0001-{n:012}&port={port}&uploaded=0\
             &downloaded=0&left=1&compact=1&numwant=50 HTTP/1.0\r\nHost: tracker\r\n\r\n"
        )
        .into_bytes();
    }
    let mut id = [0x5A; 20];
    id[..4].copy_from_slice(&n.to_be_bytes());
    let body = Join {
        reported_ip: Some(Ipv4Addr::from_bits(0x0A00_0000 + device)),
        subnet_mask: Some([255, 255, 255, 0].into()),
        left: 1,
        peers_wanted: 50,
        ..Join::new(&format!("content {content}"), PeerId(id), DownloadMode::Lan)
    }
    .to_json();
    let close = if form == Form::JoinAnew {
        "Connection: close\r\n"
    } else {
        ""
    };
    let mut head = format!("POST /join/ HTTP/1.1\r\nHost: {ARRAY_HOST}\r\n{close}");
    let _ = write!(
        head,
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// What opentracker has to be told that it serves.
pub(super) fn info_hash(content: u32) -> [u8; 20] {
    let mut hash = [0xC3; 20];
    hash[..4].copy_from_slice(&content.to_be_bytes());
    hash
}

/// One of the 50.
struct Exchange {
    form: Form,
    addr: SocketAddr,
    tls: TlsConnector,
    kept: Option<TlsStream<TcpStream>>,
    buffer: Vec<u8>,
}

impl Exchange {
    /// Sends a request and reads its whole answer, of which it gives the length.
    async fn ask(&mut self, request: &[u8]) -> usize {
        let buffer = &mut self.buffer;
        buffer.clear();
        if self.form == Form::Announce {
            let mut stream = connect(self.addr).await;
            return converse(&mut stream, request, buffer).await;
        }
        let mut stream = match self.kept.take() {
            Some(stream) => stream,
            None => {
                let name = ServerName::try_from(ARRAY_HOST).expect("a name");
                let stream = connect(self.addr).await;
                self.tls.connect(name, stream).await.expect("TLS")
            }
        };
        let len = converse(&mut stream, request, buffer).await;
        if self.form == Form::JoinKept {
            self.kept = Some(stream);
        }
        len
    }
}

async fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    // Tens of thousands of connections in a minute: none may keep its port busy afterwards.
    stream.set_zero_linger().expect("a socket");
    stream
}

async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> usize {
    stream.write_all(request).await.expect("a request goes out");
    stream.flush().await.expect("a request goes out");
    let mut whole = None;
    loop {
        let read = stream.read_buf(buffer).await.unwrap_or(0);
        if whole.is_none() {
            whole = end_of(buffer);
        }
        if read == 0 || whole.is_some_and(|whole| buffer.len() >= whole) {
            break;
        }
    }
    let is_good = buffer.starts_with(b"HTTP/1.1 200 ");
    let has_peers = buffer
        .windows(5)
        .any(|five| five.eq_ignore_ascii_case(b"peers"));
    assert!(is_good && has_peers, "{}", String::from_utf8_lossy(buffer));
    buffer.len()
}

/// Where the answer ends, once its head is there.
fn end_of(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    })?;
    Some(head + length)
}
