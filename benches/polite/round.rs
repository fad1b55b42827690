use std::{fs::File, path::Path};

use dolab_tests::{Lan, Namespace, Process, foreground, note};
use serde_json::Value;
use tempfile::TempDir;

/// Links of the host that downloads: a queue of so much, at 100 Mbit/s.
const LINKS: [(&str, &str); 3] = [
    (
        "100 Mbit/s, queue 100 ms",
        "tbf rate 100mbit burst 32kb latency 100ms",
    ),
    (
        "100 Mbit/s, queue 200 ms",
        "tbf rate 100mbit burst 32kb latency 200ms",
    ),
    (
        "100 Mbit/s, queue 25 ms",
        "tbf rate 100mbit burst 32kb latency 25ms",
    ),
];

/// More than the link carries in a round.
const LEN: u64 = 1 << 30;

/// Seconds for which the link is measured alone, and shared.
const ALONE: u32 = 4;
const SHARED: u32 = 15;

/// Bytes after which a download counts as under way.
const UNDER_WAY: u64 = 80 << 20;

/// Shares of what a foreground transfer gets alone.
struct Shares {
    /// What the background download takes of an idle link.
    used: f64,
    /// What it leaves to a foreground transfer.
    left: f64,
    /// What a plain download leaves.
    control: f64,
}

pub(crate) fn run(rounds: usize) {
    // Built now, not when the clock runs.
    dolab_tests::dolab();
    note("shares of what iperf3 gets alone: median (least to most)");
    note(
        "link                       idle link used       left to iperf3        left by a plain fetch",
    );
    for (name, discipline) in LINKS {
        let mut all: [Vec<f64>; 3] = Default::default();
        for _ in 0..rounds {
            let Some(shares) = round(discipline) else {
                return;
            };
            for (values, share) in all
                .iter_mut()
                .zip([shares.used, shares.left, shares.control])
            {
                values.push(share);
            }
        }
        let [used, left, control] = all.map(spread);
        note(&format!("{name:<26} {used:<20} {left:<21} {control}"));
    }
}

/// One network of its own. `None`, said aloud, where this user may not.
fn round(discipline: &str) -> Option<Shares> {
    let lan = Lan::switch(3)?;
    let [sharer, stranger, here] = &lan.hosts[..] else {
        unreachable!("three hosts were asked for");
    };
    let switch = lan.switch.as_ref().expect("a switch was asked for");
    switch.shape("port3", discipline);
    let folder = TempDir::new().expect("a folder can be made");
    let original = folder.path().join("original.bin");
    File::create(&original)
        .and_then(|file| file.set_len(LEN))
        .expect("a file can be made");
    let mut share = sharer.dolab();
    share.args(["peer", "--json", "--share"]).arg(&original);
    let peer = Process::start(share);
    let sharing = event(&peer, "sharing", |_| true);
    let id = sharing["id"].as_str().expect("an id");
    event(&peer, "ready", |_| true);
    let mut server = stranger.command("iperf3");
    server.args(["--server", "--forceflush"]);
    let server = Process::start(server);
    server.line(|line| line.contains("listening"));

    let fetch =
        |name: &str, more: &[&str]| start_fetch(here, sharer, id, &folder.path().join(name), more);
    let whole = foreground(here, stranger, ALONE);
    let polite = fetch("polite.bin", &["--background"]);
    let used = under_way(&polite)["bits_per_second"]
        .as_f64()
        .expect("a rate");
    let left = foreground(here, stranger, SHARED);
    polite.kill();
    let plain = fetch("plain.bin", &[]);
    under_way(&plain);
    let control = foreground(here, stranger, SHARED);
    Some(Shares {
        used: used / whole,
        left: left / whole,
        control: control / whole,
    })
}

fn start_fetch(to: &Namespace, from: &Namespace, id: &str, path: &Path, more: &[&str]) -> Process {
    let mut fetch = to.dolab();
    let from = from.address.to_string();
    fetch.args(["fetch", id, "--from", &from, "--json", "--output"]);
    fetch.arg(path).args(more);
    Process::start(fetch)
}

/// How a download stood when it was under way.
fn under_way(fetch: &Process) -> Value {
    event(fetch, "progress", |now| {
        now["bytes"].as_u64() >= Some(UNDER_WAY)
    })
}

/// Waits for an event that `wanted` likes.
fn event(process: &Process, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let parse = |line: &str| {
        let event: Value = serde_json::from_str(line).ok()?;
        (event["event"] == name && wanted(&event)).then_some(event)
    };
    let line = process.line(|line| parse(line).is_some());
    parse(&line).expect("it was one a moment ago")
}

fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (first, last) = (values[0], values[values.len() - 1]);
    format!("{:.3} ({first:.3} to {last:.3})", values[values.len() / 2])
}
