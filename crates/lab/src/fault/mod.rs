//! Faults: what goes wrong in a network while it runs.
//!
//! A fault is data. `changes` turns it into the lines of `ip`, `nft` and `tc` that apply it and those
//! that lift it; both are shown before anything runs, and can be replayed by hand.
//!
//! ```toml
//! fault.block = { at = "b.input", protocol = "tcp", port = 7680, how = "drop" }
//! ```

mod place;
#[cfg(test)]
mod tests;
mod validate;

use std::net::IpAddr;

pub use place::{ParsePlaceError, Place};
use serde::Deserialize;

use crate::topology::{
    Action, DnsAnswer, Link, Percent, Ports, Protocol, Rate, Span, Subnet, Topology, TopologyError,
};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Packets are dropped or refused.
    Block(Block),
    /// Connections are reset once so many bytes have gone over them.
    Reset(AfterBytes),
    /// Connections fall silent once so many bytes have gone over them.
    Stall(AfterBytes),
    /// Packets are lost by chance.
    Loss(Loss),
    /// Only so many connections at a time.
    ConnectionLimit(ConnectionLimit),
    /// TCP connections stay half open.
    HalfOpen(HalfOpen),
    /// A hop passes smaller packets only, and nobody is told.
    MtuBlackHole(MtuBlackHole),
    /// A firewall forgets its connections: those that stand now no longer pass, new ones do.
    LostState(LostState),
    /// The ports of a switch no longer see each other.
    Isolation(OnSwitch),
    /// A switch no longer passes multicast.
    NoMulticast(OnSwitch),
    /// A cable is unplugged: the node sees no carrier.
    LinkDown(Cable),
    /// A route is missing or leads nowhere.
    NoRoute(NoRoute),
    /// A name resolves to something else.
    Dns(WrongDns),
    /// A name stands in a hosts file.
    HostsFile(HostsEntry),
    /// A cable carries less.
    Rate(CableRate),
    /// A cable delays, loses or reorders packets: replaces what the topology says of it.
    Shape(CableShape),
    /// An address goes and another comes, as with a new lease.
    Address(NewAddress),
}

/// Packets are dropped or refused. What is not named fits all.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Block {
    /// Where.
    pub at: Place,
    /// Only this protocol.
    #[serde(default)]
    pub protocol: Option<Protocol>,
    /// Only to these ports; without a protocol, of TCP and UDP.
    #[serde(default)]
    pub port: Option<Ports>,
    /// Only from these ports: the answers of a service.
    #[serde(default)]
    pub from_port: Option<Ports>,
    /// Only from these addresses.
    #[serde(default)]
    pub from: Option<Subnet>,
    /// Only to these addresses.
    #[serde(default)]
    pub to: Option<Subnet>,
    /// Only the first packets of connections: those that stand go on.
    #[serde(default)]
    pub only_new: bool,
    /// How. At a switch's port everything but `drop` is wrong.
    #[serde(default = "drop_it")]
    pub how: Action,
}

fn drop_it() -> Action {
    Action::Drop
}

/// Something happens to a connection after so many bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AfterBytes {
    /// Where: a host's input or output, or a router's forward.
    pub at: Place,
    /// TCP connections to these ports.
    pub port: Ports,
    /// Bytes of the connection, headers included, of both directions together.
    pub bytes: u64,
}

/// Packets are lost by chance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Loss {
    /// Where: a host's input or output, or a router's forward.
    pub at: Place,
    /// So many.
    pub share: Percent,
    /// Only this protocol.
    #[serde(default)]
    pub protocol: Option<Protocol>,
    /// Only to these ports.
    #[serde(default)]
    pub port: Option<Ports>,
}

/// Only so many connections at a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConnectionLimit {
    /// Where: a host's input, or a router's forward.
    pub at: Place,
    /// TCP connections to these ports.
    pub port: Ports,
    /// Connections that pass.
    pub most: u32,
    /// Counted for each source address by itself.
    #[serde(default)]
    pub per_source: bool,
    /// What becomes of those that do not pass.
    #[serde(default = "reset_it")]
    pub how: Action,
}

fn reset_it() -> Action {
    Action::TcpReset
}

/// TCP connections stay half open: the server's SYN/ACK never leaves it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HalfOpen {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: Ports,
    /// The SYN/ACK passes, and nothing after it comes in: clients are connected to a server that
    /// does not answer.
    #[serde(default)]
    pub connected: bool,
}

/// A hop passes smaller packets only, and nobody is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MtuBlackHole {
    /// The router before the hop.
    pub router: String,
    /// Its adapter at the hop.
    pub adapter: String,
    /// Bytes of a packet that pass, 576 to 1499.
    pub mtu: u16,
}

/// A firewall forgets its connections.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LostState {
    /// Where: a host's input, or a router's forward.
    pub at: Place,
    /// Only TCP connections to these ports.
    #[serde(default)]
    pub port: Option<Ports>,
    /// What becomes of packets of forgotten connections.
    #[serde(default = "drop_it")]
    pub how: Action,
}

/// A whole switch.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnSwitch {
    /// The switch.
    pub switch: String,
}

/// The cable of an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cable {
    /// The host or router.
    pub node: String,
    /// Its adapter.
    pub adapter: String,
}

/// A route is missing or leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NoRoute {
    /// The host or router whose route it is.
    pub node: String,
    /// Where it led. `None`: the default route.
    #[serde(default)]
    pub to: Option<Subnet>,
    /// What stands in its place.
    #[serde(default)]
    pub instead: DeadRoute,
}

/// What stands in the place of a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeadRoute {
    /// Nothing: the route is gone. Only for routes that the topology names.
    #[default]
    Missing,
    /// Packets vanish.
    Blackhole,
    /// Packets are answered with host unreachable.
    Unreachable,
    /// Packets are answered with administratively prohibited.
    Prohibit,
}

/// A name resolves to something else.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WrongDns {
    /// The host whose resolver it is. It has to have one in the topology.
    pub host: String,
    /// The name, as in a resolver's answers.
    pub name: String,
    /// What is answered.
    pub answer: DnsAnswer,
}

/// A name stands in a hosts file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostsEntry {
    /// The host whose file it is.
    pub host: String,
    /// The name.
    pub name: String,
    /// The address that it then has.
    pub address: IpAddr,
}

/// A cable carries less.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CableRate {
    /// The host or router.
    pub node: String,
    /// Its adapter.
    pub adapter: String,
    /// Bits per second, in each direction.
    pub rate: Rate,
}

/// A cable delays, loses or reorders packets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CableShape {
    /// The host or router.
    pub node: String,
    /// Its adapter.
    pub adapter: String,
    /// One way.
    #[serde(default)]
    pub delay: Span,
    /// See [`Link::jitter`].
    #[serde(default)]
    pub jitter: Span,
    /// See [`Link::loss`].
    #[serde(default)]
    pub loss: Percent,
    /// See [`Link::reorder`].
    #[serde(default)]
    pub reorder: Percent,
    /// Bits per second, in each direction.
    #[serde(default)]
    pub rate: Option<Rate>,
}

impl CableShape {
    /// What the cable then does.
    pub fn link(&self) -> Link {
        Link {
            rate: self.rate,
            delay: self.delay,
            jitter: self.jitter,
            loss: self.loss,
            reorder: self.reorder,
            mtu: None,
        }
    }
}

/// An adapter's address changes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NewAddress {
    /// The host.
    pub host: String,
    /// Its adapter.
    pub adapter: String,
    /// The new address, in the same subnet.
    pub address: std::net::Ipv4Addr,
}

impl Fault {
    /// Its kind, as in a file: `block`, `mtu-black-hole`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Block(_) => "block",
            Self::Reset(_) => "reset",
            Self::Stall(_) => "stall",
            Self::Loss(_) => "loss",
            Self::ConnectionLimit(_) => "connection-limit",
            Self::HalfOpen(_) => "half-open",
            Self::MtuBlackHole(_) => "mtu-black-hole",
            Self::LostState(_) => "lost-state",
            Self::Isolation(_) => "isolation",
            Self::NoMulticast(_) => "no-multicast",
            Self::LinkDown(_) => "link-down",
            Self::NoRoute(_) => "no-route",
            Self::Dns(_) => "dns",
            Self::HostsFile(_) => "hosts-file",
            Self::Rate(_) => "rate",
            Self::Shape(_) => "shape",
            Self::Address(_) => "address",
        }
    }

    /// Whether it can happen in this network.
    ///
    /// # Errors
    /// What is wrong, with the path of the field, as in `block.at`.
    pub fn check(&self, topology: &Topology) -> Result<(), TopologyError> {
        validate::check(self, topology)
    }

    /// The lines that apply it and lift it, as a shell script to read or to replay by hand in
    /// namespaces named after the nodes.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn script(&self, topology: &Topology) -> Result<String, TopologyError> {
        self.check(topology)?;
        Ok(crate::plan::fault_script(self, topology))
    }
}
