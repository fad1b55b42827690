//! Captures, as tshark reads them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test says by a panic what is wrong")]

mod common;

use std::process::Command;

use common::{PAIR, connect, echo, fault, round_trip, world};

fn tshark(arguments: &[&str]) -> String {
    let mut command = Command::new("tshark");
    let output = command.args(["-n"]).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn tshark_reads_packets_names_and_comments() {
    if Command::new("tshark").arg("-v").output().is_err() {
        dolab_tests::not_run("tshark is not installed");
        return;
    }
    let Some(world) = world(PAIR) else { return };
    let folder = tempfile::tempdir().unwrap();
    let files = world.capture(folder.path()).unwrap();
    assert_eq!(
        files,
        ["a", "b"].map(|n| folder.path().join(format!("{n}.pcapng")))
    );
    echo(&world, "b", 7680);
    let stream = connect(&world, "a", "10.50.0.2:7680").unwrap();
    round_trip(&stream, 100_000).unwrap();
    world.note("a remark: \u{e4}");
    let drop_all = fault("block = { at = 'b.input', port = 7680 }");
    let applied = world.apply(&drop_all).unwrap();
    assert!(connect(&world, "a", "10.50.0.2:7680").is_err());
    world.lift(applied).unwrap();
    drop(world);

    for file in &files {
        let file = file.to_str().unwrap();
        let fields = [
            "-T",
            "fields",
            "-e",
            "frame.interface_name",
            "-e",
            "tcp.flags.syn",
        ];
        let rows = tshark(&[&["-r", file, "-Y", "tcp.port == 7680"], &fields[..]].concat());
        assert!(rows.lines().count() > 10, "{rows}");
        assert!(rows.lines().all(|row| row.starts_with("eth0\t")), "{rows}");
        let comments = tshark(&[
            "-r",
            file,
            "-Y",
            "frame.comment",
            "-T",
            "fields",
            "-e",
            "frame.comment",
        ]);
        let comments: Vec<&str> = comments.lines().collect();
        assert_eq!(
            comments,
            [
                "a remark: \u{e4}",
                "fault 1 (block) begins: b.input: everything to port 7680: Drop",
                "fault 1 (block) holds",
                "fault 1 (block) is lifted"
            ]
        );
        // The packet of the fault stands between its comments.
        let all = tshark(&[
            "-r",
            file,
            "-T",
            "fields",
            "-e",
            "frame.comment",
            "-e",
            "tcp.flags.syn",
            "-e",
            "tcp.flags.ack",
        ]);
        let position = |text: &str| all.lines().position(|row| row.starts_with(text)).unwrap();
        let during = all
            .lines()
            .skip(position("fault 1 (block) holds"))
            .take_while(|row| !row.contains("lifted"));
        assert!(
            during
                .filter(|row| row.ends_with("\t1\t0") || row.ends_with("True\tFalse"))
                .count()
                >= 1,
            "{all}"
        );
    }
}
