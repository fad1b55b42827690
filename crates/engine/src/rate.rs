use std::time::Duration;

use crate::Instant;

/// Bytes per second while data is awaited, measured over short windows and smoothed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rate {
    since: Instant,
    bytes: u64,
    paused: Option<Instant>,
    last: Instant,
    smoothed: u64,
}

/// Long enough that one late wake-up does not count as a change of rate.
const WINDOW: Duration = Duration::from_millis(100);

/// How long a rate is told after the last byte came.
const STALE: Duration = Duration::from_secs(5);

impl Rate {
    /// Nothing is awaited for now.
    pub(crate) fn pause(&mut self, now: Instant) {
        self.paused = Some(now);
    }

    /// Data is awaited again: the pause is no part of the measurement.
    pub(crate) fn resume(&mut self, now: Instant) {
        self.since = match self.paused.take() {
            Some(paused) => self.since + now.since(paused),
            None => now,
        };
    }

    /// Counts bytes. Returns the raw rate of the window that they complete.
    pub(crate) fn add(&mut self, now: Instant, bytes: u64) -> Option<u64> {
        self.bytes += bytes;
        self.last = now;
        let elapsed = now.since(self.since);
        if elapsed < WINDOW {
            return None;
        }
        let raw = u128::from(self.bytes) * 1_000_000_000 / elapsed.as_nanos();
        let raw = u64::try_from(raw).unwrap_or(u64::MAX);
        self.smoothed = if self.smoothed == 0 {
            raw
        } else {
            self.smoothed.midpoint(raw)
        };
        self.since = now;
        self.bytes = 0;
        Some(raw)
    }

    /// The smoothed rate while data was awaited.
    pub(crate) fn smoothed(&self) -> u64 {
        self.smoothed
    }

    /// The smoothed rate, or zero when nothing has come for a while.
    pub(crate) fn lately(&self, now: Instant) -> u64 {
        if now.since(self.last) < STALE {
            self.smoothed
        } else {
            0
        }
    }
}
