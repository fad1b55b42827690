use std::{collections::VecDeque, time::Duration};

use crate::Instant;

/// Minutes over which the shortest round trip is remembered (LEDBAT++: 10).
const MINUTES: u32 = 10;

/// Length of one entry of that memory.
const MINUTE: Duration = Duration::from_secs(60);

/// The shortest of so many samples is the round trip of now (LEDBAT++: 4): a single long one is
/// more often a busy processor than a queue.
const CURRENT: usize = 4;

/// The round trips of one path.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    /// Shortest round trip of each of the last minutes, and when that minute began.
    minutes: VecDeque<(Instant, Duration)>,
    recent: VecDeque<Duration>,
    latest: Option<Instant>,
}

impl Path {
    pub(super) fn sample(&mut self, now: Instant, round_trip: Duration) {
        match self.minutes.back_mut() {
            Some((began, shortest)) if now.since(*began) < MINUTE => {
                *shortest = (*shortest).min(round_trip);
            }
            _ => self.minutes.push_back((now, round_trip)),
        }
        let old = |&(began, _): &(Instant, Duration)| now.since(began) >= MINUTE * MINUTES;
        while self.minutes.front().is_some_and(old) {
            self.minutes.pop_front();
        }
        if self.recent.len() == CURRENT {
            self.recent.pop_front();
        }
        self.recent.push_back(round_trip);
        self.latest = Some(now);
    }

    /// Whether it was measured since then.
    pub(super) fn is_fresh(&self, since: Instant) -> bool {
        self.latest.is_some_and(|latest| latest >= since)
    }

    /// The path's own round trip, without queues.
    pub(super) fn base(&self) -> Option<Duration> {
        self.minutes.iter().map(|&(_, shortest)| shortest).min()
    }

    /// By how much the round trip is longer than that now.
    pub(super) fn queueing(&self) -> Option<Duration> {
        let now = self.recent.iter().min()?;
        Some(now.saturating_sub(self.base()?))
    }
}
