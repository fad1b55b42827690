//! What a network consists of: typed values, read from TOML or written in Rust.
//!
//! ```toml
//! [switch.lan]
//! subnet = "10.50.0.0/24"
//!
//! [host.a]
//! gateway = "10.50.0.254"
//! adapter.eth0 = { switch = "lan", address = "10.50.0.1" }
//!
//! [host.b]
//! adapter.eth0 = { switch = "lan", address = "10.50.0.2", link = { rate = "100Mbit/s" } }
//! ```
//!
//! Everything is named, and a name is unique among switches, hosts and routers together.

mod address;
mod filter;
mod link;
mod node;
mod quantity;
#[cfg(test)]
mod tests;
mod validate;

use std::collections::BTreeMap;

pub use address::{ParseSubnetError, Subnet};
pub use filter::{Action, Filter, ParsePortsError, Ports, Protocol, Rule};
pub use link::{DEFAULT_MTU, Link};
pub use node::{
    Adapter, Dhcp, Dns, DnsAnswer, Host, Middlebox, MiddleboxKind, Nat, NatKind, Route, Router,
    Switch,
};
pub use quantity::{ParseQuantityError, Percent, Rate, Span};
use serde::Deserialize;

use crate::plan::Kernel;
pub(crate) use validate::link as check_link;
pub use validate::{AT_MOST_NAME, AT_MOST_NODES, TopologyError, Wrong};

/// A network. What is not said has the default that its type documents.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Topology {
    /// Switches by name. Each is one link layer: what other systems call a VLAN is a switch here.
    #[serde(rename = "switch")]
    pub switches: BTreeMap<String, Switch>,
    /// Hosts by name.
    #[serde(rename = "host")]
    pub hosts: BTreeMap<String, Host>,
    /// Routers by name.
    #[serde(rename = "router")]
    pub routers: BTreeMap<String, Router>,
}

impl Topology {
    /// Whether it can be built: every name that is used exists, every address is in its subnet.
    ///
    /// # Errors
    /// The first thing that is wrong, with the path of its field.
    pub fn check(&self) -> Result<(), TopologyError> {
        validate::check(self)
    }

    /// The adapters of a host or router, by name. `None` where there is no such node.
    pub fn adapters(&self, node: &str) -> Option<&BTreeMap<String, Adapter>> {
        let host = self.hosts.get(node).map(|host| &host.adapters);
        host.or_else(|| self.routers.get(node).map(|router| &router.adapters))
    }

    /// Every host and router with its adapters, hosts first, each by name.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, Adapter>)> {
        let hosts = self
            .hosts
            .iter()
            .map(|(name, host)| (name.as_str(), &host.adapters));
        let routers = self.routers.iter();
        hosts.chain(routers.map(|(name, router)| (name.as_str(), &router.adapters)))
    }

    /// The exact lines that build it, as a shell script to read or to replay by hand in namespaces
    /// named after the nodes.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn script(&self, kernel: Kernel) -> Result<String, TopologyError> {
        self.check()?;
        Ok(crate::plan::network_script(self, kernel))
    }

    /// What is plugged into a switch: node, adapter's name, adapter; in the order of [`Self::nodes`].
    pub fn plugged_into<'a>(
        &'a self,
        switch: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Adapter)> {
        self.nodes().flat_map(move |(node, adapters)| {
            adapters
                .iter()
                .filter(move |(_, adapter)| adapter.switch == switch)
                .map(move |(name, adapter)| (node, name.as_str(), adapter))
        })
    }
}
