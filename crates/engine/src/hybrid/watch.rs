use std::time::Duration;

use crate::{Config, Instant};

/// Looks now and then whether a download moves, and gives up when it does not for long (documented,
/// of Delivery Optimization's client for Linux).
#[derive(Debug)]
pub(crate) struct Watch {
    /// When it looks next.
    next: Instant,
    every: Duration,
    /// Looks without progress until it gives up.
    patience: u32,
    /// Looks in a row that saw no progress.
    fruitless: u32,
    seen: u64,
}

impl Watch {
    /// Begins at `from`.
    pub(crate) fn new(from: Instant, config: &Config) -> Self {
        Self {
            next: from + config.progress_interval,
            every: config.progress_interval,
            patience: config.progress_checks,
            fruitless: 0,
            seen: 0,
        }
    }

    /// When to look next.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Looks, when it is time, at how many bytes came so far. Returns whether to give up.
    pub(crate) fn look(&mut self, now: Instant, came: u64) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + self.every;
        if came != self.seen {
            self.seen = came;
            self.fruitless = 0;
            return false;
        }
        self.fruitless += 1;
        self.fruitless >= self.patience
    }
}
