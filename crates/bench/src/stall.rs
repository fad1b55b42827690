//! What a receiver waits for, by looking often: nothing is recorded on the way of the bytes.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use dolab_engine::{ConnId, SessionState};
use dolab_peer::ConnectionView;

use crate::report::{Layer, Stall, StallReason};

/// Between two looks. A connection over which nothing came in between is stalled.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// What was seen of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Bytes that came, in all.
    pub(crate) received: u64,
    /// Whether there is no room for what comes next.
    pub(crate) full: bool,
    /// Whether pieces can be asked for at all.
    pub(crate) exchanging: bool,
    /// Whether the sender lets us ask.
    pub(crate) unchoked: bool,
    /// Whether something was asked for that has not come.
    pub(crate) asked: bool,
}

impl From<&ConnectionView> for Seen {
    fn from(view: &ConnectionView) -> Self {
        Self {
            received: view.received,
            full: view.waits_for_buffer,
            exchanging: view.exchange.state == SessionState::Exchanging,
            unchoked: view.exchange.unchoked_by_peer,
            asked: view.exchange.outstanding_requests > 0,
        }
    }
}

/// Adds up what connections wait for.
#[derive(Debug)]
pub(crate) struct Stalls {
    layer: Layer,
    limited: bool,
    before: HashMap<ConnId, (Seen, Option<StallReason>)>,
    sums: BTreeMap<StallReason, (u64, Duration)>,
}

impl Stalls {
    /// None yet, in this layer. `limited` tells whether the sender keeps to a limit.
    pub(crate) fn new(layer: Layer, limited: bool) -> Self {
        Self {
            layer,
            limited,
            before: HashMap::new(),
            sums: BTreeMap::new(),
        }
    }

    /// Looks at a connection; the last look was so long ago.
    pub(crate) fn look(&mut self, conn: ConnId, now: Seen, passed: Duration) {
        let Some(&(before, last)) = self.before.get(&conn) else {
            self.before.insert(conn, (now, None));
            return;
        };
        let reason = self.reason(before, now);
        self.before.insert(conn, (now, reason));
        if let Some(reason) = reason {
            let (count, time) = self.sums.entry(reason).or_default();
            *time += passed;
            if last != Some(reason) {
                *count += 1;
            }
        }
    }

    fn reason(&self, before: Seen, now: Seen) -> Option<StallReason> {
        if now.full {
            // What holds the buffers is known where there is nothing else.
            return Some(match self.layer {
                Layer::Verified => StallReason::Hash,
                Layer::Raw | Layer::Exchange | Layer::Stored => StallReason::Buffer,
            });
        }
        if now.received != before.received || !now.exchanging {
            return None;
        }
        Some(match now {
            Seen {
                unchoked: false, ..
            } => StallReason::Choke,
            Seen { asked: false, .. } => StallReason::Request,
            _ if self.limited => StallReason::Limit,
            _ => StallReason::Network,
        })
    }

    /// Forgets what was added up: the warm-up is over.
    pub(crate) fn reset(&mut self) {
        self.sums.clear();
    }

    /// What was added up, the longest first.
    pub(crate) fn sums(&self) -> Vec<Stall> {
        let stall = |(&reason, &(count, time)): (&StallReason, &(u64, Duration))| Stall {
            reason,
            count,
            ms: time.as_secs_f64() * 1e3,
        };
        let mut stalls: Vec<_> = self.sums.iter().map(stall).collect();
        stalls.sort_by(|a, b| b.ms.total_cmp(&a.ms));
        stalls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOWING: Seen = Seen {
        received: 0,
        full: false,
        exchanging: true,
        unchoked: true,
        asked: true,
    };

    fn looked(layer: Layer, limited: bool, looks: &[Seen]) -> Vec<(StallReason, u64, f64)> {
        let mut stalls = Stalls::new(layer, limited);
        for &seen in looks {
            stalls.look(ConnId::accepted(0), seen, LOOK);
        }
        let stalls = stalls.sums();
        stalls.iter().map(|s| (s.reason, s.count, s.ms)).collect()
    }

    #[test]
    fn what_is_missing_gives_the_reason() {
        let choked = Seen {
            unchoked: false,
            ..FLOWING
        };
        let idle = Seen {
            asked: false,
            ..FLOWING
        };
        let greeting = Seen {
            exchanging: false,
            ..FLOWING
        };
        let full = Seen {
            full: true,
            received: 9,
            ..FLOWING
        };
        let one = |layer, limited, now| looked(layer, limited, &[FLOWING, now]);
        use StallReason::{Buffer, Choke, Hash, Limit, Network, Request};
        assert_eq!(one(Layer::Exchange, false, FLOWING), [(Network, 1, 20.0)]);
        assert_eq!(one(Layer::Exchange, true, FLOWING), [(Limit, 1, 20.0)]);
        assert_eq!(one(Layer::Exchange, false, choked), [(Choke, 1, 20.0)]);
        assert_eq!(one(Layer::Exchange, false, idle), [(Request, 1, 20.0)]);
        assert_eq!(one(Layer::Exchange, false, greeting), []);
        // Also when some came just before.
        assert_eq!(one(Layer::Verified, false, full), [(Hash, 1, 20.0)]);
        assert_eq!(one(Layer::Stored, true, full), [(Buffer, 1, 20.0)]);
    }

    #[test]
    fn a_stall_counts_once_however_long_it_is() {
        let more = Seen {
            received: 1,
            ..FLOWING
        };
        let looks = [FLOWING, FLOWING, FLOWING, more, more];
        let sums = looked(Layer::Stored, false, &looks);
        assert_eq!(sums, [(StallReason::Network, 2, 60.0)]);
    }
}
