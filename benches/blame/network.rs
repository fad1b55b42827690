//! Two networks of four routers, and who packets pass in them. The cloud, which both hosts reach, stands
//! beside a router; no fault is on a way to it.

use std::net::IpAddr;

use dolab_lab::Topology;

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
        let text = match self {
            Self::Row => ROW,
            Self::Ring => RING,
        };
        toml::from_str(text).expect("the network is written right")
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

const ROW: &str = r#"
switch.n0.subnet = "10.0.0.0/24"
switch.n1.subnet = "10.1.0.0/24"
switch.n2.subnet = "10.2.0.0/24"
switch.n3.subnet = "10.3.0.0/24"
switch.n4.subnet = "10.4.0.0/24"
switch.outside.subnet = "10.9.0.0/24"

[host.pc1]
gateway = "10.0.0.254"
adapter.eth0 = { switch = "n0", address = "10.0.0.1" }

[router.r1]
gateway = "10.1.0.2"
adapter.left = { switch = "n0", address = "10.0.0.254" }
adapter.right = { switch = "n1", address = "10.1.0.1" }

[router.r2]
gateway = "10.2.0.2"
route = [{ to = "10.0.0.0/24", via = "10.1.0.1" }]
adapter.left = { switch = "n1", address = "10.1.0.2" }
adapter.right = { switch = "n2", address = "10.2.0.1" }
adapter.outside = { switch = "outside", address = "10.9.0.254" }

[router.r3]
gateway = "10.2.0.1"
route = [{ to = "10.4.0.0/24", via = "10.3.0.2" }]
adapter.left = { switch = "n2", address = "10.2.0.2" }
adapter.right = { switch = "n3", address = "10.3.0.1" }

[router.r4]
gateway = "10.3.0.1"
adapter.left = { switch = "n3", address = "10.3.0.2" }
adapter.right = { switch = "n4", address = "10.4.0.254" }

[host.pc2]
gateway = "10.4.0.254"
adapter.eth0 = { switch = "n4", address = "10.4.0.1" }

[host.cloud]
gateway = "10.9.0.254"
adapter.eth0 = { switch = "outside", address = "10.9.0.9" }
"#;

/// `r1` sends to `pc2` over `r2`, `r4` to `pc1` over `r3`.
const RING: &str = r#"
switch.n0.subnet = "10.0.0.0/24"
switch.over.subnet = "10.1.0.0/24"
switch.over2.subnet = "10.2.0.0/24"
switch.under.subnet = "10.3.0.0/24"
switch.under2.subnet = "10.5.0.0/24"
switch.n4.subnet = "10.4.0.0/24"
switch.outside.subnet = "10.9.0.0/24"

[host.pc1]
gateway = "10.0.0.254"
adapter.eth0 = { switch = "n0", address = "10.0.0.1" }

[router.r1]
gateway = "10.1.0.2"
adapter.left = { switch = "n0", address = "10.0.0.254" }
adapter.over = { switch = "over", address = "10.1.0.1" }
adapter.under = { switch = "under", address = "10.3.0.1" }
adapter.outside = { switch = "outside", address = "10.9.0.254" }

[router.r2]
gateway = "10.2.0.2"
route = [{ to = "10.0.0.0/24", via = "10.1.0.1" }]
adapter.left = { switch = "over", address = "10.1.0.2" }
adapter.right = { switch = "over2", address = "10.2.0.1" }

[router.r3]
gateway = "10.3.0.1"
route = [{ to = "10.4.0.0/24", via = "10.5.0.2" }]
adapter.left = { switch = "under", address = "10.3.0.2" }
adapter.right = { switch = "under2", address = "10.5.0.1" }

[router.r4]
gateway = "10.5.0.1"
adapter.over = { switch = "over2", address = "10.2.0.2" }
adapter.under = { switch = "under2", address = "10.5.0.2" }
adapter.right = { switch = "n4", address = "10.4.0.254" }

[host.pc2]
gateway = "10.4.0.254"
adapter.eth0 = { switch = "n4", address = "10.4.0.1" }

[host.cloud]
gateway = "10.9.0.254"
adapter.eth0 = { switch = "outside", address = "10.9.0.9" }
"#;
