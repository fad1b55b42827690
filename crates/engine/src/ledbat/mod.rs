//! How much a background transfer may take so that it is in nobody's way.
//!
//! The rule is LEDBAT++ (draft-irtf-iccrg-ledbat-plus-plus) at the receiving side, as rLEDBAT has
//! it (draft-irtf-iccrg-rledbat): the queue in front of the slowest link shows in the round trip,
//! so whoever keeps the round trip within [`TARGET`] of the shortest one seen takes what nobody
//! else wants, and steps aside for transfers that fill the queue. Delivery Optimization is
//! documented to use LEDBAT between peers, and rLEDBAT since Windows 11 22H2; its numbers are not
//! known. Each constant here says whether it is the drafts' or assumed.
//!
//! What differs from the drafts: all connections of a device share one window, so that many are no
//! trick; a link that is idle again is taken back by the rule of the slow start; a slowdown goes to
//! half of what the path holds without a queue, and not to two packets; and where a queue is
//! too short for the target, the target becomes shorter, once something was lost.

mod path;

use std::{collections::BTreeMap, time::Duration};

use path::Path;

use crate::Instant;

/// Queueing delay that a background transfer allows itself (LEDBAT++: 60 ms).
pub const TARGET: Duration = Duration::from_millis(60);

/// Bytes a second that a background transfer always takes (assumed): half a percent of a link of
/// 100 Mbit/s.
pub const FLOOR: u64 = 64 << 10;

/// A notional packet, in bytes: an Ethernet frame without headers.
const PACKET: f64 = 1448.0;

/// Packets that may always be on their way (LEDBAT++).
const FEWEST: f64 = 2.0;

/// Packets to begin with (RFC 6928).
const FIRST: f64 = 10.0;

/// The gain is at least one part in so many (LEDBAT++).
const SMALLEST_GAIN: f64 = 16.0;

/// Part of the window that a slow start adds in a round trip where the link was full the last time:
/// it may have become faster, but not all at once (assumed).
const BEYOND_KNOWN: f64 = 0.125;

/// A slow start ends at this part of the target (LEDBAT++).
const EARLY_EXIT: f64 = 0.75;

/// A window is at most halved in one round trip (LEDBAT++).
const LARGEST_CUT: f64 = 0.5;

/// After so many rounds in a row above the target it is not this transfer that fills the queue, for
/// the first cuts would have emptied it: then each round cuts by half (assumed).
const PATIENCE: u32 = 4;

/// A slowdown lasts so many round trips (LEDBAT++).
const SLOWDOWN_ROUNDS: u32 = 2;

/// What is left in a slowdown of what the path holds without a queue. LEDBAT++ goes down to two
/// packets, which costs a long way back where the round trip is long (assumed).
const SLOWDOWN_TO: f64 = 0.5;

/// Part of the window that the way back adds in a round trip: doubling it fills a queue by bursts
/// where the round trip is longer than the queue (assumed).
const RETURN_GAIN: f64 = 0.25;

/// Between two slowdowns lies so many times what the last one took (LEDBAT++),
const SLOWDOWN_APART: u32 = 9;

/// and at least this, for a slowdown takes only a fraction of a second (assumed).
const SLOWDOWN_PAUSE: Duration = Duration::from_secs(10);

/// A queue below this part of the target, for [`IDLE_ROUNDS`], says that the link is idle
/// (assumed).
const IDLE_QUEUE: f64 = 0.25;

/// See [`IDLE_QUEUE`]. Assumed.
const IDLE_ROUNDS: u32 = 8;

/// It decides once in a round trip, but no more often than this (assumed).
const SHORTEST_ROUND: Duration = Duration::from_millis(10);

/// Round trips are told in whole milliseconds: a shorter one counts as one.
const SHORTEST_TRIP: Duration = Duration::from_millis(1);

/// What arrives is counted over at least so long,
const DELIVERY_WINDOW: Duration = Duration::from_millis(100);

/// and over so many round trips, for it comes in bursts of one (assumed).
const DELIVERY_TRIPS: f64 = 2.0;

/// The window may be so many times what arrives in a round trip (RFC 6817 bounds it likewise, by a
/// packet more than what is in flight).
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
    /// From [`FLOOR`], without a ceiling.
    fn default() -> Self {
        Self {
            floor: FLOOR,
            ceiling: u64::MAX,
        }
    }
}

/// What all background transfers of one device may take.
///
/// It is told of round trips, bytes and losses, and says a rate and a window. A path is one
/// connection: each has a shortest round trip of its own, and the path with the longest queue
/// decides for all.
#[derive(Clone, Debug)]
pub struct Ledbat {
    floor: f64,
    ceiling: f64,
    /// Bytes that may be on their way, before the bounds.
    window: f64,
    /// Round trip by which the window becomes a rate, in seconds.
    round_trip: f64,
    phase: Phase,
    paths: BTreeMap<u64, Path>,
    round: Option<Instant>,
    /// Rounds in a row with next to no queue.
    idle_rounds: u32,
    /// Rounds in a row with more of a queue than is allowed.
    full_rounds: u32,
    next_slowdown: Option<Instant>,
    lost: bool,
    delivery: Delivery,
    /// Whether the queue is below the target.
    grows: bool,
    /// Packets that the window grows by in a round trip.
    gain: f64,
    /// Window at which the link was last found full.
    known: f64,
}

/// What arrives, in bytes a second, over the last whole window of time.
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
    /// One that has measured nothing yet.
    pub fn new(config: LedbatConfig) -> Self {
        let floor = config.floor.max(1);
        Self {
            floor: floor as f64,
            ceiling: config.ceiling.max(floor) as f64,
            window: FIRST * PACKET,
            round_trip: TARGET.as_secs_f64(),
            phase: Phase::SlowStart,
            paths: BTreeMap::new(),
            round: None,
            idle_rounds: 0,
            full_rounds: 0,
            next_slowdown: None,
            lost: false,
            delivery: Delivery::default(),
            grows: false,
            gain: 1.0 / SMALLEST_GAIN,
            known: f64::MAX,
        }
    }

    /// Bytes a second that may be taken now, between floor and ceiling: the window, once in each
    /// round trip.
    pub fn rate(&self) -> u64 {
        (self.window / self.round_trip).clamp(self.floor, self.ceiling) as u64
    }

    /// Bytes that may be on their way now, over all paths together.
    pub fn window(&self) -> u64 {
        let most = (self.ceiling * self.round_trip).max(FEWEST * PACKET);
        self.window.min(most) as u64
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

    /// So many bytes came, over whatever path. This is what a window grows by.
    pub fn received(&mut self, now: Instant, bytes: u64) {
        self.delivery.add(now, bytes, self.round_trip);
        let bytes = (bytes as f64).min(self.window);
        let by = match self.phase {
            Phase::SlowStart if self.window < self.known => self.gain * bytes,
            Phase::SlowStart => self.gain.min(BEYOND_KNOWN) * bytes,
            Phase::Steady if self.grows => self.gain * PACKET * bytes / self.window,
            Phase::Return { to, .. } => (RETURN_GAIN * bytes).min(to - self.window).max(0.0),
            Phase::Steady | Phase::Slowdown { .. } => 0.0,
        };
        let arrived = self.delivery.rate.unwrap_or(f64::MAX) * self.round_trip;
        if self.window < arrived * HEADROOM {
            self.window += by;
        }
    }

    /// A packet of a path was lost on its way here, or overtaken.
    pub fn lost(&mut self, path: u64) {
        if let Some(path) = self.paths.get_mut(&path) {
            path.lost();
            self.lost = true;
        }
    }

    /// A path is gone.
    pub fn forget(&mut self, path: u64) {
        self.paths.remove(&path);
    }

    /// A path's round trip was measured. Once in a round trip this moves the window.
    pub fn sample(&mut self, now: Instant, path: u64, round_trip: Duration) {
        self.paths.entry(path).or_default().sample(now, round_trip);
        let began = *self.round.get_or_insert(now);
        let fresh = self.paths.values().filter(|path| path.is_fresh(began));
        let fill = |path: &&Path| path.fill().unwrap_or_default();
        let Some(worst) = fresh.max_by(|a, b| fill(a).total_cmp(&fill(b))) else {
            return;
        };
        let (Some(base), Some(queue)) = (worst.base(), worst.queueing()) else {
            return;
        };
        let queue_in_targets = fill(&worst);
        let round_trip = (base + queue).max(SHORTEST_TRIP);
        let elapsed = now.since(began);
        if elapsed < round_trip.max(SHORTEST_ROUND) {
            return;
        }
        self.round = Some(now);
        self.round_trip = round_trip.as_secs_f64();
        let round = Round {
            now,
            base,
            queue: queue_in_targets,
            round_trip,
        };
        self.gain = round.gain();
        if std::mem::take(&mut self.lost) {
            self.back_off(&round);
        } else {
            self.turn(&round);
        }
        let least = (self.floor * self.round_trip).max(FEWEST * PACKET);
        let most = (self.ceiling * self.round_trip).max(least);
        self.window = self.window.clamp(least, most);
    }

    /// Decides at the end of a round trip.
    fn turn(&mut self, round: &Round) {
        self.grows = round.queue < 1.0;
        match self.phase {
            Phase::SlowStart if round.queue > EARLY_EXIT => {
                // It has grown since the packets left that tell of the queue.
                let arrived = self.delivery.rate.unwrap_or(f64::MAX) * self.round_trip;
                self.window = self.window.min(arrived);
                self.known = self.window;
                self.slow_down(round);
            }
            Phase::SlowStart => {}
            Phase::Steady => self.steady(round),
            Phase::Slowdown { began, until, back } => {
                if round.now >= until {
                    self.phase = Phase::Return { began, to: back };
                }
            }
            Phase::Return { began, to } => {
                if self.window >= to || round.queue > EARLY_EXIT {
                    self.phase = Phase::Steady;
                    let took = round.now.since(began);
                    let pause = (took * SLOWDOWN_APART).max(SLOWDOWN_PAUSE);
                    self.next_slowdown = Some(round.now + pause);
                }
            }
        }
    }

    fn steady(&mut self, round: &Round) {
        if self.next_slowdown.is_some_and(|at| round.now >= at) {
            return self.slow_down(round);
        }
        if round.queue >= 1.0 {
            self.full_rounds += 1;
            let patient = self.full_rounds <= PATIENCE;
            let cut = if patient {
                round.queue - 1.0
            } else {
                LARGEST_CUT
            };
            self.window *= 1.0 - cut.min(LARGEST_CUT);
        } else {
            self.full_rounds = 0;
        }
        if round.queue >= IDLE_QUEUE {
            self.idle_rounds = 0;
            return;
        }
        self.idle_rounds += 1;
        if self.idle_rounds >= IDLE_ROUNDS {
            self.idle_rounds = 0;
            self.phase = Phase::SlowStart;
        }
    }

    fn slow_down(&mut self, round: &Round) {
        let back = self.window;
        let base = round.base.as_secs_f64();
        self.window *= SLOWDOWN_TO * base / self.round_trip;
        self.idle_rounds = 0;
        self.phase = Phase::Slowdown {
            began: round.now,
            until: round.now + round.round_trip * SLOWDOWN_ROUNDS,
            back,
        };
    }

    /// After a loss: as any other transfer does (RFC 6817).
    fn back_off(&mut self, round: &Round) {
        self.window *= LARGEST_CUT;
        self.known = self.window;
        self.phase = Phase::Steady;
        self.idle_rounds = 0;
        self.next_slowdown.get_or_insert(round.now + SLOWDOWN_PAUSE);
    }
}

/// What a decision rests on.
struct Round {
    now: Instant,
    base: Duration,
    /// Queueing delay, in parts of the target of now.
    queue: f64,
    round_trip: Duration,
}

impl Round {
    /// Packets that the window grows by in a round trip: fewer where the round trip is short, for
    /// there growth comes often.
    fn gain(&self) -> f64 {
        let rounds = 2.0 * TARGET.as_secs_f64() / self.base.max(SHORTEST_TRIP).as_secs_f64();
        1.0 / rounds.ceil().clamp(1.0, SMALLEST_GAIN)
    }
}

impl Delivery {
    fn add(&mut self, now: Instant, bytes: u64, round_trip: f64) {
        let since = *self.since.get_or_insert(now);
        self.bytes += bytes;
        let elapsed = now.since(since).as_secs_f64();
        let whole = DELIVERY_WINDOW.as_secs_f64();
        if elapsed >= whole.max(round_trip * DELIVERY_TRIPS) {
            self.rate = Some(self.bytes as f64 / elapsed);
            self.since = Some(now);
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests;
