use dolab_bench::{
    compare::compare,
    report::{Event, Interval, RunId, RunResult, Status},
};

use super::*;
use crate::render::Style;

/// A real run, as it is shown to whoever writes scripts.
fn real() -> Report {
    let text = include_str!("../../../../../docs/schema/bench-1.example.json");
    serde_json::from_str(text).unwrap()
}

/// The same, in which one run broke and one was left out.
fn broken() -> Report {
    let Report {
        options,
        local,
        remotes,
        mut runs,
        ..
    } = real();
    runs[2].result = RunResult::Failed {
        error: "the connection was reset".to_owned(),
        do_error: Some("0x80D02002".to_owned()),
    };
    runs[3].result = RunResult::Skipped {
        reason: "the other host offers no disk".to_owned(),
    };
    Report::new(options, local, remotes, 0, runs)
}

const ASCII: Style = Style {
    colored: false,
    width: 80,
    unicode: false,
};

#[test]
fn a_benchmark_begins_with_the_answer() {
    insta::assert_snapshot!(bench(Style::PLAIN, &real()));
}

#[test]
fn a_narrow_terminal_without_unicode_shows_the_same() {
    let text = bench(ASCII, &broken());
    assert!(text.is_ascii());
    let mut laid_out = text
        .lines()
        .skip_while(|line| !line.starts_with("direction"));
    assert!(laid_out.all(|line| line.len() <= 80), "{text}");
    for shown in [
        "\nraw       @@@",
        "\nreceive    exchange  31.4 Gbit/s (3.92 GB/s)",
        "\nreceive verified: failed: the connection was reset (0x80D02002)\n",
        "\nreceive stored: skipped: the other host offers no disk\n",
    ] {
        assert!(text.contains(shown), "{shown:?} in {text}");
    }
}

#[test]
fn a_report_of_nothing_says_why() {
    let mut report = broken();
    report.runs.drain(..2);
    let Report {
        options,
        local,
        remotes,
        runs,
        ..
    } = report;
    let report = Report::new(options, local, remotes, 0, runs);
    insta::assert_snapshot!(bench(Style::PLAIN, &report));
}

#[test]
fn what_the_other_host_says_never_reaches_the_terminal_raw() {
    let style = Style {
        colored: true,
        ..Style::PLAIN
    };
    let evil = || "\u{1b}]0;owned\u{7}\u{202e}\r\n\u{9b}2J".to_owned();
    let mut hostile = broken();
    hostile.summary = evil();
    hostile.advice = vec![evil()];
    for host in [&mut hostile.local, &mut hostile.remotes[0]] {
        host.host = evil();
        host.os = Some(evil());
        host.version = Some(evil());
        host.address = Some(evil());
    }
    for run in &mut hostile.runs {
        run.id.remote = evil();
        match &mut run.result {
            RunResult::Done { figures } => figures.congestion_control = Some(evil()),
            RunResult::Skipped { reason } => *reason = evil(),
            RunResult::Failed { error, .. } => *error = evil(),
        }
    }
    let text = bench(style, &hostile);
    for raw in ["\u{7}", "\u{202e}", "\r", "\u{9b}", "\u{1b}]"] {
        assert!(!text.contains(raw), "{raw:?} in {text:?}");
    }
}

#[test]
fn two_benchmarks_are_shown_beside_each_other() {
    let mut slower = real();
    for run in &mut slower.runs {
        if let RunResult::Done { figures } = &mut run.result {
            for slice in &mut figures.intervals {
                slice.bits_per_second *= 0.8;
            }
        }
    }
    slower.runs.pop();
    let compared = compare(&[real()], &[slower]).unwrap();
    insta::assert_snapshot!(comparison(Style::PLAIN, &compared));
}

#[test]
fn the_live_line_adds_remotes_up() {
    let run = |remote: &str| {
        let RunId {
            direction, layer, ..
        } = real().runs[0].id.clone();
        RunId {
            direction,
            layer,
            remote: remote.to_owned(),
        }
    };
    let interval = |remote, bytes| Event::Interval {
        run: run(remote),
        interval: Interval {
            rtt_ms: Some(0.25),
            ..Interval::new(0.0, 1000.0, bytes)
        },
    };
    let mut live = BenchLive::new(Style::PLAIN);
    let starting = live.line(&Event::Started { run: run("a") });
    assert_eq!(starting, "receive raw: starting");
    live.line(&Event::Started { run: run("b") });
    live.line(&interval("a", 1_000_000));
    let line = live.line(&interval("b", 2_000_000));
    assert_eq!(
        line,
        "receive raw: █ 24.0 Mbit/s (3.00 MB/s), round trip 0.25 ms"
    );
    live.line(&Event::Ended {
        run: run("a"),
        status: Status::Failed,
    });
    let line = live.line(&interval("b", 1_000_000));
    assert_eq!(
        line,
        "receive raw: █▄ 8.00 Mbit/s (1.00 MB/s), round trip 0.25 ms"
    );
    let status = Status::Done;
    assert_eq!(
        live.line(&Event::Ended {
            run: run("b"),
            status
        }),
        ""
    );
}
