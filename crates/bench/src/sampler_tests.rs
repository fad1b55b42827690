use super::*;
use crate::report::{Layer, Sink, Source};

fn slicer(duration_ms: Option<u64>, warm_up_ms: u64, interval_ms: u64) -> Slicer {
    Slicer::new(&Spec {
        layer: Layer::Raw,
        part: Part::Receiver,
        streams: 1,
        duration_ms,
        length: None,
        warm_up_ms,
        interval_ms,
        source: Source::Zero,
        sink: Sink::Null,
        piece_bytes: 1,
        block_bytes: 1,
        request_depth: None,
        congestion_control: None,
        buffer_bytes: None,
        rate_limit: None,
        offer: None,
    })
}

/// Looks every `look` milliseconds until it is long enough or `until`; a byte comes each
/// millisecond, and a tenth of a core is busy.
fn run(mut slicer: Slicer, look: u64, until: u64) -> (Vec<Slice>, Vec<u64>) {
    let (mut slices, mut warm) = (Vec::new(), Vec::new());
    let mut at = 0;
    loop {
        at += look.min(slicer.until_boundary(ms(at)).as_millis().max(1) as u64);
        let at_most = at.min(until);
        let reading = Reading {
            bytes: at_most,
            tcp: Tcp {
                retransmits: Some(at_most / 10),
                ..Tcp::default()
            },
        };
        let step = slicer.see(ms(at_most), reading, at_most as f64 / 1e4);
        slices.extend(step.slice);
        if step.warmed_up {
            warm.push(at_most);
        }
        if step.long_enough || at >= until {
            slices.extend(slicer.cut());
            return (slices, warm);
        }
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn shape(slices: &[Slice]) -> Vec<(u64, u64, bool, u64)> {
    let number = |value: f64| value.round() as u64;
    let shape = |it: &Slice| (number(it.start_ms), number(it.ms), it.warm_up, it.bytes);
    slices.iter().map(shape).collect()
}

#[test]
fn slices_have_no_gaps_and_the_warm_up_one_of_its_own() {
    let (slices, warm) = run(slicer(Some(250), 150, 100), 20, u64::MAX);
    assert_eq!(
        shape(&slices),
        [
            (0, 100, true, 100),
            (100, 50, true, 50),
            (150, 100, false, 100),
            (250, 100, false, 100),
            (350, 50, false, 50),
        ]
    );
    assert_eq!(warm, [150], "what was counted is forgotten once");
    let cpu: f64 = slices.iter().map(|slice| slice.cpu_seconds).sum();
    assert!((cpu - 0.04).abs() < 1e-9);
    let retransmits: u64 = slices.iter().filter_map(|slice| slice.retransmits).sum();
    assert_eq!(retransmits, 40);
}

#[test]
fn what_is_left_at_the_end_is_a_slice_too() {
    let (slices, warm) = run(slicer(None, 0, 100), 20, 215);
    assert_eq!(
        shape(&slices),
        [
            (0, 100, false, 100),
            (100, 100, false, 100),
            (200, 15, false, 15)
        ]
    );
    assert!(warm.is_empty());
}

#[test]
fn a_connection_that_goes_takes_no_count_below_zero() {
    let mut slicer = slicer(None, 0, 10);
    let reading = |retransmits| Reading {
        bytes: 5,
        tcp: Tcp {
            retransmits,
            ..Tcp::default()
        },
    };
    assert_eq!(
        slicer
            .see(ms(10), reading(Some(7)), 0.0)
            .slice
            .unwrap()
            .retransmits,
        Some(7)
    );
    let later = slicer.see(ms(20), reading(Some(3)), 0.0).slice.unwrap();
    assert_eq!((later.retransmits, later.bytes), (Some(0), 0));
    assert_eq!(
        slicer
            .see(ms(30), reading(None), 0.0)
            .slice
            .unwrap()
            .retransmits,
        None
    );
}
