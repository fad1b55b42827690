//! A peer and a download, as two processes on loopback.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
};

use crate::program::{Ended, Running, run};

/// A peer on a free port that shares `files`.
struct Sharing {
    peer: Running,
    host: String,
    ids: Vec<String>,
}

impl Sharing {
    fn start(files: &[&Path]) -> Self {
        let mut args = vec!["peer", "--json", "--listen", "127.0.0.1", "--port", "0"];
        args.push("--no-announce");
        for file in files {
            args.extend(["--share", file.to_str().unwrap()]);
        }
        let mut peer = Running::start(&args);
        let listening = peer.wait_for_event("listening");
        let host = format!("127.0.0.1:{}", listening["port"].as_u64().unwrap());
        let ids = files
            .iter()
            .map(|_| {
                peer.wait_for_event("sharing")["id"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        peer.wait_for_event("ready");
        Self { peer, host, ids }
    }
}

fn fetch(id: &str, from: &[&str], output: &Path, more: &[&str]) -> Ended {
    let mut args = vec!["fetch", id, "--json", "--output", output.to_str().unwrap()];
    for host in from {
        args.extend(["--from", host]);
    }
    args.extend(more);
    run(&args)
}

/// A folder with a file of odd length in it, whose bytes do not repeat.
fn folder_with_file(name: &str) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut state = 1_u64;
    let bytes: Vec<u8> = (0..3_500_001)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .collect();
    fs::write(&path, &bytes).unwrap();
    (folder, path, bytes)
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_a_peer_shares_is_fetched_under_its_own_name() {
    let (_folder, path, bytes) = folder_with_file("update 1.bin");
    let sharing = Sharing::start(&[&path]);
    let target = tempfile::tempdir().unwrap();

    let ended = fetch(&sharing.ids[0], &[&sharing.host], target.path(), &[]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    let document = ended.json().pop().unwrap();
    assert_eq!(document["schema"], "dolab.fetch/1");
    assert_eq!(document["bytes"], bytes.len());
    assert_eq!(document["sources"][0]["bytes"], bytes.len());
    assert_eq!(
        names_in(target.path()),
        ["update 1.bin"],
        "nothing but the file is left"
    );
    assert!(fs::read(target.path().join("update 1.bin")).unwrap() == bytes);

    // There now, so it is not overwritten, unless the user says so.
    let again = fetch(&sharing.ids[0], &[&sharing.host], target.path(), &[]);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    let forced = fetch(
        &sharing.ids[0],
        &[&sharing.host],
        target.path(),
        &["--force"],
    );
    assert_eq!(forced.code, Some(0), "{}", forced.stderr);
}

#[test]
fn two_peers_serve_one_download() {
    let (_folder, path, bytes) = folder_with_file("a.bin");
    let (one, two) = (Sharing::start(&[&path]), Sharing::start(&[&path]));
    assert_eq!(one.ids, two.ids);
    let target = tempfile::tempdir().unwrap();
    let output = target.path().join("b.bin");
    let ended = fetch(&one.ids[0], &[&one.host, &two.host], &output, &[]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert!(fs::read(output).unwrap() == bytes);
    let document = ended.json().pop().unwrap();
    let sources = document["sources"].as_array().unwrap();
    let sum: u64 = sources
        .iter()
        .map(|source| source["bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(sum, bytes.len() as u64);
}

#[test]
fn what_was_fetched_is_shared_on() {
    let (_folder, path, bytes) = folder_with_file("a.bin");
    let sharing = Sharing::start(&[&path]);
    let target = tempfile::tempdir().unwrap();
    let (one, two) = (target.path().join("one"), target.path().join("two"));
    let mut first = Running::start(&[
        "fetch",
        &sharing.ids[0],
        "--json",
        "--from",
        &sharing.host,
        "--output",
        one.to_str().unwrap(),
        "--share-for",
        "10min",
        "--listen",
        "127.0.0.1",
        "--port",
        "0",
        "--no-announce",
    ]);
    let port = first.wait_for_event("listening")["port"].as_u64().unwrap();
    first.wait_for_event("whole");
    assert!(fs::read(one).unwrap() == bytes, "it has its name already");
    let id = sharing.ids[0].clone();
    drop(sharing);

    // Nobody else has it now, and nobody else knows its hashes.
    let ended = fetch(&id, &[&format!("127.0.0.1:{port}")], &two, &[]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert!(fs::read(two).unwrap() == bytes);
    #[cfg(unix)]
    {
        first.interrupt();
        let ended = first.end();
        assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
        let document = ended.json().pop().unwrap();
        assert_eq!(document["shared_bytes"], bytes.len());
    }
}

#[test]
fn what_no_peer_has_is_a_finding_that_names_the_hosts() {
    let sharing = Sharing::start(&[]);
    let target = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let ended = fetch(
        &"a".repeat(64),
        &[&sharing.host, &nobody],
        target.path(),
        &[],
    );
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.stdout, ended.stderr);
    for part in [
        sharing.host.as_str(),
        "does not share",
        &nobody,
        "refused",
        "hint: ",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    assert_eq!(names_in(target.path()), [] as [&str; 0]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ended = run(&[
        "peer",
        "--port",
        "0",
        "--no-announce",
        "--share",
        "/no/such/file",
    ]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("/no/such/file"), "{}", ended.stderr);
}

#[test]
fn a_port_that_is_taken_is_said_with_its_holder() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let ended = run(&[
        "peer",
        "--listen",
        "127.0.0.1",
        "--port",
        &port,
        "--no-announce",
    ]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains(&port), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
    #[cfg(target_os = "linux")]
    assert!(
        ended.stderr.contains(&std::process::id().to_string()),
        "{}",
        ended.stderr
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_peer_in_order() {
    let (_folder, path, bytes) = folder_with_file("a.bin");
    let sharing = Sharing::start(&[&path]);
    let target = tempfile::tempdir().unwrap();
    let fetched = fetch(&sharing.ids[0], &[&sharing.host], target.path(), &[]);
    assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
    sharing.peer.interrupt();
    let ended = sharing.peer.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let document = ended.json().pop().unwrap();
    assert_eq!(document["schema"], "dolab.peer/1");
    assert!(
        document["sent_bytes"].as_u64().unwrap() >= bytes.len() as u64,
        "{document}"
    );
}

#[test]
fn a_check_between_two_processes_passes() {
    let mut sharing = Sharing::start(&[]);
    let ended = run(&[
        "check",
        &sharing.host,
        "--size",
        "4MiB",
        "--listen",
        "127.0.0.1",
        "--port",
        "0",
        "--no-announce",
        "--json",
    ]);
    let report = ended.json().pop().unwrap();
    assert_eq!(report["schema"], "dolab.check/1");
    let open = |direction: &str| {
        let paths = report["paths"].as_array().unwrap();
        paths.iter().any(|path| {
            path["id"] == "tcp-7680" && path["direction"] == direction && path["state"] == "open"
        })
    };
    assert!(open("outbound") && open("inbound"), "{report:#}");
    assert_eq!(
        report["exchange"].as_array().unwrap().len(),
        2,
        "{report:#}"
    );
    let began = sharing.peer.wait_for_event("session-began");
    assert!(
        began["host"].is_string() && began["version"].is_string(),
        "{began}"
    );
    let probed = sharing.peer.wait_for_event("session-probed");
    assert!(
        probed["path"].is_string() && probed["open"].is_boolean(),
        "{probed}"
    );
    let received = sharing.peer.wait_for_event("session-received");
    assert_eq!(received["received_bytes"], 4 << 20, "{received}");
    sharing.peer.wait_for_event("session-ended");
}

#[test]
fn a_stranger_without_the_key_gets_nothing() {
    let mut peer = Running::start(&[
        "peer",
        "--json",
        "--listen",
        "127.0.0.1",
        "--port",
        "0",
        "--no-announce",
        "--key",
        "one",
        "--share-synthetic",
        "1MiB:3",
    ]);
    let port = peer.wait_for_event("listening")["port"].as_u64().unwrap();
    let id = peer.wait_for_event("sharing")["id"]
        .as_str()
        .unwrap()
        .to_owned();
    peer.wait_for_event("ready");
    let target = tempfile::tempdir().unwrap();
    let host = format!("127.0.0.1:{port}");
    let stranger = fetch(&id, &[&host], target.path(), &["--key", "two"]);
    assert_eq!(
        stranger.code,
        Some(1),
        "{}\n{}",
        stranger.stdout,
        stranger.stderr
    );
    assert!(stranger.stderr.contains("key"), "{}", stranger.stderr);
    let friend = fetch(&id, &[&host], target.path(), &["--key", "one"]);
    assert_eq!(friend.code, Some(0), "{}\n{}", friend.stdout, friend.stderr);
}
