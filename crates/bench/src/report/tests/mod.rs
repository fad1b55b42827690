mod document;
mod sentence;

use super::*;

pub(crate) fn options() -> Options {
    Options {
        layers: Layer::ALL.to_vec(),
        directions: vec![Direction::Receive, Direction::Send],
        both_at_once: false,
        streams: 1,
        duration_ms: Some(4000),
        size_bytes: None,
        warm_up_ms: 500,
        interval_ms: 500,
        source: Source::Synthetic,
        sink: Sink::Layer,
        piece_bytes: 1 << 20,
        block_bytes: 128 << 10,
        request_depth: 16,
        congestion_control: None,
        send_buffer_bytes: None,
        receive_buffer_bytes: Some(4 << 20),
        rate_limit_bits_per_second: None,
    }
}

pub(crate) fn host(name: &str, address: Option<&str>) -> Host {
    Host {
        address: address.map(str::to_owned),
        host: name.to_owned(),
        os: Some("linux".to_owned()),
        version: Some("0.1.0".to_owned()),
        cores: Some(2),
        sha_instructions: Some(true),
    }
}

pub(crate) fn id(direction: Direction, layer: Layer, remote: &str) -> RunId {
    RunId {
        direction,
        layer,
        remote: remote.to_owned(),
    }
}

/// Eight intervals of half a second after one of warm-up, which scatter by 1 % around `goodput`.
pub(crate) fn figures(goodput: f64) -> Figures {
    let bytes = |slice: u64| {
        let wobble = [1.0, 0.995, 1.005, 0.99, 1.01, 1.0, 0.995, 1.005, 1.0];
        (goodput / 16.0 * wobble[slice as usize]).round() as u64
    };
    let slice = |n: u64| {
        let bytes = if n == 0 { bytes(n) / 2 } else { bytes(n) };
        Interval {
            warm_up: n == 0,
            retransmits: Some(n % 2),
            rtt_ms: Some(1.5),
            cwnd_bytes: Some(700e3),
            cpu_cores: BothEnds {
                local: Some(0.8),
                remote: None,
            },
            ..Interval::new(n as f64 * 500.0, 500.0, bytes)
        }
    };
    let intervals: Vec<_> = (0..9).map(slice).collect();
    let bytes = intervals[1..].iter().map(|slice| slice.bytes).sum::<u64>();
    Figures {
        bytes,
        seconds: 4.0,
        bits_per_second: bytes as f64 * 2.0,
        retransmits: Some(4),
        round_trip: RoundTrip::new(Spread::of(&[0.25, 0.5]), Spread::of(&[1.0, 1.5, 4.0])),
        congestion_control: Some("cubic".to_owned()),
        cwnd_bytes: Spread::of(&[700e3]),
        cpu_seconds_per_gib: BothEnds {
            local: Some(0.62),
            remote: Some(0.125),
        },
        stalls: vec![Stall {
            reason: StallReason::Network,
            count: 3,
            ms: 41.5,
        }],
        piece_latency_ms: Some(Percentiles {
            count: 500,
            p50: 5.5,
            p90: 7.0,
            p99: 12.0,
            p99_9: 20.0,
            max: 31.0,
        }),
        intervals,
    }
}

pub(crate) fn done(direction: Direction, layer: Layer, remote: &str, goodput: f64) -> Run {
    let mut figures = figures(goodput);
    if layer == Layer::Raw {
        figures.piece_latency_ms = None;
        figures.stalls.clear();
    }
    Run {
        id: id(direction, layer, remote),
        result: RunResult::Done {
            figures: Box::new(figures),
        },
    }
}

pub(crate) const BETA: &str = "10.0.0.2:7680";

/// All layers in one direction, at these goodputs.
pub(crate) fn receiving(goodputs: [f64; 4]) -> Vec<Run> {
    let layers = Layer::ALL.into_iter().zip(goodputs);
    layers
        .map(|(layer, goodput)| done(Direction::Receive, layer, BETA, goodput))
        .collect()
}

pub(crate) fn report(runs: Vec<Run>) -> Report {
    Report::new(
        options(),
        host("alpha", None),
        vec![host("beta", Some(BETA))],
        1_795_000_000,
        runs,
    )
}

/// A report with everything that can stand in one.
pub(crate) fn full() -> Report {
    let mut runs = receiving([37e9, 33e9, 16e9, 12e9]);
    runs.push(done(Direction::Send, Layer::Raw, BETA, 36e9));
    runs.push(Run {
        id: id(Direction::Send, Layer::Exchange, BETA),
        result: RunResult::Failed {
            error: "the connection was reset".to_owned(),
            do_error: Some("0x80D02002".to_owned()),
        },
    });
    runs.push(Run {
        id: id(Direction::Send, Layer::Stored, BETA),
        result: RunResult::Skipped {
            reason: "beta offers no disk".to_owned(),
        },
    });
    report(runs)
}

#[test]
fn bufferbloat_is_graded_as_speed_tests_do() {
    let grades = [
        (0.0, Grade::APlus),
        (4.99, Grade::APlus),
        (5.0, Grade::A),
        (29.9, Grade::A),
        (30.0, Grade::B),
        (60.0, Grade::C),
        (200.0, Grade::D),
        (399.0, Grade::D),
        (400.0, Grade::F),
        (9e9, Grade::F),
    ];
    for (added_ms, grade) in grades {
        assert_eq!(Grade::of(added_ms), grade, "{added_ms} ms");
    }
}

#[test]
fn a_round_trip_that_shrinks_under_load_adds_nothing() {
    let trip = RoundTrip::new(Spread::of(&[3.0]), Spread::of(&[2.0]));
    assert_eq!(trip.bloat, Some(Bloat::of(0.0)));
    assert_eq!(RoundTrip::new(None, Spread::of(&[2.0])).bloat, None);
}

#[test]
fn spreads_are_by_nearest_rank() {
    assert_eq!(Spread::of(&[]), None);
    let samples: Vec<_> = (1..=100).rev().map(f64::from).collect();
    let spread = Spread {
        min: 1.0,
        p50: 50.0,
        p95: 95.0,
        max: 100.0,
    };
    assert_eq!(Spread::of(&samples), Some(spread));
    let one = Spread::of(&[7.0]).unwrap();
    assert_eq!((one.min, one.p50, one.p95, one.max), (7.0, 7.0, 7.0, 7.0));
}
