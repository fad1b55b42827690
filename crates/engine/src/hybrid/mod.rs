//! HTTP beside peers: when it is asked, whom, and for how much.

mod floor;
mod host_bans;
mod sources;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use floor::Floor;
pub(crate) use floor::time_for;
pub(crate) use host_bans::HostBans;
pub(crate) use sources::{Choice, Sources};
use watch::Watch;

use crate::{Config, ConnId, Instant, Rules, SourceId};

/// What a content has beside peers.
#[derive(Debug)]
pub(crate) struct Hybrid {
    pub(crate) sources: Sources,
    /// When HTTP joins, unless it is in a hurry.
    from: Instant,
    floor: Option<Floor>,
    pub(crate) fetches: BTreeMap<ConnId, Fetch>,
    /// Pieces of the next request.
    pub(crate) stride: u32,
    /// Where the next request looks for pieces first.
    pub(crate) cursor: u32,
    /// From the moment on at which HTTP joins.
    watch: Option<Watch>,
    /// Bytes that came, from whomever.
    came: u64,
}

/// A request over HTTP that is under way.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) source: SourceId,
    pub(crate) began: Instant,
    /// Who answered.
    pub(crate) remote: Option<SocketAddr>,
    /// Pieces that have not landed.
    pub(crate) open: BTreeSet<u32>,
    /// Whether a range was asked for, as against the whole.
    pub(crate) ranged: bool,
    /// Of a whole: the piece that waits to be wanted or not.
    pub(crate) waiting: Option<u32>,
    /// Bytes that came, and bytes in pieces that landed.
    pub(crate) came: u64,
    pub(crate) landed: u64,
}

/// Whether HTTP may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    /// As much as it brings.
    Freely,
    /// Piece by piece, as far as the floor wants.
    ToTheFloor,
    /// Not before this moment.
    At(Instant),
}

impl Hybrid {
    pub(crate) fn new(now: Instant, sources: Sources, rules: &Rules, cursor: u32) -> Self {
        let from = if rules.peers {
            now + rules.delay_http
        } else {
            now
        };
        Self {
            sources,
            from,
            floor: rules.floor.map(|rate| Floor::new(from, rate)),
            fetches: BTreeMap::new(),
            stride: 1,
            cursor,
            watch: None,
            came: 0,
        }
    }

    /// Whether HTTP may be asked now; `delivering` when a peer has something that is missing,
    /// `hurry` when none will.
    pub(crate) fn may_ask(&mut self, now: Instant, delivering: bool, hurry: bool) -> May {
        if hurry {
            self.from = self.from.min(now);
        }
        if now < self.from {
            return May::At(self.from);
        }
        match self.floor.as_ref().filter(|_| delivering) {
            None => May::Freely,
            Some(floor) => floor.due(now).map_or(May::ToTheFloor, May::At),
        }
    }

    /// When HTTP joined, or will.
    pub(crate) fn from(&self) -> Instant {
        self.from
    }

    /// A peer brought bytes.
    pub(crate) fn peer_brought(&mut self, now: Instant, bytes: u64) {
        self.came += bytes;
        if let Some(floor) = &mut self.floor {
            floor.came(now, bytes);
        }
    }

    /// HTTP brought bytes.
    pub(crate) fn http_brought(&mut self, bytes: u64) {
        self.came += bytes;
    }

    /// HTTP is asked for bytes.
    pub(crate) fn asked(&mut self, now: Instant, bytes: u64) {
        if let Some(floor) = &mut self.floor {
            floor.asked(now, bytes);
        }
    }

    /// Looks whether anything moves, and returns when to look next; `None` when it is given up.
    pub(crate) fn watch(&mut self, now: Instant, config: &Config) -> Option<Instant> {
        if now < self.from {
            return Some(self.from);
        }
        let watch = self.watch.get_or_insert_with(|| Watch::new(now, config));
        if watch.look(now, self.came) {
            return None;
        }
        Some(watch.next())
    }
}
