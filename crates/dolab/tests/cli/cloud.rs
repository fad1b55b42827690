//! `dolab cloud`: what it says, and how it ends.
#![cfg(unix)]

use crate::program::{Running, run};

const FREE: [&str; 9] = [
    "cloud",
    "--listen",
    "127.0.0.1",
    "--https",
    "0",
    "--http",
    "0",
    "--quic",
    "0",
];

#[test]
fn it_says_where_it_is_and_what_to_type_on_a_device() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let mut args = FREE.to_vec();
    args.extend([
        "--share-synthetic",
        "3MiB:7",
        "--ca-out",
        authority.to_str().unwrap(),
    ]);
    let mut cloud = Running::start(&args);
    cloud.wait_for(|line| line.starts_with("ready").then_some(()));
    cloud.interrupt();
    let ended = cloud.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for says in [
        "listening: https ",
        &format!("authority: {}", authority.display()),
        "on a device: --cloud https://127.0.0.1:",
        "serving: synthetic-3145728-7.bin, 3 MiB",
        "/filestreamingservice/files/",
        "dolab fetch ",
        "stopped: ran ",
    ] {
        assert!(ended.stdout.contains(says), "{says}: {}", ended.stdout);
    }
    let pem = std::fs::read_to_string(authority).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
}

#[test]
fn the_same_as_events() {
    let mut args = FREE.to_vec();
    args.extend(["--share-synthetic", "3MiB:7", "--json"]);
    let mut cloud = Running::start(&args);
    let listening = cloud.wait_for_event("listening");
    assert!(
        listening["url"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:")
    );
    let serving = cloud.wait_for_event("serving");
    assert_eq!(serving["bytes"], 3 << 20);
    assert!(serving["content_id"].as_str().unwrap().starts_with("DO-"));
    cloud.wait_for_event("ready");
    cloud.interrupt();
    let ended = cloud.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.json().pop().unwrap()["schema"], "dolab.cloud/1");
}

#[test]
fn names_for_a_hosts_file() {
    let ended = run(&["cloud", "--listen", "10.0.0.9", "--print-hosts"]);
    assert_eq!(ended.code, Some(0));
    assert!(
        ended
            .stdout
            .contains("10.0.0.9 geo.prod.do.dsp.mp.microsoft.com\n")
    );
}

#[test]
fn what_it_can_not_do_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    std::fs::write(&notes, "mine").unwrap();
    let (folder, notes) = (folder.path().to_str().unwrap(), notes.to_str().unwrap());
    for (more, code, says) in [
        (
            &["--share", "/nowhere/at/all"][..],
            2,
            "there is no such file",
        ),
        (&["--port-offset", "70000"], 2, "70000"),
        (
            &["--port-offset", "65535", "--http", "80"],
            2,
            "make no port",
        ),
        (&["--fault", "status=1"], 2, "200 to 599"),
        (&["--fault", "path=/geo"], 2, "what goes wrong"),
        (&["--cache-origin", "example.org"], 2, "NAME=ADDRESS:PORT"),
        (&["--country", "Germany"], 2, "two letters"),
        (&["--background-qos", "fast"], 2, "write it as 100Mbit/s"),
        (&["--expire-at", "tomorrow"], 2, "expire-at"),
        (&["--state", notes], 3, "is no state"),
        (&["--state", folder], 3, folder),
        (&["--access-log", folder], 3, folder),
        (&["--ca-out", folder], 3, folder),
    ] {
        let mut args = FREE.to_vec();
        if more.contains(&"--http") {
            args.truncate(3);
        }
        args.extend(more);
        let ended = run(&args);
        assert_eq!(ended.code, Some(code), "{more:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{more:?}: {}", ended.stderr);
    }
    assert_eq!(std::fs::read(notes).unwrap(), b"mine");
}
