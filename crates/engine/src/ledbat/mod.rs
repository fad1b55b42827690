//! How fast a background transfer may go so that it is in nobody's way.
//!
//! The rule is LEDBAT++ (draft-irtf-iccrg-ledbat-plus-plus) at the receiving side, as rLEDBAT has
//! it (draft-irtf-iccrg-rledbat): the queue in front of the slowest link shows in the round trip,
//! so whoever keeps the round trip within [`TARGET`] of the shortest one seen takes what nobody
//! else wants, and steps aside for transfers that fill the queue. Delivery Optimization is
//! documented to use LEDBAT between peers, and rLEDBAT since Windows 11 22H2; its numbers are not
//! known. Each constant here says whether it is the drafts' or assumed.
//!
//! What differs from the drafts: they steer a window, this steers a rate, because the bodies of
//! all connections share one; so a link that is idle again is taken back by the rule of the slow
//! start, and a slowdown goes to an eighth and not to two packets.

mod path;

use std::{collections::BTreeMap, time::Duration};

use path::Path;

use crate::Instant;

/// Queueing delay that a background transfer allows itself (LEDBAT++: 60 ms).
pub const TARGET: Duration = Duration::from_millis(60);

/// A notional packet, in bytes: an Ethernet frame without headers.
const PACKET: f64 = 1448.0;

/// The gain is at least one part in so many (LEDBAT++).
const SMALLEST_GAIN: f64 = 16.0;

/// A slow start ends at this part of the target (LEDBAT++).
const EARLY_EXIT: f64 = 0.75;

/// A rate is at most halved in one round trip (LEDBAT++).
const LARGEST_CUT: f64 = 0.5;

/// A slowdown lasts so many round trips (LEDBAT++).
const SLOWDOWN_ROUNDS: u32 = 2;

/// Part of the rate that is left in a slowdown. LEDBAT++ goes down to two packets; a rate that is
/// paced needs less of a ramp afterwards when it keeps a little (assumed).
const SLOWDOWN_TO: f64 = 0.125;

/// Between two slowdowns lies so many times what the last one took (LEDBAT++),
const SLOWDOWN_APART: u32 = 9;

/// and this, for a slowdown of a paced rate takes only a fraction of a second (assumed).
const SLOWDOWN_PAUSE: Duration = Duration::from_secs(10);

/// A queue below this part of the target, for [`IDLE_ROUNDS`], says that the link is idle
/// (assumed).
const IDLE_QUEUE: f64 = 0.25;

/// See [`IDLE_QUEUE`]. Assumed.
const IDLE_ROUNDS: u32 = 8;

/// The rate decides once in a round trip, but no more often than this: clocks and timers are no
/// finer than a millisecond (assumed).
const SHORTEST_ROUND: Duration = Duration::from_millis(10);

/// Rates of what arrives are taken over at least so long (assumed).
const DELIVERY_WINDOW: Duration = Duration::from_millis(100);

/// The rate may be so many times what arrives (RFC 6817 bounds it too, by a packet more than what
/// is in flight).
const HEADROOM: f64 = 2.0;

/// Bounds of a [`Ledbat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedbatConfig {
    /// Bytes a second that are always allowed, so that a transfer never starves. LEDBAT++ always
    /// allows two packets in a round trip; the number is assumed. At least 1.
    pub floor: u64,
    /// Bytes a second that are never exceeded. Raised to the floor.
    pub ceiling: u64,
}

impl Default for LedbatConfig {
    /// From 64 KiB/s, half a percent of a link of 100 Mbit/s, without a ceiling.
    fn default() -> Self {
        Self {
            floor: 64 << 10,
            ceiling: u64::MAX,
        }
    }
}

/// The rate of all background transfers of one device.
///
/// It is told of round trips, bytes and losses, and says a rate. A path is one connection: each
/// has a shortest round trip of its own, and the path with the longest queue decides.
#[derive(Clone, Debug)]
pub struct Ledbat {
    floor: f64,
    ceiling: f64,
    rate: f64,
    phase: Phase,
    paths: BTreeMap<u64, Path>,
    round: Option<Instant>,
    /// Rounds in a row with next to no queue.
    idle_rounds: u32,
    next_slowdown: Option<Instant>,
    lost: bool,
    delivery: Delivery,
}

/// What arrives, in bytes a second, over the last whole window.
#[derive(Clone, Copy, Debug, Default)]
struct Delivery {
    since: Option<Instant>,
    bytes: u64,
    rate: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Grows by a factor, until a queue builds up.
    SlowStart,
    /// Grows by steps, and yields.
    Steady,
    /// Lets the queue run empty, so that everybody sees the path as it is.
    Slowdown {
        began: Instant,
        until: Instant,
        back: f64,
    },
    /// On the way back from a slowdown.
    Return { began: Instant, to: f64 },
}

impl Ledbat {
    /// A rate that starts at the floor.
    pub fn new(config: LedbatConfig) -> Self {
        let floor = config.floor.max(1);
        Self {
            floor: floor as f64,
            ceiling: config.ceiling.max(floor) as f64,
            rate: floor as f64,
            phase: Phase::SlowStart,
            paths: BTreeMap::new(),
            round: None,
            idle_rounds: 0,
            next_slowdown: None,
            lost: false,
            delivery: Delivery::default(),
        }
    }

    /// Bytes a second that may be taken now, between floor and ceiling.
    pub fn rate(&self) -> u64 {
        self.rate as u64
    }

    /// Bytes that may be on their way at this rate, when a path has as much of a queue as is
    /// allowed.
    pub fn window(&self) -> u64 {
        let base = self.paths.values().filter_map(Path::base).max();
        (self.rate * (base.unwrap_or_default() + TARGET).as_secs_f64()) as u64
    }

    /// Longest of the paths' shortest round trips; `None` before the first sample.
    pub fn base(&self) -> Option<Duration> {
        self.paths.values().filter_map(Path::base).max()
    }

    /// Queueing delay of the path on which it is longest, lately.
    pub fn queueing(&self) -> Duration {
        let queues = self.paths.values().filter_map(Path::queueing);
        queues.max().unwrap_or_default()
    }

    /// Whether it stays low for a moment, so that the queue runs empty.
    pub fn is_slowing(&self) -> bool {
        matches!(self.phase, Phase::Slowdown { .. })
    }

    /// So many bytes came, over whatever path.
    pub fn received(&mut self, now: Instant, bytes: u64) {
        self.delivery.add(now, bytes);
    }

    /// A packet was lost on its way here, or overtaken.
    pub fn lost(&mut self) {
        self.lost = true;
    }

    /// A path is gone.
    pub fn forget(&mut self, path: u64) {
        self.paths.remove(&path);
    }

    /// A path's round trip was measured. Once in a round trip this moves the rate.
    pub fn sample(&mut self, now: Instant, path: u64, round_trip: Duration) {
        self.paths.entry(path).or_default().sample(now, round_trip);
        let began = *self.round.get_or_insert(now);
        let elapsed = now.since(began);
        let fresh = self.paths.values().filter(|path| path.is_fresh(began));
        let Some(worst) = fresh.max_by_key(|path| path.queueing()) else {
            return;
        };
        let (Some(base), Some(queue)) = (worst.base(), worst.queueing()) else {
            return;
        };
        let round_trip = (base + queue).max(SHORTEST_ROUND);
        if elapsed < round_trip {
            return;
        }
        self.round = Some(now);
        let round = Round {
            now,
            base,
            queue: queue.as_secs_f64() / TARGET.as_secs_f64(),
            round_trip,
            passed: elapsed.as_secs_f64() / round_trip.as_secs_f64(),
        };
        self.turn(&round);
        self.rate = self.rate.clamp(self.floor, self.ceiling);
    }

    /// Decides at the end of a round trip.
    fn turn(&mut self, round: &Round) {
        if std::mem::take(&mut self.lost) {
            return self.back_off(round);
        }
        match self.phase {
            Phase::SlowStart if round.queue > EARLY_EXIT => {
                // What was allowed last overshot; what arrived is what there is.
                self.rate = self.rate.min(self.delivery.rate.unwrap_or(self.rate));
                self.slow_down(round);
            }
            Phase::SlowStart => self.grow(round.gain()),
            Phase::Steady => self.steady(round),
            Phase::Slowdown { began, until, back } => {
                if round.now >= until {
                    self.phase = Phase::Return { began, to: back };
                }
            }
            Phase::Return { began, to } => {
                self.rate = (self.rate * 2.0).min(to);
                if self.rate >= to || round.queue > EARLY_EXIT {
                    self.phase = Phase::Steady;
                    let took = round.now.since(began);
                    let pause = (took * SLOWDOWN_APART).max(SLOWDOWN_PAUSE);
                    self.next_slowdown = Some(round.now + pause);
                }
            }
        }
    }

    fn steady(&mut self, round: &Round) {
        if self.next_slowdown.is_some_and(|at| round.now >= at) && self.rate > self.floor {
            return self.slow_down(round);
        }
        if round.queue < IDLE_QUEUE {
            self.idle_rounds += 1;
            if self.idle_rounds >= IDLE_ROUNDS {
                self.phase = Phase::SlowStart;
                return self.grow(round.gain());
            }
        } else {
            self.idle_rounds = 0;
        }
        if round.queue < 1.0 {
            // A gain of packets for each round trip, as a rate.
            let seconds = round.round_trip.as_secs_f64();
            let step = round.gain() * PACKET / seconds * round.passed;
            self.grow(step / self.rate);
        } else {
            self.rate *= 1.0 - (round.queue - 1.0).min(LARGEST_CUT);
        }
    }

    /// Grows by a part of the rate, unless not even what is allowed arrives.
    fn grow(&mut self, by: f64) {
        let most = self.delivery.rate.map_or(f64::MAX, |rate| rate * HEADROOM);
        if self.rate < most {
            self.rate *= 1.0 + by.min(1.0);
        }
    }

    fn slow_down(&mut self, round: &Round) {
        let back = self.rate;
        self.rate *= SLOWDOWN_TO;
        self.idle_rounds = 0;
        self.phase = Phase::Slowdown {
            began: round.now,
            until: round.now + round.round_trip * SLOWDOWN_ROUNDS,
            back,
        };
    }

    /// After a loss: as any other transfer does (RFC 6817), and from what really arrived.
    fn back_off(&mut self, round: &Round) {
        let arrived = self.delivery.rate.unwrap_or(self.rate);
        self.rate = self.rate.min(arrived) * LARGEST_CUT;
        self.phase = Phase::Steady;
        self.idle_rounds = 0;
        self.next_slowdown.get_or_insert(round.now + SLOWDOWN_PAUSE);
    }
}

/// What a decision rests on.
struct Round {
    now: Instant,
    base: Duration,
    /// Queueing delay, in parts of the target.
    queue: f64,
    round_trip: Duration,
    /// Round trips that have passed since the last decision.
    passed: f64,
}

impl Round {
    /// Packets that the window of one flow grows by in a round trip: less where the round trip is
    /// short, for there growth comes often.
    fn gain(&self) -> f64 {
        let rounds = 2.0 * TARGET.as_secs_f64() / self.base.as_secs_f64().max(0.001);
        1.0 / rounds.ceil().clamp(1.0, SMALLEST_GAIN)
    }
}

impl Delivery {
    fn add(&mut self, now: Instant, bytes: u64) {
        let since = *self.since.get_or_insert(now);
        self.bytes += bytes;
        let elapsed = now.since(since);
        if elapsed >= DELIVERY_WINDOW {
            self.rate = Some(self.bytes as f64 / elapsed.as_secs_f64());
            self.since = Some(now);
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests;
