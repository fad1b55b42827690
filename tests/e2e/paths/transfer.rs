//! A peer that goes away while content moves.

use dolab_tests::{Net, Process, Topology, parse_report};

use super::codes;
use crate::peer;

#[test]
fn a_peer_that_is_killed_in_mid_transfer_is_reported() {
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    // Slow enough that the transfer is certainly under way when it is cut.
    for side in ["here", "there"] {
        net.shape(side, "rate 200mbit burst 256kb latency 50ms");
    }
    let peer = peer::start(net.there.dolab(), &[]);
    let mut check = net.here.dolab();
    check.args([
        "check",
        &net.there.address.to_string(),
        "--size",
        "1GiB",
        "--json",
    ]);
    let check = Process::start(check);
    net.wait_until_sent(8 << 20);
    peer.into_process().kill();
    let finished = check.finish();
    let report = parse_report(&finished);
    // Nothing is known to be in the way of these hosts: one of them left before it was proven.
    assert_eq!(report["verdict"], "inconclusive", "{report:#}");
    assert_eq!(finished.code, Some(4), "{report:#}");
    assert!(codes(&report).contains(&"DL107".to_owned()), "{report:#}");
    // The paths were open while both were there, and nobody is blamed for what came after.
    for path in report["paths"].as_array().expect("the schema says so") {
        let state = path["state"].as_str();
        assert!(matches!(state, Some("open" | "not-tested")), "{path:#}");
        assert!(path["blame"].is_null(), "{path:#}");
    }
    let exchange = report["exchange"].as_array().expect("the schema says so");
    let cut = exchange
        .iter()
        .find(|moved| moved["error"].is_string() && moved["sha256"].is_null());
    assert!(
        cut.is_some_and(|moved| moved["verified"] != moved["pieces"]),
        "{report:#}"
    );
}
