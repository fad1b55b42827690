//! What takes part in connections in a router: TLS inspection, a captive portal, a proxy without
//! ranges.
//!
//! The router redirects connections to a listener of ours in its namespace, which learns from the
//! kernel where they were going.

mod http;
mod tls;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    os::{fd::AsFd as _, unix::net::UnixStream},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use nix::sys::socket::{getsockopt, sockopt::OriginalDst};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};

use self::tls::Inspector;
use crate::topology::MiddleboxKind;

/// Connections that are served at the same time.
const AT_MOST: usize = 256;
/// How long a client may take for a handshake or a request's head.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 22;

/// A middlebox that runs.
#[derive(Debug)]
pub(super) struct Middlebox {
    /// Closing it ends the thread.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Middlebox {
    /// Starts one in the namespace that the caller is in, on this port.
    pub(super) fn start(kind: MiddleboxKind, port: u16) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
        listener.set_nonblocking(true)?;
        let inspector = Arc::new(Inspector::new().map_err(io::Error::other)?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = UnixStream::pair()?;
        stopped.set_nonblocking(true)?;
        let thread = std::thread::Builder::new()
            .name("lab middlebox".to_owned())
            .spawn(move || {
                // What fails when it begins has failed by now.
                let _ = runtime.block_on(async {
                    let stopped = tokio::net::UnixStream::from_std(stopped)?;
                    let listener = TcpListener::from_std(listener)?;
                    tokio::select! {
                        result = stopped.readable() => result,
                        result = serve(kind, &listener, &inspector) => result,
                    }
                });
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Middlebox {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed when it happened.
            let _ = thread.join();
        }
    }
}

async fn serve(
    kind: MiddleboxKind,
    listener: &TcpListener,
    inspector: &Arc<Inspector>,
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(AT_MOST));
    loop {
        let permit = Arc::clone(&room).acquire_owned().await;
        let (client, _) = listener.accept().await?;
        let inspector = Arc::clone(inspector);
        tokio::spawn(async move {
            let _permit = permit;
            // The client sees a connection that ends.
            let _ = take(kind, client, &inspector).await;
        });
    }
}

/// Where a redirected connection was going.
fn destination(client: &TcpStream) -> io::Result<SocketAddr> {
    let address = getsockopt(&client.as_fd(), OriginalDst)?;
    let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
    Ok(SocketAddrV4::new(ip, u16::from_be(address.sin_port)).into())
}

async fn take(kind: MiddleboxKind, client: TcpStream, inspector: &Inspector) -> io::Result<()> {
    let server = destination(&client)?;
    let mut first = [0];
    timeout(PATIENCE, client.peek(&mut first)).await??;
    let tls = first[0] == TLS_HANDSHAKE;
    match kind {
        MiddleboxKind::CaptivePortal if tls => {
            let (mut client, _) = timeout(PATIENCE, inspector.accept(client)).await??;
            http::sign_in(&mut client).await
        }
        MiddleboxKind::CaptivePortal => {
            let mut client = client;
            http::sign_in(&mut client).await
        }
        MiddleboxKind::InspectTls if tls => {
            let (mut client, name) = timeout(PATIENCE, inspector.accept(client)).await??;
            let mut server = inspector.connect(server, name).await?;
            copy_bidirectional(&mut client, &mut server).await.map(drop)
        }
        MiddleboxKind::StripRange if !tls => {
            let mut client = client;
            let mut server = TcpStream::connect(server).await?;
            http::without_ranges(&mut client, &mut server).await
        }
        // Nothing that it understands: passed on as it is.
        MiddleboxKind::InspectTls | MiddleboxKind::StripRange => {
            let mut client = client;
            let mut server = TcpStream::connect(server).await?;
            copy_bidirectional(&mut client, &mut server).await.map(drop)
        }
    }
}
