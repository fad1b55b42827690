use std::{collections::VecDeque, time::Duration};

use super::TARGET;
use crate::Instant;

/// How long the shortest round trip is remembered (LEDBAT++: 10 minutes).
pub(super) const MEMORY: Duration = Duration::from_secs(600);

/// Length of one entry of that memory.
const MINUTE: Duration = Duration::from_secs(60);

/// The shortest of so many samples is the round trip of now (LEDBAT++: 4): a single long one is
/// more often a busy processor than a queue.
const CURRENT: usize = 4;

/// Where something was lost the queue is full, and a transfer that does not yield before it is would
/// never yield: the target is at most this part of that queue (assumed),
const TARGET_OF_FULL: u32 = 2;

/// but no less than this, which busy hosts make without any queue (assumed).
const SMALLEST_TARGET: Duration = Duration::from_millis(10);

/// The round trips of one path.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    /// Shortest round trip of each of the last minutes, and when that minute began.
    minutes: VecDeque<(Instant, Duration)>,
    recent: VecDeque<Duration>,
    latest: Option<Instant>,
    /// Longest round trip at which something was lost, and when.
    full: Option<(Instant, Duration)>,
}

impl Path {
    pub(super) fn sample(&mut self, now: Instant, round_trip: Duration) {
        match self.minutes.back_mut() {
            Some((began, shortest)) if now.since(*began) < MINUTE => {
                *shortest = (*shortest).min(round_trip);
            }
            _ => self.minutes.push_back((now, round_trip)),
        }
        while self
            .minutes
            .front()
            .is_some_and(|&(began, _)| now.since(began) >= MEMORY)
        {
            self.minutes.pop_front();
        }
        self.full.take_if(|(at, _)| now.since(*at) >= MEMORY);
        if self.recent.len() == CURRENT {
            self.recent.pop_front();
        }
        self.recent.push_back(round_trip);
        self.latest = Some(now);
    }

    /// Something was lost, at the round trip of now.
    pub(super) fn lost(&mut self) {
        let (Some(latest), Some(&now)) = (self.latest, self.recent.iter().min()) else {
            return;
        };
        if self.full.is_none_or(|(_, full)| now >= full) {
            self.full = Some((latest, now));
        }
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

    /// How much longer it may be. What is remembered is the round trip and not the queue, so that
    /// transfers which learn the base at different times come to the same target.
    pub(super) fn target(&self) -> Duration {
        let full = self.full.zip(self.base());
        let target = full.map(|((_, full), base)| full.saturating_sub(base) / TARGET_OF_FULL);
        target.map_or(TARGET, |target| target.clamp(SMALLEST_TARGET, TARGET))
    }

    /// The queue in parts of what is allowed.
    pub(super) fn fill(&self) -> Option<f64> {
        Some(self.queueing()?.as_secs_f64() / self.target().as_secs_f64())
    }
}
