//! Public addresses: nothing is given to them unless the user said so.

use dolab_tests::{Net, Process, Topology};

use crate::peer;

/// Addresses for documentation are public to the program: they are none of a private network.
const HERE: &str = "203.0.113.1";
const THERE: &str = "203.0.113.2";

#[test]
fn a_public_address_is_let_in_only_when_the_user_said_so() {
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    for (host, address) in [(&net.here, HERE), (&net.there, THERE)] {
        host.ip(&["addr", "add", &format!("{address}/24"), "dev", "eth0"])
            .expect("an address can be added");
    }
    let fetch = |peer: &peer::Peer, patience: &str| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut fetch = net.here.dolab();
        fetch
            .args(["fetch", &peer.content_id(), "--allow-public"])
            .args(["--from", &format!("{THERE}:{}", peer.port())])
            .args(["--patience", patience, "--output"])
            .arg(folder.path().join("copy.bin"));
        Process::run(fetch)
    };
    let share = ["--share-synthetic", "3MiB", "--port", "0", "--no-announce"];

    let closed = peer::start(net.there.dolab(), &share);
    let refused = fetch(&closed, "1s");
    assert_ne!(refused.code, Some(0), "{}", refused.stdout);
    let line = closed.error_line(|line| line.contains("a public address"));
    assert!(line.contains(HERE), "{line}");

    let open = peer::start(
        net.there.dolab(),
        &[&share[..], &["--allow-public"]].concat(),
    );
    fetch(&open, "30s").assert_code(0);
}
