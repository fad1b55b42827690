use std::{net::SocketAddr, sync::Arc, time::Duration};

use dolab_content::{ContentId, PiecesHashFile};
use dolab_engine::{ConnectionReport, Limits, Traffic};

use crate::{Background, Counts, TcpInfo};

/// A content that the user named: what a catalogue may show.
#[derive(Clone, Debug)]
pub struct ContentView {
    /// The content.
    pub id: ContentId,
    /// Its name, as the user gave it.
    pub name: String,
    /// Its piece hashes.
    pub hashes: Arc<PiecesHashFile>,
    /// Pieces that are there.
    pub have: u32,
    /// Whether it can be sent to others.
    pub shared: bool,
    /// What its sources brought and its peers took.
    pub traffic: Traffic,
    /// Peers that were offered, connected or not: what the status calls `NumPeers` (documented).
    pub offered: usize,
    /// Requests over HTTP that are under way: to caches, and to the content's own servers.
    pub fetches: Fetches,
}

/// Requests over HTTP that are under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetches {
    /// To caches.
    pub caches: usize,
    /// To the content's own servers.
    pub origins: usize,
}

/// A peer at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its connections.
    pub connections: Vec<ConnectionView>,
    /// What the driver has met.
    pub counts: Counts,
    /// What the engine has met.
    pub engine: dolab_engine::Counters,
    /// Bytes of piece buffers in use, at most [`PeerConfig::memory`](crate::PeerConfig::memory).
    pub memory: usize,
    /// Bytes of upload buffers in use, at most
    /// [`PeerConfig::upload_memory`](crate::PeerConfig::upload_memory).
    pub upload_memory: usize,
    /// What is fetched in the background; `None` while nothing is.
    pub background: Option<Background>,
    /// What binds the device, with what is left of it.
    pub limits: Limits,
    /// Bytes that came and went over HTTP, with headers and TLS.
    pub http: (u64, u64),
}

/// One connection at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionView {
    /// What the engine says about it.
    pub exchange: ConnectionReport,
    /// Our end of it, unless it is being dialled.
    pub local: Option<SocketAddr>,
    /// For how long it has stood.
    pub age: Duration,
    /// Bytes that came, with everything above TCP.
    pub received: u64,
    /// Bytes that were handed to the kernel, with everything above TCP.
    pub sent: u64,
    /// Whether nothing is read because there is no room for the next piece: the hash or the disk
    /// is behind.
    pub waits_for_buffer: bool,
    /// What the kernel measures on it, where it tells and while the connection stands.
    pub tcp: Option<TcpInfo>,
}
