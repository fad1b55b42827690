use serde_json::Value;

use crate::program::run;

/// Everything on free ports, so that tests can run beside each other and beside real peers.
fn demo(args: &[&str]) -> crate::program::Ended {
    run(&[&["demo", "--free-ports", "--size", "8MiB"], args].concat())
}

#[test]
fn the_demo_begins_with_the_verdict_and_tells_where_the_bytes_of_its_site_came_from() {
    let ended = demo(&[]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.starts_with("pass: "), "{}", ended.stdout);
    for part in [
        "the second device: 64 MiB",
        "from LAN 127.0.0.1:",
        "a cloud on 127.0.0.1: ",
        "tcp-7680",
        "udp-5353",
        "received: 8 MiB",
        "8 of 8 pieces verified",
    ] {
        assert!(
            ended.stdout.contains(part),
            "{part} is missing in\n{}",
            ended.stdout
        );
    }
    assert!(!ended.stdout.contains('\x1b'), "no colours in a pipe");
}

#[test]
fn the_demos_document_is_the_checks() {
    let ended = demo(&["--json"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    let report = ended.json().pop().unwrap();
    assert_eq!(report["schema"], "dolab.check/1");
    assert_eq!(report["verdict"], "pass");
    let exchange = report["exchange"].as_array().unwrap();
    assert_eq!(exchange.len(), 2, "both directions: {report}");
    for way in exchange {
        assert_eq!(way["bytes"], 8 << 20);
        assert_eq!(
            (&way["pieces"], &way["verified"]),
            (&Value::from(8), &Value::from(8))
        );
        assert!(way["sha256"].is_string());
    }
    serde_json::from_value::<dolab_check::report::Report>(report).expect("it reads back");
}

#[test]
fn an_unknown_host_is_inconclusive_or_fails_but_never_passes() {
    let ended = run(&[
        "check",
        "no-such-host.invalid",
        "--no-announce",
        "--port",
        "0",
    ]);
    assert_eq!(ended.code, Some(4), "{}\n{}", ended.stdout, ended.stderr);
    assert!(
        ended.stderr.contains("no-such-host.invalid"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
}

#[test]
fn public_addresses_are_left_alone() {
    for args in [
        &["check", "192.0.2.1"][..],
        &["fetch", &"0".repeat(64), "--from", "192.0.2.1"],
    ] {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("--allow-public"), "{}", ended.stderr);
    }
}
