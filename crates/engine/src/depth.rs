use std::time::Duration;

use dolab_wire::swarm::Block;

use crate::{Instant, rate::Rate};

/// How long both sides together may be busy with something else, such as hashing the pieces that
/// came before. At 10 Gbit/s the round trip is shorter than that, and a sender was seen to wait for
/// one request after the other. The number is assumed: 32 MiB asked for gave 1.48 GB/s where two
/// pieces and 8 ms gave 1.37, at three runs each and with as much noise.
const SLACK: Duration = Duration::from_millis(16);

/// How many bytes to have asked for at a time, so that the peer never waits for a request.
///
/// It begins with two pieces and grows by what arrives, which doubles it each round trip, until
/// the rate no longer grows with it. From then on it is what arrives in two round trips and
/// [`SLACK`], and two pieces more: too much costs some memory, too little costs throughput.
#[derive(Clone, Debug)]
pub(crate) struct Depth {
    floor: u64,
    slow_start: Option<u64>,
    best_raw: u64,
    round_trip: Duration,
    probe: Option<(Block, Instant)>,
    rate: Rate,
    full: bool,
}

impl Depth {
    /// `round_trip` is what shaking hands took.
    pub(crate) fn new(piece_size: u32, round_trip: Duration) -> Self {
        let floor = 2 * u64::from(piece_size);
        Self {
            floor,
            slow_start: Some(floor),
            best_raw: 0,
            round_trip,
            probe: None,
            rate: Rate::default(),
            full: false,
        }
    }

    /// Bytes to have asked for.
    pub(crate) fn target(&self) -> u64 {
        if let Some(target) = self.slow_start {
            return target;
        }
        let round_trip = self.round_trip.as_micros();
        let ahead = 2 * round_trip + SLACK.as_micros();
        let underway = u128::from(self.rate.smoothed()) * ahead / 1_000_000;
        self.floor
            .saturating_add(u64::try_from(underway).unwrap_or(u64::MAX))
    }

    /// Whether to ask for more, with so many bytes asked for and so many to be asked for at most.
    /// Once those are asked for, no more is until a quarter has come: requests that leave together
    /// wake both sides once, and at 10 Gbit/s a wake-up for each piece is a tenth of what sending
    /// costs (measured).
    pub(crate) fn wants_more(&mut self, asked: u64, most: u64) -> bool {
        let enough = if self.full { most - most / 4 } else { most };
        self.full = asked >= enough;
        !self.full
    }

    /// A request left while nothing else was asked for: its answer shows the round trip.
    pub(crate) fn asked_first(&mut self, now: Instant, block: Block) {
        self.probe = Some((block, now));
        self.rate.resume(now);
    }

    /// The head of an answer came.
    pub(crate) fn answered(&mut self, now: Instant, block: Block) {
        if let Some((_, asked)) = self.probe.take_if(|(probe, _)| *probe == block) {
            self.round_trip = self.round_trip.min(now.since(asked));
        }
    }

    /// Nothing is asked for any more.
    pub(crate) fn idle(&mut self, now: Instant) {
        self.rate.pause(now);
        self.probe = None;
    }

    /// A body came whole.
    pub(crate) fn landed(&mut self, now: Instant, len: u32) {
        let raw = self.rate.add(now, len.into());
        let Some(target) = &mut self.slow_start else {
            return;
        };
        *target = target.saturating_add(len.into());
        if let Some(raw) = raw {
            if raw < self.best_raw + self.best_raw / 8 {
                self.slow_start = None;
            }
            self.best_raw = self.best_raw.max(raw);
        }
    }

    /// Whether a round trip is so short beside the time that a piece takes that little is lost by
    /// asking for the next piece once this one is there. Not so where a piece takes no longer than
    /// some tens of milliseconds: then what both sides have to do in between counts.
    pub(crate) fn is_slow(&self, now: Instant, piece_size: u64) -> bool {
        let rate = self.rate(now);
        let between = (self.round_trip + SLACK / 8).as_micros();
        let underway = u128::from(rate) * between / 1_000_000;
        rate > 0 && 16 * underway < u128::from(piece_size)
    }

    /// Bytes per second, lately.
    pub(crate) fn rate(&self, now: Instant) -> u64 {
        self.rate.lately(now)
    }

    /// Shortest time from a request, or a handshake, to its answer.
    pub(crate) fn round_trip(&self) -> Duration {
        self.round_trip
    }
}
