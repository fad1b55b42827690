//! Two networks of four routers, and who packets pass in them. The cloud, which both hosts reach, stands
//! beside a router; no fault is on a way to it.

use std::net::IpAddr;

use dolab_lab::Topology;
use dolab_tests::Sketch;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One after the other: the way back is the way there.
    Row,
    /// Answers come back over another router than requests go.
    Ring,
}

impl Shape {
    pub(crate) const ALL: [Self; 2] = [Self::Row, Self::Ring];

    /// The nodes from `pc1` to `pc2`, or from `pc2` to `pc1`.
    pub(crate) fn nodes(self, from_a: bool) -> &'static [&'static str] {
        match (self, from_a) {
            (Self::Row, true) => &["pc1", "r1", "r2", "r3", "r4", "pc2"],
            (Self::Row, false) => &["pc2", "r4", "r3", "r2", "r1", "pc1"],
            (Self::Ring, true) => &["pc1", "r1", "r2", "r4", "pc2"],
            (Self::Ring, false) => &["pc2", "r4", "r3", "r1", "pc1"],
        }
    }

    pub(crate) fn topology(self) -> Topology {
        let hosts = Sketch::default()
            .host("pc1", "10.0.0.254", "n0", "10.0.0.1")
            .host("pc2", "10.4.0.254", "n4", "10.4.0.1")
            .host("cloud", "10.9.0.254", "outside", "10.9.0.9");
        let all = match self {
            Self::Row => row(hosts),
            Self::Ring => ring(hosts),
        };
        toml::from_str(&all.toml()).expect("the network is written right")
    }
}

/// The node that has this address.
pub(crate) fn node_at(topology: &Topology, address: IpAddr) -> Option<&str> {
    let mut nodes = topology.nodes();
    let has = |adapters: &std::collections::BTreeMap<String, dolab_lab::topology::Adapter>| {
        adapters
            .values()
            .any(|adapter| IpAddr::from(adapter.address) == address)
    };
    nodes
        .find(|(_, adapters)| has(adapters))
        .map(|(name, _)| name)
}

/// Where a router sends what is for a host, other than to its gateway.
const TO_PC1: &str = r#"route = [{ to = "10.0.0.0/24", via = "10.1.0.1" }]"#;

fn row(hosts: Sketch) -> Sketch {
    let left = ("left", "n0", "10.0.0.254");
    let right = ("right", "n4", "10.4.0.254");
    let outside = ("outside", "outside", "10.9.0.254");
    let one = [left, ("right", "n1", "10.1.0.1")];
    let two = [
        ("left", "n1", "10.1.0.2"),
        ("right", "n2", "10.2.0.1"),
        outside,
    ];
    let three = [("left", "n2", "10.2.0.2"), ("right", "n3", "10.3.0.1")];
    let four = [("left", "n3", "10.3.0.2"), right];
    let to_pc2 = r#"route = [{ to = "10.4.0.0/24", via = "10.3.0.2" }]"#;
    hosts
        .router("r1", "10.1.0.2", &one, "")
        .router("r2", "10.2.0.2", &two, TO_PC1)
        .router("r3", "10.2.0.1", &three, to_pc2)
        .router("r4", "10.3.0.1", &four, "")
}

/// `r1` sends to `pc2` over `r2`, `r4` to `pc1` over `r3`.
fn ring(hosts: Sketch) -> Sketch {
    let left = ("left", "n0", "10.0.0.254");
    let right = ("right", "n4", "10.4.0.254");
    let outside = ("outside", "outside", "10.9.0.254");
    let (over, under) = (("over", "over", "10.1.0.1"), ("under", "under", "10.3.0.1"));
    let one = [left, over, under, outside];
    let two = [("left", "over", "10.1.0.2"), ("right", "over2", "10.2.0.1")];
    let three = [
        ("left", "under", "10.3.0.2"),
        ("right", "under2", "10.5.0.1"),
    ];
    let (over, under) = (
        ("over", "over2", "10.2.0.2"),
        ("under", "under2", "10.5.0.2"),
    );
    let four = [over, under, right];
    let to_pc2 = r#"route = [{ to = "10.4.0.0/24", via = "10.5.0.2" }]"#;
    hosts
        .router("r1", "10.1.0.2", &one, "")
        .router("r2", "10.2.0.2", &two, TO_PC1)
        .router("r3", "10.3.0.1", &three, to_pc2)
        .router("r4", "10.5.0.1", &four, "")
}
