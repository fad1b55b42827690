//! The measurement.

use std::{
    fs,
    hint::black_box,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use dolab_content::{Source, Synthetic};
use dolab_tests::{Net, Process, Topology, note};

const MIB: u64 = 1 << 20;
const ROUNDS: usize = 5;
const SECONDS: &str = "3";

pub(super) fn run() {
    let Some(memory) = memory_disk() else {
        return note("NOT RUN: /dev/shm is no memory file system with 2 GiB free");
    };
    if Command::new("iperf3").arg("--version").output().is_err() {
        return note("NOT RUN: iperf3 is not installed");
    }
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    let folder = tempfile::tempdir_in(memory).expect("a folder in memory can be made");
    let size = 1_024 * MIB;
    let shared = folder.path().join("noise");
    write_noise(&shared, size);

    let mut peer = net.there.dolab();
    peer.args(["peer", "--no-announce", "--json", "--share"])
        .arg(&shared);
    let peer = Process::start(peer);
    let sharing = json_line(&peer, "sharing");
    let id = sharing["id"].as_str().expect("an id").to_owned();
    json_line(&peer, "ready");
    let mut iperf = net.there.command("iperf3");
    iperf.args(["-s", "--forceflush"]);
    let iperf = Process::start(iperf);
    iperf.line(|line| line.contains("Server listening"));

    note("round  iperf3 Gbit/s  dolab Gbit/s  ratio");
    let (mut raws, mut ours) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        warm(2 * size);
        let raw = iperf3(&net);
        warm(2 * size);
        let own = fetch(&net, &id, folder.path());
        note(&format!(
            "{round:>5}  {raw:>13.2}  {own:>12.2}  {:>5.2}",
            own / raw
        ));
        raws.push(raw);
        ours.push(own);
    }
    let (raw, own) = (median(raws), median(ours));
    note(&format!(
        "median {raw:>13.2}  {own:>12.2}  {:>5.2}",
        own / raw
    ));
    drop((peer, iperf));
}

fn memory_disk() -> Option<&'static Path> {
    let shm = Path::new("/dev/shm");
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    mounts
        .lines()
        .any(|line| line.contains(" /dev/shm tmpfs "))
        .then_some(shm)
}

fn write_noise(path: &PathBuf, size: u64) {
    let noise = Synthetic::new(7, size);
    let mut file = fs::File::create(path).expect("a file in memory can be made");
    let mut buffer = vec![0; MIB as usize];
    for offset in (0..size).step_by(buffer.len()) {
        noise
            .read_at(offset, &mut buffer)
            .expect("noise can be had");
        file.write_all(&buffer).expect("there is room for the file");
    }
}

/// Touches and frees memory, so that the run that follows finds it warm.
fn warm(bytes: u64) {
    let mut memory = vec![0_u8; bytes as usize];
    for page in memory.iter_mut().step_by(4096) {
        *page = 1;
    }
    black_box(&memory);
}

fn json_line(process: &Process, event: &str) -> serde_json::Value {
    let wanted = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).is_ok_and(|value| value["event"] == event)
    };
    serde_json::from_str(&process.line(wanted)).expect("it was parsed a moment ago")
}

fn iperf3(net: &Net) -> f64 {
    let mut client = net.here.command("iperf3");
    client.args(["-J", "-t", SECONDS, "-c", &net.there.address.to_string()]);
    let finished = Process::run(client);
    let report: serde_json::Value =
        serde_json::from_str(&finished.stdout).expect("iperf3 -J prints JSON");
    let bits = &report["end"]["sum_received"]["bits_per_second"];
    bits.as_f64().expect("iperf3 says how fast it was") / 1e9
}

fn fetch(net: &Net, id: &str, folder: &Path) -> f64 {
    let to = folder.join("fetched");
    let mut client = net.here.dolab();
    client.args([
        "fetch",
        id,
        "--json",
        "--from",
        &net.there.address.to_string(),
        "--output",
    ]);
    client.arg(&to);
    let finished = Process::run(client);
    assert_eq!(
        finished.code,
        Some(0),
        "{}\n{}",
        finished.stdout,
        finished.stderr
    );
    let last = finished.stdout.lines().last().expect("a final document");
    let report: serde_json::Value = serde_json::from_str(last).expect("it is JSON");
    fs::remove_file(&to).expect("what was fetched is there");
    report["bits_per_second"].as_f64().expect("a rate") / 1e9
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
