//! Networks, as programs in them see them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test says by a panic what is wrong")]

mod common;

use std::process::{Command, Stdio};

use common::{PAIR, connect, echo, outcome, round_trip, routed, world};
use dolab_lab::world::World;

fn sh(world: &World, node: &str, script: &str) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdout(Stdio::piped());
    let child = world.spawn(node, command).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_host_has_its_own_name_files_and_interfaces() {
    let Some(world) = world(
        r#"
        [switch.lan]
        subnet = "10.50.0.0/24"
        [host.a]
        host-name = "PC-A"
        hosts."b.example" = "10.50.0.2"
        adapter.vpn0 = { switch = "lan", address = "10.50.0.1", also = ["10.50.0.11"], link = { mtu = 1400 } }
        [host.b]
        adapter.eth0 = { switch = "lan", address = "10.50.0.2" }
        "#,
    ) else {
        return;
    };
    assert_eq!(sh(&world, "a", "hostname"), "PC-A");
    assert_eq!(sh(&world, "b", "hostname"), "b");
    let entry = sh(&world, "a", "getent hosts b.example");
    assert!(entry.starts_with("10.50.0.2 "), "{entry:?}");
    assert_eq!(sh(&world, "b", "getent hosts b.example"), "");
    assert_eq!(
        sh(&world, "a", "ls /sys/class/net | sort | xargs"),
        "lo vpn0"
    );
    assert_eq!(sh(&world, "a", "cat /sys/class/net/vpn0/mtu"), "1400");
    let machine = std::fs::read_to_string("/etc/hosts").unwrap();
    assert!(
        !machine.contains("b.example"),
        "the machine's own file changed"
    );
    echo(&world, "b", 7680);
    round_trip(&connect(&world, "a", "10.50.0.2:7680").unwrap(), 100_000).unwrap();
    assert_eq!(world.address("a"), Some("10.50.0.1".parse().unwrap()));
    assert!(world.bytes_sent("a").unwrap() > 100_000);
}

#[test]
fn routers_forward_and_connections_use_cubic() {
    let Some(world) = world(&routed()) else {
        return;
    };
    echo(&world, "b", 7680);
    let stream = connect(&world, "a", "10.2.0.2:7680").unwrap();
    round_trip(&stream, 1_000_000).unwrap();
    let sockets = sh(&world, "a", "ss -tin dst 10.2.0.2");
    assert!(sockets.contains("cubic"), "{sockets}");
}

#[test]
fn a_world_takes_its_processes_along() {
    let Some(world) = world(PAIR) else { return };
    let mut sleep = Command::new("sh");
    // With a grandchild that nobody waits for.
    sleep
        .args(["-c", "sleep 1000 & sleep 1000"])
        .stdout(Stdio::null());
    let mut child = world.spawn("a", sleep).unwrap();
    assert!(!world.processes().is_empty());
    let script = world.script();
    assert!(
        script.contains("addr add 10.50.0.1/24 dev eth0 noprefixroute"),
        "{script}"
    );
    drop(world);
    assert!(!child.wait().unwrap().success());
}

#[test]
fn two_hundred_hosts() {
    let mut text = "[switch.lan]\nsubnet = \"10.50.0.0/24\"\n".to_owned();
    for number in 1..=200 {
        text.push_str(&format!(
            "[host.h{number}]\nadapter.eth0 = {{ switch = \"lan\", address = \"10.50.0.{number}\" }}\n"
        ));
    }
    let begun = std::time::Instant::now();
    let Some(world) = world(&text) else { return };
    dolab_tests::note(&format!("200 hosts built in {:?}", begun.elapsed()));
    echo(&world, "h200", 7680);
    assert_eq!(outcome(connect(&world, "h1", "10.50.0.200:7680")), "open");
    let begun = std::time::Instant::now();
    drop(world);
    dolab_tests::note(&format!("200 hosts removed in {:?}", begun.elapsed()));
}

#[test]
fn routers_answer_dhcp_informs() {
    let Some(world) = world(
        r#"
        [switch.lan]
        subnet = "10.50.0.0/24"
        [host.a]
        adapter.eth0 = { switch = "lan", address = "10.50.0.1" }
        [router.r]
        adapter.lan = { switch = "lan", address = "10.50.0.254" }
        dhcp = { group = "no guid", cache = "mcc.example", options = { 15 = "corp.example" } }
        "#,
    ) else {
        return;
    };
    let client = common::udp(&world, "a", "0.0.0.0:68");
    client.set_broadcast(true).unwrap();
    let mut ask = vec![0; 240];
    ask[0] = 1;
    ask[4..8].copy_from_slice(&[1, 2, 3, 4]);
    ask[12..16].copy_from_slice(&[10, 50, 0, 1]);
    ask[236..].copy_from_slice(&[99, 130, 83, 99]);
    ask.extend([53, 1, 8, 55, 2, 234, 235, 255]);
    client.send_to(&ask, "10.50.0.254:67").unwrap();
    let mut answer = [0; 1500];
    let length = client.recv(&mut answer).unwrap();
    assert_eq!((answer[0], &answer[4..8]), (2, &[1, 2, 3, 4][..]));
    let text = String::from_utf8_lossy(&answer[240..length]).into_owned();
    for option in ["no guid", "mcc.example", "corp.example"] {
        assert!(text.contains(option), "{text:?}");
    }
}
