use std::{collections::BTreeMap, time::Duration};

use crate::{Config, ConnId, Instant};

/// How long the bodies of a connection take to leave, by the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At most [`Config::BRISK`].
    Brisk,
    /// In between, or nothing is known yet.
    Fair,
    /// At least [`Config::LATE`], and less than its part of what left meanwhile.
    Late,
}

impl Pace {
    pub(crate) fn of(took: Duration, is_behind: bool) -> Self {
        if took <= Config::BRISK {
            Self::Brisk
        } else if took < Config::LATE || !is_behind {
            Self::Fair
        } else {
            Self::Late
        }
    }
}

/// Lanes that there are at least.
const FEWEST: usize = 3;

/// Bodies by which a number of lanes is judged, at least.
const ROUND: usize = 8;

/// Rounds after which another number of lanes is tried.
const REST: u32 = 4;

/// The few connections of a fair pace that are sent to at a time, and those that wait for it.
///
/// Where this device's own way out is what bodies wait for, all that leave at once take turns in
/// small parts, and the first is there when nearly all are. One after the other, each is there,
/// and passed on by its receiver, in a fraction of that time. Where it is the receivers' ways in,
/// more lanes carry more: so the number of lanes is tried out.
#[derive(Debug)]
pub(crate) struct Lanes {
    trials: Trials,
    /// Who is sent to, since when.
    busy: BTreeMap<ConnId, Instant>,
    /// Who waits, since when.
    waiting: BTreeMap<ConnId, Instant>,
    /// When those who are sent to were last looked at.
    looked: Instant,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self {
            trials: Trials::new(),
            busy: BTreeMap::new(),
            waiting: BTreeMap::new(),
            looked: Instant::default(),
        }
    }

    /// Gives a connection a lane, or a place among those who wait for one.
    pub(crate) fn enter(&mut self, conn: ConnId, now: Instant) -> bool {
        let free = self.has_room();
        if free {
            self.waiting.remove(&conn);
            self.busy.insert(conn, now);
        } else {
            self.waiting.entry(conn).or_insert(now);
        }
        free
    }

    fn has_room(&self) -> bool {
        self.busy.len() < self.trials.lanes
    }

    /// A body of so many bytes left over a lane.
    pub(crate) fn sent(&mut self, now: Instant, len: u32) {
        // What is sent while nobody waits shows what is asked for, not what could be sent.
        if self.waiting.is_empty() {
            self.trials.round = Round::new(now);
        } else {
            self.trials.sent(now, len);
        }
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

    pub(crate) fn is_busy(&self, conn: ConnId) -> bool {
        self.busy.contains_key(&conn)
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
        if !self.has_room() || self.waiting.is_empty() {
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

    /// When to look next at those who are sent to, while others wait: so long after the first of
    /// them got its lane, and after the last look.
    pub(crate) fn review(&self, every: Duration) -> Option<Instant> {
        let first = self
            .busy
            .values()
            .min()
            .filter(|_| !self.waiting.is_empty());
        first.map(|&since| since.max(self.looked) + every)
    }

    /// Takes a look at those who are sent to, and since when.
    pub(crate) fn look(&mut self, now: Instant) -> Vec<(ConnId, Instant)> {
        self.looked = now;
        self.busy
            .iter()
            .map(|(&conn, &since)| (conn, since))
            .collect()
    }

    #[cfg(test)]
    pub(crate) fn members(&self) -> impl Iterator<Item = (ConnId, bool)> {
        let busy = self.busy.keys().map(|&conn| (conn, true));
        busy.chain(self.waiting.keys().map(|&conn| (conn, false)))
    }
}

/// How many lanes there are, and whether twice or half as many carry as much.
#[derive(Debug)]
struct Trials {
    lanes: usize,
    round: Round,
    /// How many lanes there were before those that are tried, and bytes per second over them.
    instead_of: Option<(usize, u64)>,
    /// Rounds since the last trial that changed nothing.
    rested: u32,
    /// Whether the next trial is of fewer lanes.
    fewer: bool,
}

/// What left since.
#[derive(Debug, Default)]
struct Round {
    since: Instant,
    bytes: u64,
    bodies: usize,
}

impl Round {
    fn new(since: Instant) -> Self {
        Self {
            since,
            ..Self::default()
        }
    }
}

impl Trials {
    fn new() -> Self {
        Self {
            lanes: FEWEST,
            round: Round::default(),
            instead_of: None,
            // The first trial comes behind the first round.
            rested: REST,
            fewer: false,
        }
    }

    fn sent(&mut self, now: Instant, len: u32) {
        self.round.bytes += u64::from(len);
        self.round.bodies += 1;
        if self.round.bodies < ROUND.max(2 * self.lanes) {
            return;
        }
        let round = std::mem::replace(&mut self.round, Round::new(now));
        let nanos = now.since(round.since).as_nanos().max(1);
        let rate = u128::from(round.bytes) * 1_000_000_000 / nanos;
        self.judge(u64::try_from(rate).unwrap_or(u64::MAX));
    }

    /// More lanes have to carry a tenth more; fewer may carry a twentieth less.
    fn judge(&mut self, rate: u64) {
        let Some((before, usual)) = self.instead_of.take() else {
            self.rested += 1;
            if self.rested > REST {
                self.try_another(rate);
            }
            return;
        };
        let good = if self.lanes > before {
            rate > usual + usual / 10
        } else {
            rate > usual - usual / 20
        };
        if good {
            // On in this direction.
            self.try_another(rate);
        } else {
            self.lanes = before;
            self.fewer = !self.fewer;
            self.rested = 0;
        }
    }

    fn try_another(&mut self, rate: u64) {
        let lanes = if self.fewer {
            (self.lanes / 2).max(FEWEST)
        } else {
            self.lanes * 2
        };
        self.fewer &= lanes > FEWEST;
        self.rested = 0;
        if lanes != self.lanes {
            self.instead_of = Some((self.lanes, rate));
            self.lanes = lanes;
        }
    }
}
