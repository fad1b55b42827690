//! The exact lines that make a network, a fault, and the end of a fault: pure, and the same whether
//! they are run or shown.

mod fault;
mod nat;
mod network;
mod rules;
mod script;
mod shape;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

pub(crate) use fault::changes;
pub(crate) use network::network;
pub(crate) use script::{fault_script, network_script};
#[cfg(target_os = "linux")]
pub(crate) use {rules::middlebox_port, script::lines};

use crate::topology::{DnsAnswer, Link};

/// What the kernel and its tools offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The queueing discipline `netem`. Without it a user-space shaper of ours takes its place.
    pub netem: bool,
    /// The congestion control that most systems use. Some kernels default to another.
    pub cubic: bool,
}

impl Kernel {
    /// All of it: what scripts that are only shown assume.
    pub const WHOLE: Self = Self {
        netem: true,
        cubic: true,
    };
}

/// One thing to do in one namespace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    /// The switch, host or router.
    pub(crate) at: String,
    pub(crate) act: Act,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// A kernel parameter. `must`: it is no use without.
    Sysctl {
        key: String,
        value: String,
        must: bool,
    },
    /// A pair of virtual interfaces: the port of this switch, and the adapter of a node.
    Cable {
        port: String,
        /// The number of the interface at the switch: unlike that of the adapter, or the kernel
        /// takes up to a second to notice that the cable is plugged in.
        index: usize,
        node: String,
        adapter: String,
    },
    /// A shaper of ours joins two interfaces of this switch, and does this to what passes.
    Shaper {
        /// The adapter behind it.
        node: String,
        adapter: String,
        /// The interface towards the switch, and that towards the adapter.
        ends: [String; 2],
        link: Link,
    },
    /// What our shaper does from now on to the cable of this adapter of the node.
    Reshape { adapter: String, link: Link },
    /// Waits until an adapter has noticed that its cable is plugged in.
    Carrier(String),
    /// Arguments of `ip`.
    Ip(String),
    /// Arguments of `tc`.
    Tc(String),
    /// A script for `nft`.
    Nft(String),
    /// The host's hosts file.
    Hosts(String),
    /// What the host's resolver answers for a name; `None`: as the topology says.
    Resolve {
        name: String,
        answer: Option<DnsAnswer>,
    },
    /// A name that the host's hosts file gains; `None`: loses.
    HostsEntry {
        name: String,
        address: Option<IpAddr>,
    },
}

/// Steps to one namespace.
pub(crate) fn at(node: &str, acts: impl IntoIterator<Item = Act>) -> impl Iterator<Item = Step> {
    acts.into_iter().map(move |act| Step {
        at: node.to_owned(),
        act,
    })
}

pub(crate) fn ip(line: impl Into<String>) -> Act {
    Act::Ip(line.into())
}

/// What applies a fault, and what lifts it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Changes {
    pub(crate) apply: Vec<Step>,
    pub(crate) lift: Vec<Step>,
}
