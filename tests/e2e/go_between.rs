//! `--cloud`: the simulated cloud as go-between of two hosts, and as what knows of them.

use dolab_tests::{Net, Process, Topology};
use serde_json::Value;

use crate::peer;

/// A firewall that lets nothing in but answers.
const ANSWERS_ONLY: &str = "table inet test { chain in {
    type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
}
}";

/// Everything towards the other host is blocked, and it is on another link: without the cloud
/// nobody could tell whose firewall it is.
#[test]
fn a_check_goes_through_the_cloud_when_no_way_is_open() {
    let Some(net) = Net::new(Topology::Router) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let authority = folder.path().join("ca.pem");
    let mut cloud = net.middle.dolab();
    cloud.args([
        "cloud",
        "--json",
        "--listen",
        "10.50.0.254",
        "--listen",
        "10.50.1.254",
    ]);
    cloud.arg("--ca-out").arg(&authority);
    let cloud = Process::start(cloud);
    cloud.line(|line| peer::parse(line, "ready").is_some());

    net.there.nft(ANSWERS_ONLY);
    let trusts = authority.to_str().expect("the path is text");
    let belongs = ["--cloud", "https://10.50.1.254", "--ca", trusts];
    let there = peer::start(net.there.dolab(), &belongs);
    there.error_line(|line| line.contains("waits at the cloud to be called"));

    let mut check = net.here.dolab();
    check.args(["check", "--json", "--size", "2MiB"]);
    check.args(["--cloud", "https://10.50.0.254", "--ca", trusts]);
    let finished = Process::run(check);
    finished.assert_code(1);
    let report = peer::document(&finished);
    assert_eq!(report["control"]["via"], "cloud", "{report:#}");
    let found = |source: &Value| source["source"] == "cloud" && source["found"] == true;
    let sources = report["discovery"].as_array().expect("a list");
    assert!(sources.iter().any(found), "{sources:?}");
    let path = |direction: &str| {
        let paths = report["paths"].as_array().expect("a list").iter();
        let mut these = paths.filter(|it| it["id"] == "tcp-7680" && it["direction"] == direction);
        these.next().expect("each path has both directions")
    };
    assert_eq!(path("outbound")["state"], "filtered");
    assert_eq!(path("outbound")["blame"], "remote-inbound");
    assert_eq!(path("inbound")["state"], "open");
    let exchange = report["exchange"].as_array().expect("a list");
    assert_eq!(exchange.len(), 2);
    for moved in exchange {
        assert_eq!(moved["verified"], 2, "{moved}");
        assert_eq!(moved["bytes"], 2 << 20, "{moved}");
    }
}

/// A cloud that is not there, one whose certificate is not trusted, and one that knows nobody.
#[test]
fn a_cloud_that_does_not_help_is_told_so() {
    let Some(net) = Net::new(Topology::Router) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = |name: &str| folder.path().join(name);
    let start = |name: &str| {
        let mut cloud = net.middle.dolab();
        cloud.args(["cloud", "--json", "--listen", "10.50.0.254"]);
        cloud.arg("--ca-out").arg(path(name));
        let cloud = Process::start(cloud);
        cloud.line(|line| peer::parse(line, "ready").is_some());
        cloud
    };
    let check = |url: &str, ca: Option<&str>| {
        let mut check = net.here.dolab();
        check.args(["check", "--cloud", url]);
        if let Some(ca) = ca {
            check.arg("--ca").arg(path(ca));
        }
        Process::run(check)
    };
    drop(start("old.pem"));
    let url = "https://10.50.0.254";
    let gone = check(url, Some("old.pem"));
    gone.assert_code(4);
    assert!(
        gone.stderr.contains("can not connect to 10.50.0.254"),
        "{}",
        gone.stderr
    );

    let _cloud = start("new.pem");
    let unknown = check(url, None);
    unknown.assert_code(2);
    assert!(unknown.stderr.contains("--ca FILE"), "{}", unknown.stderr);
    let wrong = check(url, Some("old.pem"));
    wrong.assert_code(4);
    assert!(wrong.stderr.contains("is not trusted"), "{}", wrong.stderr);
    let lonely = check(url, Some("new.pem"));
    lonely.assert_code(4);
    assert!(
        lonely.stderr.contains("the cloud knows no lab peer"),
        "{}",
        lonely.stderr
    );
    let odd = check("10.50.0.254", Some("new.pem"));
    odd.assert_code(2);
    assert!(
        odd.stderr.contains("--cloud: not an address"),
        "{}",
        odd.stderr
    );
}
