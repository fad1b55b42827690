//! What the engine can be asked about itself, for reports and progress bars.

use std::{fmt, net::SocketAddr};

use dolab_content::{ContentId, Layout, PieceMap};
use dolab_wire::{PeerType, swarm::PeerId};

use crate::{CloseReason, ConnId, Traffic};

/// A content, as it stands now.
#[derive(Clone, Debug)]
pub struct ContentReport<'a> {
    /// The content.
    pub content: ContentId,
    /// How it is cut.
    pub layout: Layout,
    /// The pieces that are there.
    pub have: &'a PieceMap,
    /// Number of pieces that are missing.
    pub missing: u32,
    /// Number of pieces that are being received or verified.
    pub in_flight: u32,
    /// Whether fetching stopped because this host could not keep a piece.
    pub failed: bool,
    /// Peers with which a handshake was exchanged.
    pub peers: usize,
    /// Peers that were offered, connected or not: what the status calls `NumPeers` (documented).
    pub offered: usize,
    /// Requests over HTTP that are under way.
    pub fetches: usize,
    /// What its sources brought and its peers took.
    pub traffic: &'a Traffic,
}

/// A peer that was offered for a content, and what came of it. Kept until the content is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateReport {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What type of peer it was offered as; [`PeerType::None`] when nobody said.
    pub kind: PeerType,
    /// Whether hands were ever shaken with it.
    pub connected: bool,
    /// Times that it was dialled.
    pub tries: u32,
    /// Why the last try ended, or why none was made.
    pub failure: Option<CloseReason>,
}

/// A connection, as it stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionReport {
    /// The connection.
    pub conn: ConnId,
    /// Its content, once it is known.
    pub content: Option<ContentId>,
    /// The other side's address.
    pub remote: SocketAddr,
    /// What type of peer it counts as; [`PeerType::None`] before its content is known.
    pub kind: PeerType,
    /// The other side's identity, once it is known.
    pub peer: Option<PeerId>,
    /// How far the exchange has come.
    pub state: SessionState,
    /// Bytes of pieces received, good or bad.
    pub bytes_down: u64,
    /// Bytes of pieces sent.
    pub bytes_up: u64,
    /// Bytes of pieces received each second, lately.
    pub rate_down: u64,
    /// Shortest time that a request took to its answer's first byte.
    pub round_trip: Option<std::time::Duration>,
    /// Requests that are not answered yet.
    pub outstanding_requests: usize,
    /// Whether this device wants pieces of the peer.
    pub interested: bool,
    /// Whether the peer wants pieces of this device.
    pub wanted: bool,
    /// Whether the peer answers our requests.
    pub unchoked_by_peer: bool,
    /// Whether this device answers the peer's requests.
    pub unchoked: bool,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionState {
    /// The driver was asked to connect.
    Dialling,
    /// Our handshake is out, theirs is due.
    Greeting,
    /// Accepted: their handshake is due.
    Awaiting,
    /// Both shook hands, and our bitfield is out: theirs is due.
    Mapping,
    /// Pieces go both ways.
    Exchanging,
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dialling => "dialling",
            Self::Greeting => "greeting",
            Self::Awaiting => "awaiting",
            Self::Mapping => "mapping",
            Self::Exchanging => "exchanging",
        })
    }
}

/// What happened since the engine was made. They only rise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Connections that were asked for.
    pub dialled: u64,
    /// Connections that were asked for and did not come about.
    pub dial_failures: u64,
    /// Handshakes for swarms that are not here.
    pub unknown_swarms: u64,
    /// Connections refused because of a limit.
    pub refused: u64,
    /// Connections refused or closed because of a ban.
    pub banned: u64,
    /// Peers that were banned.
    pub bans: u64,
    /// Connections closed because the peer broke the rules.
    pub violations: u64,
    /// Connections closed because the peer's bytes were no messages.
    pub malformed: u64,
    /// Connections closed because something did not happen in time.
    pub timeouts: u64,
    /// Pieces that were stored.
    pub stored_pieces: u64,
    /// Pieces that failed their hash.
    pub bad_pieces: u64,
    /// Bytes of pieces that came, good or bad.
    pub bytes_down: u64,
    /// Bytes of pieces that were sent.
    pub bytes_up: u64,
    /// Bytes of pieces that came and were dropped unread: cancelled or too late.
    pub discarded_bytes: u64,
    /// Requests ignored because they crossed a choke.
    pub crossed_requests: u64,
    /// Requests over HTTP.
    pub fetches: u64,
    /// Requests over HTTP that failed.
    pub fetch_failures: u64,
    /// Inputs about connections that were closed meanwhile.
    pub stale_inputs: u64,
}
