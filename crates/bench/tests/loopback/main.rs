//! Benchmarks between stations on loopback: what is measured is there and adds up. How fast it is
//! matters to no test.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic, also in the functions beside it"
)]

mod common;
mod refused;
mod several;

use dolab_bench::report::{Direction, Event, Interval, Layer, Outcome, Sink, Source};

use crate::common::{SIZE, Served, figures, plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_layer_moves_all_of_it_in_each_direction() {
    let served = Served::start().await;
    for direction in [Direction::Receive, Direction::Send] {
        let mut plan = plan();
        plan.options.directions = vec![direction];
        let (report, events) = run(&[served.target()], &plan).await;
        let figures = figures(&report);
        assert_eq!(report.outcome, Outcome::Done);
        let layers: Vec<Layer> = figures.iter().map(|(id, _)| id.layer).collect();
        assert_eq!(layers, Layer::ALL);
        for (id, figures) in figures {
            assert_eq!(figures.bytes, SIZE, "{id:?}");
            let sum: u64 = figures.intervals.iter().map(|it| it.bytes).sum();
            assert_eq!(sum, SIZE, "{id:?}");
            assert!(
                figures.seconds > 0.0 && figures.bits_per_second > 0.0,
                "{id:?}"
            );
            let pieces = figures.piece_latency_ms.map(|latency| latency.count);
            let expected = (id.layer != Layer::Raw).then(|| SIZE.div_ceil(1 << 20));
            assert_eq!(pieces, expected, "{id:?}");
            assert!(figures.round_trip.idle_ms.is_some(), "{id:?}");
            assert!(figures.cpu_seconds_per_gib.local.is_some(), "{id:?}");
            assert!(figures.cpu_seconds_per_gib.remote.is_some(), "{id:?}");
            if cfg!(target_os = "linux") {
                assert!(figures.congestion_control.is_some(), "{id:?}");
            }
            // The same intervals were told on the way, in order.
            let told = events.iter().filter_map(|event| match event {
                Event::Interval { run, interval } if run == id => Some(interval.bytes),
                _ => None,
            });
            let bytes = figures.intervals.iter().map(|it| it.bytes);
            assert_eq!(
                told.collect::<Vec<_>>(),
                bytes.collect::<Vec<_>>(),
                "{id:?}"
            );
        }
    }
    served.until_free().await;
    served.station.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_ends_it_too_and_the_warm_up_counts_for_nothing() {
    let served = Served::start().await;
    let mut plan = plan();
    plan.options.layers = vec![Layer::Raw, Layer::Verified];
    plan.options.size_bytes = None;
    plan.options.duration_ms = Some(300);
    plan.options.warm_up_ms = 100;
    plan.options.interval_ms = 100;
    // Or a layer might have moved all that was prepared for it before its time.
    plan.options.rate_limit_bits_per_second = Some(800e6);
    let (report, _) = run(&[served.target()], &plan).await;
    for (id, figures) in figures(&report) {
        let (warm, measured): (Vec<Interval>, Vec<Interval>) = figures
            .intervals
            .iter()
            .partition(|interval| interval.warm_up);
        assert!(!warm.is_empty() && !measured.is_empty(), "{id:?}");
        let sum: u64 = measured.iter().map(|interval| interval.bytes).sum();
        assert_eq!(figures.bytes, sum, "{id:?}");
        let mut end = 0.0;
        for interval in &figures.intervals {
            assert!(
                (interval.start_ms - end).abs() < 0.01,
                "a gap: {:?}",
                figures.intervals
            );
            end = interval.start_ms + interval.ms;
        }
        assert!(figures.seconds > 0.2, "{id:?}: {}", figures.seconds);
    }
    served.station.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_setting_reaches_both_ends() {
    let served = Served::start().await;
    for direction in [Direction::Receive, Direction::Send] {
        let mut plan = plan();
        let options = &mut plan.options;
        options.directions = vec![direction];
        options.streams = 3;
        options.block_bytes = 16 << 10;
        options.request_depth = 7;
        options.source = Source::Zero;
        options.sink = Sink::Null;
        options.send_buffer_bytes = Some(128 << 10);
        options.receive_buffer_bytes = Some(128 << 10);
        options.rate_limit_bits_per_second = Some(4e9);
        if cfg!(target_os = "linux") {
            options.congestion_control = Some("reno".into());
        }
        let (report, _) = run(&[served.target()], &plan).await;
        for (id, figures) in figures(&report) {
            assert_eq!(figures.bytes, SIZE, "{id:?}");
            assert_eq!(
                figures.congestion_control, plan.options.congestion_control,
                "{id:?}"
            );
        }
    }
    served.station.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_directions_run_at_once() {
    let served = Served::start().await;
    let mut plan = plan();
    plan.options.directions = vec![Direction::Receive, Direction::Send];
    plan.options.both_at_once = true;
    plan.options.layers = vec![Layer::Raw, Layer::Stored];
    let (report, events) = run(&[served.target()], &plan).await;
    assert_eq!(figures(&report).len(), 4);
    assert!(
        figures(&report)
            .iter()
            .all(|(_, figures)| figures.bytes == SIZE)
    );
    // Both of a layer begin before one of them ends.
    let begun = events
        .iter()
        .take_while(|event| matches!(event, Event::Started { .. }));
    assert_eq!(begun.count(), 2, "{events:?}");
    served.station.stop().await;
}
