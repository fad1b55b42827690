//! The rule on a modelled link, packet by packet, and on anything at all.

mod link;

use std::time::Duration;

use link::Link;
use proptest::prelude::*;

use super::{Ledbat, LedbatConfig, SLOWDOWN_PAUSE, TARGET};
use crate::Instant;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// 100 Mbit/s, in bytes a second.
const CAPACITY: u64 = 12_500_000;

/// 100 Mbit/s with a tenth of a second of queue.
fn link() -> Link {
    Link::new(CAPACITY, 100 * MS)
}

#[test]
fn alone_it_takes_nine_tenths_of_the_link() {
    for base in [MS, 10 * MS, 50 * MS] {
        let mut link = link();
        let flow = link.polite(base);
        link.run(20 * SECOND);
        let before = link.delivered(flow);
        link.run(60 * SECOND);
        let share = (link.delivered(flow) - before) as f64 / (60 * CAPACITY) as f64;
        assert!(share >= 0.9, "{share} of the link with a base of {base:?}");
    }
}

#[test]
fn beside_a_greedy_flow_it_yields_and_comes_back_when_that_ends() {
    for base in [MS, 10 * MS, 50 * MS] {
        let mut link = link();
        let polite = link.polite(base);
        link.run(20 * SECOND);
        let greedy = link.greedy(base);
        link.run(5 * SECOND);
        let before = (link.delivered(polite), link.delivered(greedy));
        link.run(60 * SECOND);
        let took = (link.delivered(polite) - before.0) as f64;
        let left = (link.delivered(greedy) - before.1) as f64;
        let share = left / (took + left);
        assert!(share >= 0.9, "{share} was left, with a base of {base:?}");
        assert!(took > 0.0, "it must not starve");

        link.stop(greedy);
        link.run(10 * SECOND);
        let before = link.delivered(polite);
        link.run(20 * SECOND);
        let share = (link.delivered(polite) - before) as f64 / (20 * CAPACITY) as f64;
        assert!(
            share >= 0.85,
            "{share} was taken back, with a base of {base:?}"
        );
    }
}

#[test]
fn a_queue_too_short_to_be_seen_shows_by_its_losses() {
    let base = 10 * MS;
    let mut link = Link::new(CAPACITY, 25 * MS);
    let (polite, greedy) = (link.polite(base), link.greedy(base));
    link.run(10 * SECOND);
    let before = (link.delivered(polite), link.delivered(greedy));
    link.run(60 * SECOND);
    let took = (link.delivered(polite) - before.0) as f64;
    let left = (link.delivered(greedy) - before.1) as f64;
    let share = left / (took + left);
    assert!(share >= 0.75, "{share} was left");
}

#[test]
fn two_polite_flows_share_and_a_latecomer_learns_the_true_base() {
    let base = 20 * MS;
    let mut link = link();
    let first = link.polite(base);
    link.run(30 * SECOND);
    let second = link.polite(base);
    link.run(60 * SECOND);
    let learnt = link.rule(second).base().unwrap();
    assert!(
        learnt < base + 15 * MS,
        "the latecomer takes {learnt:?} for the base"
    );
    let before = [first, second].map(|flow| link.delivered(flow));
    link.run(120 * SECOND);
    let after = [first, second].map(|flow| link.delivered(flow));
    let [a, b] = [0, 1].map(|i| (after[i] - before[i]) as f64);
    let (less, all) = (a.min(b), a + b);
    assert!(less / all >= 0.2, "one has {} of both", less / all);
    assert!(all / (120.0 * CAPACITY as f64) >= 0.85, "together {all}");
}

#[test]
fn a_longer_way_is_learnt() {
    let mut link = link();
    let flow = link.polite(10 * MS);
    link.run(30 * SECOND);
    // More than the target: the new way looks like a queue that never empties.
    link.reroute(flow, 110 * MS);
    link.run(60 * SECOND);
    let slow = link.rule(flow).rate();
    link.run(600 * SECOND);
    let before = link.delivered(flow);
    link.run(60 * SECOND);
    let share = (link.delivered(flow) - before) as f64 / (60 * CAPACITY) as f64;
    assert!(
        share >= 0.85,
        "{share} on the longer way; {slow} bytes a second at first"
    );
}

#[test]
fn the_queue_that_it_makes_stays_about_the_target() {
    let mut link = link();
    link.polite(10 * MS);
    link.run(20 * SECOND);
    link.longest_queue();
    link.run(60 * SECOND);
    let worst = link.longest_queue();
    assert!(worst <= TARGET + TARGET / 2, "{worst:?}");
}

#[test]
fn a_sender_slower_than_the_link_does_not_make_the_rate_run_away() {
    let mut link = link();
    let flow = link.slow_sender(10 * MS, 1_000_000);
    link.run(60 * SECOND);
    assert!(
        link.rule(flow).rate() <= 4_000_000,
        "{}",
        link.rule(flow).rate()
    );
}

#[test]
fn after_a_slowdown_it_is_soon_back() {
    let mut link = link();
    let flow = link.polite(10 * MS);
    link.run(20 * SECOND);
    let before = link.delivered(flow);
    link.run(SLOWDOWN_PAUSE + 2 * SECOND);
    let seconds = (SLOWDOWN_PAUSE + 2 * SECOND).as_secs();
    let share = (link.delivered(flow) - before) as f64 / (seconds * CAPACITY) as f64;
    assert!(share >= 0.9, "{share} with a slowdown in it");
}

proptest! {
    #[test]
    fn whatever_it_is_told_the_rate_stays_between_its_bounds(
        floor in 0..1_000_000_u64,
        ceiling in 0..100_000_000_u64,
        steps in prop::collection::vec(
            (0..3_000_000_000_u64, 0..4_u64, any::<u32>(), any::<u32>(), 0..8_u8),
            1..500,
        ),
    ) {
        let mut rule = Ledbat::new(LedbatConfig { floor, ceiling });
        let mut now = Instant(0);
        for (passed, path, micros, bytes, what) in steps {
            now = now + Duration::from_nanos(passed);
            match what {
                0 => rule.lost(path),
                1 => rule.forget(path),
                2 | 3 => rule.received(now, bytes.into()),
                _ => rule.sample(now, path, Duration::from_micros(micros.into())),
            }
            let rate = rule.rate();
            prop_assert!(rate >= floor.max(1) && rate <= ceiling.max(floor).max(1), "{rate}");
            prop_assert!(rule.window() <= u64::MAX / 2);
        }
    }

    #[test]
    fn a_round_trip_of_nothing_and_a_clock_that_stands_still_do_no_harm(
        samples in 1..100_usize,
    ) {
        let mut rule = Ledbat::new(LedbatConfig::default());
        for _ in 0..samples {
            rule.received(Instant(7), 1 << 20);
            rule.sample(Instant(7), 0, Duration::ZERO);
        }
        prop_assert!(rule.rate() > 0 && rule.window() > 0);
    }
}
