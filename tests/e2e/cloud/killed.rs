//! kill -9 while devices join: who was told that it is registered still is.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use dolab_tests::note;
use tempfile::TempDir;

use super::{Cloud, output};

/// How often it is killed.
const ROUNDS: usize = 3;

/// Joins that curl sends, one after the other over one connection.
const JOINS: usize = 2000;

/// Joins that are answered before it is killed, a few more each round.
const ANSWERED: usize = 60;

fn peer(round: usize, n: usize) -> String {
    format!("{:032x}00000000", (round << 32) + n + 1)
}

/// What curl is to send: a request for each peer, and the status of each answer on a line.
fn requests(path: &Path, cloud: &Cloud, verb: &str, peers: &[String], more: &str) {
    let (url, mut text) = (format!("{}/{verb}/", cloud.https()), String::new());
    // `next` forgets everything, so that each request says it all.
    let authority = cloud.folder.path().join("ca.pem");
    let authority = authority.display();
    for peer in peers {
        writeln!(
            text,
            "url = \"{url}\"\ncacert = \"{authority}\"\nnoproxy = \"*\"\nsilent\noutput = \"/dev/null\"\nwrite-out = \"%{{http_code}}\\n\"\n\
             data = \"{{\\\"ContentId\\\":\\\"killed\\\",\\\"PeerId\\\":\\\"{peer}\\\"{more}}}\"\nnext"
        )
        .expect("writing to a string");
    }
    let text = text.trim_end().trim_end_matches("next");
    fs::write(path, text).expect("a file can be written");
}

#[test]
fn who_was_registered_is_found_after_kill_9() {
    let kept = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
    let state = kept.path().join("state");
    let state = state.to_str().expect("the path is text");
    let start = || Cloud::start(&["--state", state]);
    let mut registered = Vec::new();
    let mut authority = None;
    for round in 0..ROUNDS {
        let cloud = start();
        let pem = fs::read(cloud.folder.path().join("ca.pem")).expect("it was written");
        // The authority is kept too: devices go on trusting it.
        assert!(*authority.get_or_insert_with(|| pem.clone()) == pem);
        let peers: Vec<_> = (0..JOINS).map(|n| peer(round, n)).collect();
        let file = kept.path().join("joins");
        let more = ",\\\"Scope\\\":\\\"1\\\",\\\"ReportedIp\\\":\\\"10.0.0.1\\\"";
        requests(&file, &cloud, "join", &peers, more);
        let mut curl = cloud.curl();
        curl.arg("--config").arg(&file);
        let answered = kill_while_joining(curl, cloud, ANSWERED * (round + 1));
        assert!(answered < JOINS, "it was killed too late");
        registered.extend_from_slice(&peers[..answered]);
    }

    // A registration can be taken back once, and only by who has one.
    let cloud = start();
    let file = kept.path().join("leaves");
    requests(&file, &cloud, "leave", &registered, "");
    for found in ["200", "404"] {
        let mut curl = cloud.curl();
        curl.arg("--config").arg(&file);
        let statuses = String::from_utf8(output(curl)).expect("numbers");
        assert_eq!(statuses.lines().count(), registered.len());
        assert!(statuses.lines().all(|status| status == found), "{statuses}");
    }
    note(&format!(
        "{} registrations, killed {ROUNDS} times",
        registered.len()
    ));
}

/// Kills the cloud once so many joins were answered, and says how many were in the end.
fn kill_while_joining(mut curl: Command, cloud: Cloud, enough: usize) -> usize {
    let mut curl = curl
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("curl is installed");
    let statuses = BufReader::new(curl.stdout.take().expect("it is piped"));
    let (mut answered, mut process) = (0, Some(cloud.process));
    for status in statuses.lines() {
        // What curl could not send any more has no status.
        match status.expect("curl writes text").as_str() {
            "200" => answered += 1,
            "000" => break,
            other => panic!("a join was answered with {other}"),
        }
        if answered == enough
            && let Some(process) = process.take()
        {
            process.kill();
        }
    }
    let _ = curl.kill();
    let _ = curl.wait();
    answered
}
