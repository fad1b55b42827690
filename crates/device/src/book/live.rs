use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use dolab_wire::{PeerType, swarm::PeerId};

use super::{Exchange, Proposed, Reading};
use crate::{
    counters::Window,
    report::{ByClass, FileStatus, PeerEnd, PeerInfo, Status},
    state::Entry,
};

/// A file that the peer has taken up.
#[derive(Debug)]
pub(crate) struct Live {
    /// What was written down before.
    before: (ByClass<u64>, ByClass<u64>, Duration),
    /// What was read last.
    last: (ByClass<u64>, ByClass<u64>),
    began: Instant,
    read: Instant,
    peers: BTreeMap<Who, Peer>,
    proposed: u32,
    ever: ByClass<u32>,
}

/// What tells peers of one file apart. Several may share an address, and one may have several; one
/// that never shook hands is known by its address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Id(PeerId),
    Ip(IpAddr),
}

#[derive(Debug)]
struct Peer {
    ip: IpAddr,
    kind: PeerType,
    connected: bool,
    /// Bytes over connections that have ended: sent, received.
    ended: (u64, u64),
    /// The same with those that stand.
    total: (u64, u64),
    up: Window,
    down: Window,
    known_since: Instant,
    failed: Option<PeerEnd>,
}

/// What moved since the last reading.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    pub(super) from: ByClass<u64>,
    pub(super) to: ByClass<u64>,
    /// How long it took, while it was being downloaded.
    pub(super) time: Option<Duration>,
}

impl Live {
    pub(super) fn new(status: &FileStatus, now: Instant) -> Self {
        Self {
            before: (status.from, status.to, status.download_duration),
            last: Default::default(),
            began: now,
            read: now,
            peers: BTreeMap::new(),
            proposed: 0,
            ever: ByClass::default(),
        }
    }

    pub(super) fn propose(&mut self, peer: &Proposed, now: Instant) {
        let who = who(peer.id, peer.ip);
        if !self.peers.contains_key(&who) {
            self.proposed += 1;
        }
        if let Some(known) = self.peer(who, peer.ip, peer.kind, now) {
            // The link may tell of better addresses later.
            known.ip = peer.ip;
        }
    }

    pub(super) fn joined(&mut self, kind: PeerType) {
        self.ever.add(kind, 1);
    }

    pub(super) fn kind_of(&self, peer: PeerId) -> PeerType {
        let known = self.peers.get(&Who::Id(peer));
        known.map_or(PeerType::None, |peer| peer.kind)
    }

    pub(super) fn ever(&self) -> ByClass<u32> {
        self.ever
    }

    pub(super) fn left(&mut self, end: &Exchange, failed: Option<PeerEnd>, now: Instant) {
        let Some(id) = end.id else {
            // One that never shook hands moved nothing, and may be any of those at its address.
            let at = |peer: &&mut Peer| peer.ip.to_canonical() == end.ip.to_canonical();
            for peer in self.peers.values_mut().filter(at) {
                if !peer.connected {
                    peer.failed.clone_from(&failed);
                }
            }
            return;
        };
        let who = Who::Id(id);
        let Some(peer) = self.peer(who, end.ip, end.kind, now) else {
            return;
        };
        peer.failed = failed;
        peer.connected = true;
        peer.ended.0 += end.sent;
        peer.ended.1 += end.received;
        peer.total = (
            peer.total.0.max(peer.ended.0),
            peer.total.1.max(peer.ended.1),
        );
    }

    /// Long enough for a connection that can be made: on a link it takes milliseconds.
    const PATIENCE: Duration = Duration::from_secs(2);

    pub(super) fn give_up(&mut self, now: Instant) {
        for peer in self.peers.values_mut() {
            let waited = now.duration_since(peer.known_since);
            if !peer.connected && peer.failed.is_none() && waited >= Self::PATIENCE {
                let why = format!("no connection within {:.1} s", waited.as_secs_f64());
                peer.failed = Some(PeerEnd { code: None, why });
            }
        }
    }

    pub(super) fn read(&mut self, reading: &Reading, file: &mut Entry, now: Instant) -> Change {
        self.read_peers(&reading.peers, now);
        let status = &mut file.status;
        let downloading = status.status == Status::Downloading;
        let change = Change {
            from: minus(&reading.from, &self.last.0),
            to: minus(&reading.to, &self.last.1),
            time: downloading.then(|| now.duration_since(self.read)),
        };
        self.last = (reading.from, reading.to);
        self.read = now;
        (status.from, status.to) = (self.before.0, self.before.1);
        status.from.add_all(&reading.from);
        status.to.add_all(&reading.to);
        status.connections = reading.connections;
        // HTTP connections come and go unseen between two readings: what was seen at once, at least.
        self.ever.cdn = self.ever.cdn.max(reading.connections.cdn);
        self.ever.cache_host = self.ever.cache_host.max(reading.connections.cache_host);
        if downloading {
            status.download_duration = self.before.2 + now.duration_since(self.began);
        }
        if self.proposed > 0 {
            status.num_peers = self.proposed;
        }
        if !self.peers.is_empty() {
            file.peers = self.peers.values().map(Peer::info).collect();
            // The list is bounded; who gave something comes first.
            file.peers
                .sort_by_key(|peer| std::cmp::Reverse((peer.bytes_received, peer.bytes_sent)));
            file.peers.truncate(Entry::MAX_PEERS);
        }
        change
    }

    fn read_peers(&mut self, connections: &[Exchange], now: Instant) {
        let mut standing = BTreeMap::<Who, (u64, u64)>::new();
        for it in connections {
            let Some(id) = it.id else { continue };
            let who = Who::Id(id);
            let sum = standing.entry(who).or_default();
            sum.0 += it.sent;
            sum.1 += it.received;
            if let Some(peer) = self.peer(who, it.ip, it.kind, now) {
                peer.connected = true;
            }
        }
        for (who, peer) in &mut self.peers {
            let more = standing.get(who).copied().unwrap_or_default();
            // A connection that ended between two looks may be counted a look late, never twice.
            let total = (peer.ended.0 + more.0, peer.ended.1 + more.1);
            peer.total = (peer.total.0.max(total.0), peer.total.1.max(total.1));
            peer.up.look(now, peer.total.0);
            peer.down.look(now, peer.total.1);
        }
    }

    /// The peer, which is made known if there is room. One that was known by its address alone gets
    /// its identity.
    fn peer(&mut self, who: Who, ip: IpAddr, kind: PeerType, now: Instant) -> Option<&mut Peer> {
        if !self.peers.contains_key(&who) {
            let known = self.peers.remove(&Who::Ip(ip));
            if known.is_none() && self.peers.len() >= Entry::MAX_PEERS {
                return None;
            }
            let peer = known.unwrap_or_else(|| Peer::new(ip, kind, now));
            self.peers.insert(who, peer);
        }
        let peer = self.peers.get_mut(&who)?;
        if kind != PeerType::None {
            peer.kind = kind;
        }
        Some(peer)
    }
}

impl Peer {
    fn new(ip: IpAddr, kind: PeerType, now: Instant) -> Self {
        Self {
            ip,
            kind,
            connected: false,
            ended: (0, 0),
            total: (0, 0),
            up: Window::new(Window::SPAN, now, 0),
            down: Window::new(Window::SPAN, now, 0),
            known_since: now,
            failed: None,
        }
    }

    fn info(&self) -> PeerInfo {
        PeerInfo {
            ip: self.ip,
            peer_type: self.kind,
            connection_established: self.connected,
            bytes_sent: self.total.0,
            bytes_received: self.total.1,
            upload_rate: self.up.rate(),
            download_rate: self.down.rate(),
            end: self.failed.clone(),
        }
    }
}

fn who(id: Option<PeerId>, ip: IpAddr) -> Who {
    id.map_or(Who::Ip(ip), Who::Id)
}

fn minus(now: &ByClass<u64>, before: &ByClass<u64>) -> ByClass<u64> {
    ByClass {
        cdn: now.cdn.saturating_sub(before.cdn),
        cache_host: now.cache_host.saturating_sub(before.cache_host),
        lan: now.lan.saturating_sub(before.lan),
        link_local: now.link_local.saturating_sub(before.link_local),
        group: now.group.saturating_sub(before.group),
        internet: now.internet.saturating_sub(before.internet),
    }
}
