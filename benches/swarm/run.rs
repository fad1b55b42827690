//! The measurement.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use dolab_tests::{Lan, Namespace, Process, note};
use serde_json::Value;

use super::setting::{SETTINGS, Setting};

/// Long enough for the last of the others, after which it is ended.
const SHARE_FOR: &str = "10min";

pub(super) fn run() {
    // Built now, not when the clock runs.
    dolab_tests::dolab();
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    note(&format!(
        "{:<14} {:>5} {:>5} {:>5} {:>6} {:>8} {:>8} {:>6} {:>13}",
        "Mbit/s:", "seed", "down", "up", "MiB", "bound s", "last s", "ratio", "seeder sent"
    ));
    for setting in SETTINGS {
        if wanted.is_empty() || wanted.iter().any(|part| setting.name.contains(part)) {
            let Some(outcome) = measure(&setting) else {
                return;
            };
            tell(&setting, &outcome);
        }
    }
}

struct Outcome {
    /// Seconds until the last device had everything.
    last: f64,
    /// Bytes that came from the seeder, over those of the file.
    from_seeder: f64,
}

fn tell(setting: &Setting, outcome: &Outcome) {
    let bound = setting.bound();
    note(&format!(
        "{:<14} {:>5} {:>5} {:>5} {:>6} {:>8.2} {:>8.2} {:>6.3} {:>11.2} x",
        setting.name,
        setting.seeder_up,
        setting.down,
        setting.up,
        setting.mebibytes,
        bound,
        outcome.last,
        outcome.last / bound,
        outcome.from_seeder
    ));
}

fn measure(setting: &Setting) -> Option<Outcome> {
    let lan = Lan::switch(setting.devices as usize + 1)?;
    let (seeder, devices) = lan.hosts.split_first().expect("a switch has hosts");
    shape(&lan, setting);
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory can be made");
    let (peer, id) = seed(seeder, setting);
    let began = Instant::now();
    let fetches: Vec<Process> = (0..devices.len())
        .map(|index| Process::start(fetch(&lan, index, &id, setting, folder.path())))
        .collect();
    for fetch in &fetches {
        json_line(fetch, "whole");
    }
    let last = began.elapsed().as_secs_f64();
    let from_seeder: u64 = fetches
        .into_iter()
        .map(|fetch| sent_by(&seeder.address.to_string(), fetch))
        .sum();
    drop(peer);
    Some(Outcome {
        last,
        from_seeder: from_seeder as f64 / setting.bytes() as f64,
    })
}

fn shape(lan: &Lan, setting: &Setting) {
    let switch = lan.switch.as_ref().expect("it was built with one");
    for (index, host) in lan.hosts.iter().enumerate() {
        let up = if index == 0 {
            setting.seeder_up
        } else {
            setting.up
        };
        host.shape("eth0", &bucket(up));
        // What comes to the seeder is next to nothing.
        if index > 0 {
            switch.shape(&format!("port{}", index + 1), &bucket(setting.down));
        }
    }
}

fn bucket(rate: u64) -> String {
    format!("tbf rate {rate}mbit burst 64kb latency 20ms")
}

/// Starts to share, and returns the content's id.
fn seed(host: &Namespace, setting: &Setting) -> (Process, String) {
    let mut peer = host.dolab();
    peer.args(["peer", "--json"]).args([
        "--share-synthetic".to_owned(),
        format!("{}MiB:7", setting.mebibytes),
    ]);
    let peer = Process::start(peer);
    let sharing = json_line(&peer, "sharing");
    let id = sharing["id"].as_str().expect("an id").to_owned();
    json_line(&peer, "ready");
    (peer, id)
}

fn fetch(lan: &Lan, index: usize, id: &str, setting: &Setting, folder: &Path) -> Command {
    let to: PathBuf = folder.join(format!("device{index}"));
    let mut fetch = lan.hosts[index + 1].dolab();
    fetch.args(["fetch", id, "--json", "--share-for", SHARE_FOR, "--output"]);
    fetch.arg(to);
    let known = if setting.told { lan.hosts.len() } else { 1 };
    for host in &lan.hosts[..known] {
        if host.address != lan.hosts[index + 1].address {
            fetch.args(["--from", &host.address.to_string()]);
        }
    }
    fetch
}

/// Ends a fetch that has everything. Returns the bytes that it has from a host.
fn sent_by(host: &str, fetch: Process) -> u64 {
    let finished = fetch.interrupt();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let last = finished.stdout.lines().last().expect("a final document");
    let document: Value = serde_json::from_str(last).expect("it is JSON");
    let sources = document["sources"].as_array().expect("it lists who sent");
    let of_host = sources.iter().filter(|source| {
        let address = source["address"].as_str().unwrap_or_default();
        address.rsplit_once(':').is_some_and(|(ip, _)| ip == host)
    });
    of_host.filter_map(|source| source["bytes"].as_u64()).sum()
}

fn json_line(process: &Process, event: &str) -> Value {
    let wanted =
        |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|value| value["event"] == event);
    serde_json::from_str(&process.line(wanted)).expect("it was parsed a moment ago")
}
