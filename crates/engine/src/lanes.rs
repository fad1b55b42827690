use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{Config, ConnId, Instant};

/// How long the bodies of a connection take to leave, by the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At most [`Config::BRISK`].
    Brisk,
    /// In between, or nothing is known yet.
    Fair,
    /// At least [`Config::LATE`].
    Late,
}

impl Pace {
    pub(crate) fn of(took: Duration) -> Self {
        if took <= Config::BRISK {
            Self::Brisk
        } else if took < Config::LATE {
            Self::Fair
        } else {
            Self::Late
        }
    }
}

/// The few connections of a fair pace that are sent to at a time, and those that wait for it.
///
/// Where this device's own way out is what bodies wait for, all that leave at once take turns in
/// small parts, and the first is there when nearly all are. One after the other, each is there,
/// and passed on by its receiver, in a fraction of that time.
#[derive(Debug)]
pub(crate) struct Lanes {
    most: usize,
    /// Who is sent to, since when.
    busy: BTreeMap<ConnId, Instant>,
    /// Who waits, since when.
    waiting: BTreeMap<ConnId, Instant>,
}

impl Lanes {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            busy: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Gives a connection a lane, or a place among those who wait for one.
    pub(crate) fn enter(&mut self, conn: ConnId, now: Instant) -> bool {
        let free = self.busy.len() < self.most;
        if free {
            self.waiting.remove(&conn);
            self.busy.insert(conn, now);
        } else {
            self.waiting.entry(conn).or_insert(now);
        }
        free
    }

    /// A connection has nothing on its way any more.
    pub(crate) fn leave(&mut self, conn: ConnId) {
        self.busy.remove(&conn);
    }

    /// A connection is gone.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.leave(conn);
        self.waiting.remove(&conn);
    }

    /// Lets a connection stand in line.
    pub(crate) fn wait(&mut self, conn: ConnId, now: Instant) {
        self.waiting.entry(conn).or_insert(now);
    }

    pub(crate) fn is_waiting(&self, conn: ConnId) -> bool {
        self.waiting.contains_key(&conn)
    }

    /// Takes the best of those who wait from the line, if there is a lane for it. `rank` says how
    /// good it is, lower is better, or that it wants none any more; among equals, who has waited
    /// longest is next.
    pub(crate) fn next<R: Ord>(
        &mut self,
        rank: impl Fn(ConnId, Instant) -> Option<R>,
    ) -> Option<ConnId> {
        if self.busy.len() >= self.most || self.waiting.is_empty() {
            return None;
        }
        let mut best = None;
        self.waiting.retain(|&conn, &mut since| {
            let Some(rank) = rank(conn, since) else {
                return false;
            };
            let candidate = Some((rank, since, conn));
            if best.is_none() || candidate < best {
                best = candidate;
            }
            true
        });
        let (_, _, conn) = best?;
        self.waiting.remove(&conn);
        Some(conn)
    }

    /// Since when the one is sent to that began first, while others wait.
    pub(crate) fn held_since(&self) -> Option<Instant> {
        let first = self.busy.values().min().copied();
        first.filter(|_| !self.waiting.is_empty())
    }

    /// Takes their lanes from those who have had them for so long.
    pub(crate) fn clear(&mut self, now: Instant, patience: Duration) -> BTreeSet<ConnId> {
        let late =
            |(&conn, &since): (&ConnId, &Instant)| (now.since(since) >= patience).then_some(conn);
        let late: BTreeSet<ConnId> = self.busy.iter().filter_map(late).collect();
        self.busy.retain(|conn, _| !late.contains(conn));
        late
    }

    #[cfg(test)]
    pub(crate) fn members(&self) -> impl Iterator<Item = (ConnId, bool)> {
        let busy = self.busy.keys().map(|&conn| (conn, true));
        busy.chain(self.waiting.keys().map(|&conn| (conn, false)))
    }
}
