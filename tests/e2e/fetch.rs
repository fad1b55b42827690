//! A big file from two peers at once, by a downloader that is killed again and again.

use std::{fs, path::Path, process::Command};

use dolab_tests::{Namespace, Net, Process, Topology, note};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    content::{Random, same, write_sparse},
    peer::{self, document, parse},
};

/// A little more than 1 GiB, so that the last piece is a short one.
const LEN: u64 = (1 << 30) + 12_345;

#[test]
fn a_gibibyte_from_two_peers_survives_being_killed() {
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    // The transfer then takes seconds, however fast the machine is, so that there is a middle of
    // it to be killed in.
    net.shape("here", "rate 2gbit burst 4mb latency 50ms");
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
    let original = folder.path().join("original.bin");
    write_sparse(&original, LEN, 7);
    let share = ["--share", original.to_str().expect("the path is text")];
    let peers = [&net.there, &net.middle].map(|host| peer::start(host.dolab(), &share));
    let [id, same_id] = [0, 1].map(|i| peers[i].content_id());
    assert_eq!(id, same_id, "the same file has the same id everywhere");

    let seed = std::env::var("DOLAB_SEED").map_or_else(
        |_| u64::from(std::process::id()),
        |seed| seed.parse().expect("DOLAB_SEED is a number"),
    );
    let mut random = Random(seed);
    let output = folder.path().join("copy.bin");
    let fetch = || Process::start(fetch(&net, &id, &output));
    let mut killed_at = Vec::new();
    for part in 1..=4 {
        // Each time a little later, and never so late that nothing is left for the last run.
        let moment = random.between(0, LEN / 6) + part * LEN / 10;
        let fetch = fetch();
        fetch.line(|line| parse(line, "progress").is_some_and(|p| bytes(&p) >= moment));
        fetch.kill();
        killed_at.push(moment);
        assert!(
            !output.exists(),
            "a file that is not whole stands under its own name"
        );
    }
    note(&format!(
        "killed at bytes {killed_at:?} (DOLAB_SEED={seed})"
    ));

    let finished = fetch().finish();
    finished.assert_code(0);
    let done = document(&finished);
    assert!(
        same(&original, &output),
        "the copy differs (DOLAB_SEED={seed})"
    );
    let resumed = done["resumed_bytes"].as_u64().expect("a number of bytes");
    let last = *killed_at.last().expect("it was killed");
    // What was on its way at the moment of the kill is lost, but no more than that.
    assert!(
        resumed > last / 2,
        "only {resumed} bytes of {last} were kept"
    );
    let sources = done["sources"].as_array().expect("a list of sources");
    for host in [&net.there, &net.middle] {
        let from = |s: &&Value| s["address"].to_string().contains(&host.address.to_string());
        let source = sources
            .iter()
            .find(from)
            .unwrap_or_else(|| panic!("{host:?}: {done:#}"));
        assert!(bytes(source) > 0, "one peer gave nothing: {done:#}");
    }
    let left: Vec<_> = names(folder.path());
    assert_eq!(
        left,
        ["copy.bin", "original.bin"],
        "something was left beside the copy"
    );
}

fn fetch(net: &Net, id: &str, output: &Path) -> Command {
    let from = |host: &Namespace| host.address.to_string();
    let mut fetch = net.here.dolab();
    fetch
        .args([
            "fetch",
            id,
            "--from",
            &from(&net.there),
            "--from",
            &from(&net.middle),
            "--json",
        ])
        .arg("--output")
        .arg(output);
    fetch
}

fn bytes(of: &Value) -> u64 {
    of["bytes"].as_u64().expect("a number of bytes")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there").flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
