//! One direction of a cable: which packets come through, and when.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::topology::Link;

/// Packets under way, at most: 100 ms of full packets at 1 Gbit/s, and some.
const AT_MOST: usize = 16_384;
/// How long a packet waits for its turn on a slow cable before it is lost.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// Packets under way in one direction.
#[derive(Debug)]
pub(super) struct Line {
    /// By the moment when they are due, then by arrival.
    waiting: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>,
    count: u64,
    /// When the last packet that did not overtake is due.
    last_due: Option<Instant>,
    /// When the cable is free again.
    free: Option<Instant>,
    random: ChaCha8Rng,
}

impl Line {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            waiting: BinaryHeap::new(),
            count: 0,
            last_due: None,
            free: None,
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Takes a packet on, or loses it.
    pub(super) fn accept(&mut self, frame: &[u8], link: &Link, now: Instant) {
        let lost = self.random.random_range(0..10_000) < link.loss.hundredths();
        if lost || self.waiting.len() >= AT_MOST {
            return;
        }
        let mut begun = now;
        if let Some(rate) = link.rate {
            let free = self.free.map_or(now, |free| free.max(now));
            if free - now > LONGEST_WAIT {
                return;
            }
            let nanos = frame.len() as u64 * 8 * 1_000_000_000 / rate.bits_per_second();
            begun = free + Duration::from_nanos(nanos);
            self.free = Some(begun);
        }
        let overtakes = self.random.random_range(0..10_000) < link.reorder.hundredths();
        let due = if overtakes {
            begun
        } else {
            let jitter = link.jitter.0.mul_f64(self.random.random_range(0.0..=1.0));
            let due = begun + link.delay.0 + jitter;
            let due = self.last_due.map_or(due, |last| due.max(last));
            self.last_due = Some(due);
            due
        };
        self.count += 1;
        self.waiting
            .push(Reverse((due, self.count, frame.to_vec())));
    }

    /// When the next packet is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.peek().map(|Reverse((due, ..))| *due)
    }

    /// The next packet, where it is due by now.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.next_due()? > now {
            return None;
        }
        self.waiting.pop().map(|Reverse((_, _, frame))| frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(text: &str) -> Link {
        toml::from_str(text).unwrap()
    }

    /// Sends packets 1 ms apart; what comes out, with the milliseconds that it took.
    fn pass(link: &Link, count: u8, bytes: usize) -> Vec<(u8, f64)> {
        let begun = Instant::now();
        let mut line = Line::new(1);
        let mut out = Vec::new();
        let mut pull = |line: &mut Line, now: Instant| {
            while let Some(frame) = line.pop_due(now) {
                let sent = begun + Duration::from_millis(frame[0].into());
                out.push((frame[0], (now - sent).as_secs_f64() * 1e3));
            }
        };
        for number in 0..count {
            let now = begun + Duration::from_millis(number.into());
            while let Some(due) = line.next_due().filter(|due| *due <= now) {
                pull(&mut line, due);
            }
            let mut frame = vec![0; bytes];
            frame[0] = number;
            line.accept(&frame, link, now);
        }
        while let Some(due) = line.next_due() {
            pull(&mut line, due);
        }
        out
    }

    #[test]
    fn delay_is_exact_and_keeps_order() {
        let out = pass(&link("delay = '20ms'"), 100, 64);
        assert!(out.iter().all(|(_, took)| *took == 20.0), "{out:?}");
        assert!(out.is_sorted_by_key(|(number, _)| *number));
    }

    #[test]
    fn jitter_keeps_order_and_stays_within_its_bounds() {
        let out = pass(&link("delay = '20ms'\njitter = '10ms'"), 200, 64);
        assert!(
            out.iter().all(|(_, took)| (20.0..=30.0).contains(took)),
            "{out:?}"
        );
        assert!(out.is_sorted_by_key(|(number, _)| *number));
        assert!(out.iter().any(|(_, took)| *took > 25.0));
    }

    #[test]
    fn reordered_packets_overtake() {
        let out = pass(&link("delay = '20ms'\nreorder = '10%'"), 200, 64);
        assert_eq!(out.len(), 200);
        assert!(!out.is_sorted_by_key(|(number, _)| *number));
    }

    #[test]
    fn a_share_is_lost() {
        let out = pass(&link("loss = '20%'"), 250, 64);
        // Five standard deviations of 250 throws.
        assert!((168..=232).contains(&out.len()), "{}", out.len());
        assert_eq!(pass(&link("loss = '100%'"), 250, 64), []);
    }

    #[test]
    fn a_slow_cable_queues_and_then_loses() {
        // A packet takes 2 ms and one comes each: half are lost once 50 ms wait.
        let out = pass(&link("rate = '4Mbit/s'"), 250, 1000);
        assert!((140..=160).contains(&out.len()), "{}", out.len());
        let longest = out.iter().map(|(_, took)| *took).fold(0.0, f64::max);
        assert!((50.0..=54.0).contains(&longest), "{longest}");
    }
}
