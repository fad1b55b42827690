//! Hosts and what lies between them, made of network namespaces.

mod campus;
mod lan;
mod namespace;

pub use campus::Campus;
pub use lan::Lan;
pub use namespace::Namespace;

use std::time::Instant;

use crate::{PATIENCE, not_run, slots::Slot};
use namespace::next_network;

/// What lies between the two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// A switch: both hosts are on one link and in one subnet.
    Switch,
    /// A router between two subnets.
    Router,
}

/// Two hosts and what lies between them. Dropped, all of it is gone, with every process in it.
#[derive(Debug)]
pub struct Net {
    /// The host that runs the check.
    pub here: Namespace,
    /// The other host.
    pub there: Namespace,
    /// The switch or the router.
    pub middle: Namespace,
    _slot: Slot,
}

impl Net {
    /// Builds one. `None`, said aloud, where this user may not.
    ///
    /// # Panics
    /// Where `DOLAB_REQUIRE_NETNS` is `1` and it can not be built.
    pub fn new(topology: Topology) -> Option<Self> {
        let slot = Slot::take();
        let network = next_network();
        let middle = first_namespace(network, "middle", "10.50.0.254")?;
        let there = match topology {
            Topology::Switch => "10.50.0.2",
            Topology::Router => "10.50.1.2",
        };
        let host = |role: &str, address: &str| {
            Namespace::add(network, role, address).expect("the first was allowed")
        };
        let net = Self {
            here: host("here", "10.50.0.1"),
            there: host("there", there),
            middle,
            _slot: slot,
        };
        net.build(topology)
            .expect("a namespace is at hand, so the rest is allowed too");
        Some(net)
    }

    fn build(&self, topology: Topology) -> Result<(), String> {
        let [here, there, middle] = [&self.here, &self.there, &self.middle];
        here.cable("eth0", middle, "here")?;
        there.cable("eth0", middle, "there")?;
        match topology {
            Topology::Switch => {
                middle.bridge(&["here", "there"])?;
                middle.ip(&["addr", "add", "10.50.0.254/24", "dev", "br0"])?;
            }
            Topology::Router => {
                middle.sysctl("net.ipv4.ip_forward", "1")?;
                for (side, address) in [("here", "10.50.0.254/24"), ("there", "10.50.1.254/24")] {
                    middle.ip(&["addr", "add", address, "dev", side])?;
                    middle.ip(&["link", "set", side, "up"])?;
                }
            }
        }
        for (host, gateway) in [(here, "10.50.0.254"), (there, "10.50.1.254")] {
            host.plug_in()?;
            match topology {
                // Without a route for them, groups can not be joined or sent to.
                Topology::Switch => host.ip(&["route", "add", "224.0.0.0/4", "dev", "eth0"])?,
                Topology::Router => host.route_all(gateway)?,
            }
        }
        Ok(())
    }

    /// Bounds what the middle sends towards a side, `here` or `there`, in the words of `tc` for a
    /// token bucket.
    ///
    /// # Panics
    /// When tc does not take it.
    pub fn shape(&self, side: &str, bucket: &str) {
        self.middle.shape(side, &format!("tbf {bucket}"));
    }

    /// Waits until the two hosts have sent each other so many bytes, all in all.
    ///
    /// # Panics
    /// When they do not in time.
    pub fn wait_until_sent(&self, bytes: u64) {
        let deadline = Instant::now() + PATIENCE;
        // Every look costs a process, so this loop does not spin.
        while self.here.bytes_sent() + self.there.bytes_sent() < bytes {
            assert!(
                Instant::now() < deadline,
                "{bytes} bytes did not go over the wire in time"
            );
        }
    }
}

/// The first namespace of a network tells whether this user may have any. `None`, said aloud,
/// where not.
fn first_namespace(network: u32, role: &str, address: &str) -> Option<Namespace> {
    Namespace::add(network, role, address)
        .inspect_err(|error| not_run(&format!("it needs root and network namespaces: {error}")))
        .ok()
}
