//! What the tests of the peer share.

#![allow(dead_code, reason = "each test program uses some of it")]

pub(crate) mod log;
pub(crate) mod raw;

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use dolab_content::{
    ContentId, Layout, PieceMap, PiecesHashFile, Sink, Source, StoreError, Synthetic, hash_source,
};
use dolab_peer::{Download, Event, Peer, PeerConfig, Priority, Shared, Transfer, TransferReport};
use tokio::sync::broadcast;

/// Fails the test when something takes longer than it ever should, on any machine.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(Duration::from_secs(120), future).await {
        Ok(output) => output,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// Waits for something that a peer tells.
pub(crate) async fn told(
    what: &str,
    events: &mut broadcast::Receiver<Event>,
    is_it: impl Fn(&Event) -> bool,
) -> Event {
    within(what, async {
        loop {
            let event = events.recv().await.unwrap();
            if is_it(&event) {
                return event;
            }
        }
    })
    .await
}

/// Looks again and again until it is so. For what the system knows and tells nobody of.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    within(what, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A peer on a free port of the loopback address.
pub(crate) async fn peer() -> Peer {
    peer_with(|_| {}).await
}

pub(crate) async fn peer_with(change: impl FnOnce(&mut PeerConfig)) -> Peer {
    let mut config = PeerConfig {
        listen: vec![loopback(0)],
        ..PeerConfig::default()
    };
    change(&mut config);
    Peer::start(config).await.unwrap()
}

pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
}

pub(crate) fn addr(peer: &Peer) -> SocketAddr {
    peer.local_addrs()[0]
}

/// A synthetic content.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) source: Synthetic,
    pub(crate) hashes: Arc<PiecesHashFile>,
}

impl Made {
    pub(crate) fn new(seed: u64, length: u64, piece_size: u32) -> Self {
        let source = Synthetic::new(seed, length);
        let layout = Layout::new(length, piece_size).unwrap();
        let hashes = hash_source(&source, layout, 1, &|_| {}).unwrap();
        Self {
            source,
            hashes: hashes.into(),
        }
    }

    pub(crate) fn id(&self) -> ContentId {
        self.hashes.id()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.source.length() as usize];
        self.source.read_at(0, &mut bytes).unwrap();
        bytes
    }

    pub(crate) async fn shared_by(&self, peer: &Peer) {
        self.shared_from(peer, Arc::new(self.source)).await;
    }

    pub(crate) async fn shared_from(&self, peer: &Peer, source: Arc<dyn Source>) {
        let shared = Shared {
            name: "made".into(),
            hashes: self.hashes.clone(),
            source,
        };
        assert_eq!(peer.share(shared).await.unwrap(), self.id());
    }

    pub(crate) async fn fetched_by(&self, peer: &Peer, sink: Arc<dyn Sink>) -> Transfer {
        peer.download(self.download(sink)).await.unwrap()
    }

    /// A whole transfer from one peer to another.
    pub(crate) async fn moved(
        &self,
        from: &Peer,
        to: &Peer,
        sink: Arc<dyn Sink>,
    ) -> TransferReport {
        let transfer = self.fetched_by(to, sink).await;
        to.candidate(self.id(), addr(from)).await;
        within("the transfer", transfer.finished()).await.unwrap()
    }

    pub(crate) fn download(&self, sink: Arc<dyn Sink>) -> Download {
        Download {
            name: "made".into(),
            hashes: self.hashes.clone(),
            have: PieceMap::empty(self.hashes.layout().pieces()),
            sink,
            source: None,
            priority: Priority::Foreground,
            sources: None,
        }
    }
}

/// Keeps everything in memory, and can be read from.
pub(crate) struct Memory {
    layout: Layout,
    bytes: Mutex<Vec<u8>>,
}

impl Memory {
    pub(crate) fn new(made: &Made) -> Arc<Self> {
        let layout = made.hashes.layout();
        Arc::new(Self {
            layout,
            bytes: vec![0; layout.length() as usize].into(),
        })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }
}

impl Sink for Memory {
    fn write_piece(&self, piece: u32, bytes: &[u8]) -> Result<(), StoreError> {
        assert_eq!(self.layout.piece_len(piece), Some(bytes.len() as u32));
        let at = self.layout.offset(piece) as usize;
        self.bytes.lock().unwrap()[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

impl Source for Memory {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        let at = offset as usize;
        buf.copy_from_slice(&self.bytes.lock().unwrap()[at..at + buf.len()]);
        Ok(())
    }
}
