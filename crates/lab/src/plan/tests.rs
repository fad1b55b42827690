use super::*;
use crate::{Fault, Topology};

fn topology(text: &str) -> Topology {
    toml::from_str(text).unwrap()
}

#[test]
fn the_lines_of_a_network() {
    let topology = topology(
        r#"
        [switch.lan]
        subnet = "10.1.0.0/24"
        isolated = true
        [switch.net]
        subnet = "198.51.100.0/24"
        multicast = false
        [host.a]
        gateway = "10.1.0.254"
        adapter.eth0 = { switch = "lan", address = "10.1.0.1", link = { rate = "10Mbit/s", delay = "5ms", jitter = "2ms" } }
        input = { policy = "drop", rule = [{ protocol = "tcp", port = 7680 }] }
        [router.r]
        adapter.lan = { switch = "lan", address = "10.1.0.254" }
        adapter.wan = { switch = "net", address = "198.51.100.1" }
        nat = [{ outside = "wan", kind = "full-cone" }]
        middlebox = [{ kind = "captive-portal" }]
        "#,
    );
    insta::assert_snapshot!(topology.script(Kernel::WHOLE).unwrap());
}

#[test]
fn the_lines_of_faults() {
    #[derive(serde::Deserialize)]
    struct One {
        fault: Fault,
    }
    let topology = topology(
        r#"
        [switch.lan]
        subnet = "10.1.0.0/24"
        [host.a]
        gateway = "10.1.0.254"
        adapter.eth0 = { switch = "lan", address = "10.1.0.1" }
        [router.r]
        adapter.lan = { switch = "lan", address = "10.1.0.254" }
        "#,
    );
    let mut text = String::new();
    for fault in [
        "block = { at = 'a.input', protocol = 'tcp', port = 7680, how = 'tcp-reset', only-new = true }",
        "block = { at = 'lan.port.a', protocol = 'udp' }",
        "stall = { at = 'r.forward', port = 7680, bytes = 1000000 }",
        "connection-limit = { at = 'a.input', port = 7680, most = 4, per-source = true }",
        "lost-state = { at = 'r.forward', port = 7680 }",
        "no-route = { node = 'a', instead = 'unreachable' }",
        "shape = { node = 'a', adapter = 'eth0', delay = '20ms', loss = '1%', rate = '1Mbit/s' }",
    ] {
        let one: One = toml::from_str(&format!("fault.{fault}")).unwrap();
        text.push_str(&format!(
            "## {fault}\n{}\n",
            one.fault.script(&topology).unwrap()
        ));
    }
    insta::assert_snapshot!(text);
}
