use std::collections::{BTreeMap, BTreeSet};

use dolab_content::ContentId;
use dolab_wire::Priority;

use crate::{ConnId, Instant, Reason};

/// What wakes up. Each has at most one moment at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The first of a connection's deadlines.
    Connection(ConnId),
    /// Upload slots go round.
    Rotation,
    /// A candidate of the content may be dialled.
    Redial(ContentId),
    /// The content is given up on, unless something happens.
    Starvation(ContentId),
    /// The content's HTTP sources are looked at.
    Hybrid(ContentId),
    /// A cap on downloads of a priority allows more.
    Download(Priority),
    /// The cap on uploads allows more.
    Upload,
    /// Somebody has had a lane for too long.
    Lane,
}

/// The moments at which something has to happen, in order.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    order: BTreeSet<(Instant, Timer)>,
    set: BTreeMap<Timer, (Instant, Reason)>,
}

impl Timers {
    /// Sets a timer anew, or stops it.
    pub(crate) fn set(&mut self, timer: Timer, to: Option<(Instant, Reason)>) {
        let was = match to {
            Some(to) => self.set.insert(timer, to),
            None => self.set.remove(&timer),
        };
        if was.map(|(at, _)| at) == to.map(|(at, _)| at) {
            return;
        }
        if let Some((at, _)) = was {
            self.order.remove(&(at, timer));
        }
        if let Some((at, _)) = to {
            self.order.insert((at, timer));
        }
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.set.contains_key(&timer)
    }

    /// The next moment, and why.
    pub(crate) fn next(&self) -> Option<(Instant, Reason)> {
        let (_, timer) = self.order.first()?;
        self.set.get(timer).copied()
    }

    /// Takes the next timer whose moment has come.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<(Timer, Reason)> {
        let &(at, timer) = self.order.first()?;
        if at > now {
            return None;
        }
        self.order.pop_first();
        let (_, reason) = self.set.remove(&timer)?;
        Some((timer, reason))
    }
}
