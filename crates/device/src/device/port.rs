//! The port that others reach this device on. A real device opens it only while something is
//! transferred (reported); whether this one does, is a choice.

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use dolab_peer::{FarEnd, Peer, PeerConfig, StartError};
use dolab_wire::is_near;
use tokio::{net::TcpListener, task::JoinHandle};

/// The listener, where it is the device's own.
#[derive(Debug)]
pub(super) struct Port {
    /// `None`: the peer listens by itself, all the time.
    idle: Option<Idle>,
    /// Whether the peer is somebody else's, who stops it.
    lent: bool,
}

#[derive(Debug)]
struct Idle {
    wished: Vec<SocketAddr>,
    allow_public: bool,
    open: Mutex<Vec<(SocketAddr, JoinHandle<()>)>>,
}

impl Port {
    /// Starts the peer, with the listener in its hands or in ours.
    pub(super) async fn start(
        mut config: PeerConfig,
        idle_port_closed: bool,
    ) -> Result<(Peer, Self), StartError> {
        let idle = idle_port_closed.then(|| Idle {
            wished: std::mem::take(&mut config.listen),
            allow_public: config.allow_public,
            open: Mutex::default(),
        });
        let port = Self { idle, lent: false };
        Ok((Peer::start(config).await?, port))
    }

    /// That of a peer which somebody else has started.
    pub(super) fn of_another() -> Self {
        Self {
            idle: None,
            lent: true,
        }
    }

    /// Where others reach this device now.
    pub(super) fn local_addrs(&self, peer: &Peer) -> Vec<SocketAddr> {
        match &self.idle {
            None => peer.local_addrs().to_vec(),
            Some(idle) => idle.open().iter().map(|(addr, _)| *addr).collect(),
        }
    }

    /// The port's number, open or not; `None` where nothing ever listens.
    pub(super) fn number(&self, peer: &Peer) -> Option<u16> {
        let addrs = self.local_addrs(peer);
        let wished = self.idle.as_ref().map_or(&[][..], |idle| &idle.wished);
        let first = addrs.first().or_else(|| wished.first());
        first.map(SocketAddr::port).filter(|&port| port != 0)
    }

    /// Opens the port for transfers, or closes it after them. Nothing where the peer itself listens.
    pub(super) fn follow(&self, active: bool, peer: &Peer) {
        let Some(idle) = &self.idle else { return };
        if !active {
            idle.close();
        } else if idle.open().is_empty() {
            idle.listen(peer);
        }
    }

    /// Closes it for good, and stops the peer unless it is somebody else's.
    pub(super) async fn close(&self, peer: &Peer) {
        if let Some(idle) = &self.idle {
            idle.close();
        }
        if !self.lent {
            peer.stop().await;
        }
    }
}

impl Idle {
    fn listen(&self, peer: &Peer) {
        for &addr in &self.wished {
            match self.listen_on(addr, peer) {
                Ok(opened) => self.open().push(opened),
                Err(error) => tracing::warn!(%addr, %error, "the port stays closed"),
            }
        }
    }

    fn listen_on(&self, addr: SocketAddr, peer: &Peer) -> io::Result<(SocketAddr, JoinHandle<()>)> {
        let listener = std::net::TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let addr = listener.local_addr()?;
        let (peer, allow_public) = (peer.clone(), self.allow_public);
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, remote)) if allow_public || is_near(remote.ip()) => {
                        peer.attach(stream, FarEnd::caller(remote)).await;
                    }
                    Ok(_) => {}
                    // Out of descriptors: others may be given back.
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                }
            }
        });
        Ok((addr, task))
    }

    fn close(&self) {
        for (_, task) in self.open().drain(..) {
            task.abort();
        }
    }

    fn open(&self) -> MutexGuard<'_, Vec<(SocketAddr, JoinHandle<()>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(idle) = &self.idle {
            idle.close();
        }
    }
}
