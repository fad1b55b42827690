//! `dolab dissect` of real transfers, and tshark's word on the same files.

use std::{path::Path, time::Instant};

use dolab_tests::{PATIENCE, Process};
use serde_json::Value;

use crate::tshark::{LENGTH, Watched, fields};

#[test]
fn tshark_and_dissect_count_alike() {
    let Some(watched) = Watched::start() else {
        return;
    };
    let (capture, id) = (watched.capture.clone(), watched.id.clone());
    // What nobody shares is asked for last: once its connection is seen whole, all are.
    for (content, name) in [(id.clone(), "copy.bin"), (unknown(&id), "none.bin")] {
        watched.fetch(&content, name);
    }
    let deadline = Instant::now() + PATIENCE;
    let whole = |report: &Value| {
        let connections = report["connections"].as_array();
        connections.is_some_and(|all| all.len() >= 3 && all.iter().all(|c| c["finish"] != "open"))
    };
    while !whole(&dissect(&capture)) {
        assert!(Instant::now() < deadline, "{:#}", dissect(&capture));
    }
    drop(watched.tshark.interrupt());

    let report = dissect(&capture);
    let connections = report["connections"].as_array().expect("a list");
    let swarm: Vec<&Value> = connections
        .iter()
        .filter(|c| c["protocol"] == "swarm")
        .collect();
    let carried: u64 = swarm
        .iter()
        .filter(|c| c["swarm"] == id.as_str())
        .filter_map(|c| c["listener_side"]["piece_bytes"].as_u64())
        .sum();
    assert_eq!(carried, LENGTH, "every byte of the content: {report:#}");

    let names = ["tcp.stream", "tcp.dstport", "tcp.seq", "tcp.len"];
    let mut streams = std::collections::BTreeMap::<(u32, bool), u64>::new();
    for line in fields(&capture, &[], "tcp", &names) {
        let [stream, to, seq, len] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("four fields: {line}");
        };
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let end = (number(seq) + number(len)).saturating_sub(1);
        let stream = (number(stream) as u32, to == "7680");
        let known = streams.entry(stream).or_default();
        *known = end.max(*known);
    }
    for connection in connections {
        let stream = connection["number"].as_u64().expect("a number") as u32 - 1;
        for (side, to_listener) in [("caller_side", true), ("listener_side", false)] {
            let bytes = connection[side]["bytes"].as_u64().expect("a number");
            let theirs = streams.get(&(stream, to_listener)).copied().unwrap_or(0);
            // A FIN that comes again behind the last byte counts for one in tshark's numbers.
            assert!(
                theirs == bytes || theirs == bytes + 1,
                "stream {stream}, {side}: {bytes} bytes, tshark counts {theirs}"
            );
        }
    }
    let numbers: std::collections::BTreeSet<u32> = streams.keys().map(|(n, _)| *n).collect();
    assert_eq!(numbers.len(), connections.len(), "as many streams");

    // The first line is the answer, and a file that is cut off gives what it holds.
    let text = run(&capture, &[]);
    let summary = report["summary"].as_str().expect("text");
    assert_eq!(text.stdout.lines().next(), Some(summary));
    let bytes = std::fs::read(&capture).expect("the capture can be read");
    std::fs::write(&capture, &bytes[..bytes.len() - 3]).expect("it can be written");
    let cut = dissect(&capture);
    assert_eq!(cut["file"]["damaged"], 1, "{cut:#}");
    assert!(cut["file"]["packets"].as_u64() > Some(0));
}

/// An id that differs in its first digit.
fn unknown(id: &str) -> String {
    let first = if id.starts_with('0') { "1" } else { "0" };
    format!("{first}{}", &id[1..])
}

fn run(capture: &Path, more: &[&str]) -> dolab_tests::Finished {
    let mut dissect = dolab_tests::dolab();
    dissect.arg("dissect").arg(capture).args(more);
    Process::run(dissect)
}

fn dissect(capture: &Path) -> Value {
    let finished = run(capture, &["--json"]);
    let last = finished.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_default()
}
