use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use super::Connection;
use crate::{
    event::{Moment, Side},
    packet::{IcmpError, Segment},
    swarm::Told,
};

/// Connections that are followed at once; the one that was quiet for longest gives way.
pub(crate) const MAX_LIVE: usize = 2048;
/// What all of them may hold of segments that came too early, in bytes.
pub(crate) const MAX_HELD_OVERALL: usize = 32 << 20;

/// The connections of a capture.
#[derive(Debug)]
pub(crate) struct Table {
    ports: BTreeSet<u16>,
    stall: u64,
    live: BTreeMap<Key, Connection>,
    numbers: u32,
    held: usize,
}

/// The two addresses, the lower first.
type Key = (SocketAddr, SocketAddr);

fn key(a: SocketAddr, b: SocketAddr) -> Key {
    (a.min(b), a.max(b))
}

/// What is told of a connection, and the connection if it is finished.
pub(crate) struct Change {
    pub(crate) number: u32,
    pub(crate) told: Vec<Told>,
    pub(crate) finished: Option<Connection>,
}

impl Table {
    /// Connections on these ports.
    pub(crate) fn new(ports: impl IntoIterator<Item = u16>, stall: u64) -> Self {
        Self {
            ports: ports.into_iter().collect(),
            stall,
            live: BTreeMap::new(),
            numbers: 0,
            held: 0,
        }
    }

    pub(crate) fn segment(
        &mut self,
        now: Moment,
        segment: &Segment<'_>,
        tell: &mut dyn FnMut(Change),
    ) {
        let Some(side) = self.side(segment) else {
            return;
        };
        let key = key(segment.from, segment.to);
        let followed = self
            .live
            .get(&key)
            .is_some_and(|c| c.is_followed_by(segment));
        if followed {
            self.finish(key, None, tell);
        }
        if !self.live.contains_key(&key) {
            // A late reset or acknowledgement of a connection that is gone is none.
            if segment.rst && !segment.syn && segment.len == 0 {
                return;
            }
            if self.live.len() == MAX_LIVE {
                self.evict(tell);
            }
            self.numbers += 1;
            let new = Connection::new(self.numbers, now, side, segment, self.stall);
            self.live.insert(key, new);
        }
        let Some(connection) = self.live.get_mut(&key) else {
            return;
        };
        let before = connection.held();
        let mut told = Vec::new();
        connection.segment(now, segment, &mut told);
        self.held = self.held + connection.held() - before;
        if self.held > MAX_HELD_OVERALL {
            self.held -= connection.held();
            connection.give_up(now, &mut told);
        }
        let number = connection.number;
        tell(Change {
            number,
            told,
            finished: None,
        });
    }

    pub(crate) fn icmp(&mut self, now: Moment, error: &IcmpError, tell: &mut dyn FnMut(Change)) {
        let Some(connection) = self.live.get_mut(&key(error.from, error.to)) else {
            return;
        };
        let mut told = Vec::new();
        connection.icmp(now, error, &mut told);
        let number = connection.number;
        tell(Change {
            number,
            told,
            finished: None,
        });
    }

    /// Who sent it; `None` when it is of no interest.
    fn side(&self, segment: &Segment<'_>) -> Option<Side> {
        let (from, to) = (segment.from.port(), segment.to.port());
        match (self.ports.contains(&from), self.ports.contains(&to)) {
            (false, false) => None,
            (false, true) => Some(Side::Caller),
            (true, false) => Some(Side::Listener),
            (true, true) if segment.syn && segment.ack.is_some() => Some(Side::Listener),
            (true, true) => Some(Side::Caller),
        }
    }

    fn evict(&mut self, tell: &mut dyn FnMut(Change)) {
        let quiet = self.live.iter().min_by_key(|(_, c)| (!c.is_over(), c.last));
        if let Some((&key, _)) = quiet {
            self.finish(key, None, tell);
        }
    }

    /// Ends a connection; `end` is where the capture does, unless it goes on without it.
    fn finish(&mut self, key: Key, end: Option<Moment>, tell: &mut dyn FnMut(Change)) {
        let Some(mut connection) = self.live.remove(&key) else {
            return;
        };
        self.held -= connection.held();
        let mut told = Vec::new();
        connection.finish(end.unwrap_or(connection.last), &mut told);
        tell(Change {
            number: connection.number,
            told,
            finished: Some(connection),
        });
    }

    /// The capture ends.
    pub(crate) fn finish_all(&mut self, now: Moment, tell: &mut dyn FnMut(Change)) {
        let mut keys: Vec<(u32, Key)> = self.live.iter().map(|(key, c)| (c.number, *key)).collect();
        keys.sort_unstable();
        for (_, key) in keys {
            self.finish(key, Some(now), tell);
        }
    }
}
