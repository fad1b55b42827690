//! What a network is made of: switches, hosts, routers.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use serde::Deserialize;

use super::{Filter, Link, Ports, Subnet};

/// One link layer, and one subnet on it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Switch {
    /// The IPv4 subnet of the addresses on it.
    pub subnet: Subnet,
    /// The IPv6 subnet, where the network has IPv6.
    #[serde(default)]
    pub subnet6: Option<Subnet>,
    /// Its ports see no other isolated port, as on a wireless network with client isolation; what
    /// is in `uplinks` is seen by all.
    #[serde(default)]
    pub isolated: bool,
    /// Nodes whose ports are not isolated. Empty: the routers' are not.
    #[serde(default)]
    pub uplinks: Vec<String>,
    /// Whether multicast passes (and IPv4 broadcast, which ARP and DHCP need, always does).
    #[serde(default = "yes")]
    pub multicast: bool,
}

fn yes() -> bool {
    true
}

/// A network adapter and its cable.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Adapter {
    /// The switch that it is plugged into.
    pub switch: String,
    /// Its address, in the switch's `subnet`.
    pub address: Ipv4Addr,
    /// More IPv4 addresses.
    #[serde(default)]
    pub also: Vec<Ipv4Addr>,
    /// Its IPv6 address, in the switch's `subnet6`. A node none of whose adapters has one has no
    /// IPv6 at all, so that a table can name it by one address.
    #[serde(default)]
    pub address6: Option<std::net::Ipv6Addr>,
    /// What the cable does.
    #[serde(default)]
    pub link: Link,
}

/// A route besides those to the adapters' own subnets and to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Route {
    /// Where it leads.
    pub to: Subnet,
    /// The next router's address, on one of the adapters' subnets.
    pub via: IpAddr,
}

/// A host that runs programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Host {
    /// Adapters by name, at most 15 bytes each. The name is what programs see.
    #[serde(rename = "adapter")]
    pub adapters: BTreeMap<String, Adapter>,
    /// Where packets for other subnets go. `None`: nowhere.
    pub gateway: Option<IpAddr>,
    /// More routes.
    #[serde(rename = "route")]
    pub routes: Vec<Route>,
    /// What `hostname` says, at most 63 bytes. `None`: the host's name in the topology.
    pub host_name: Option<String>,
    /// Names that its hosts file knows, besides `localhost` and its own.
    pub hosts: BTreeMap<String, IpAddr>,
    /// Its resolver. `None`: no name is resolved but by the hosts file.
    pub dns: Option<Dns>,
    /// Its firewall for what comes in.
    pub input: Filter,
    /// Its firewall for what it sends.
    pub output: Filter,
}

/// What a resolver answers. Every name that is not here does not exist (NXDOMAIN).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Dns {
    /// Answers by name, without a final dot, in lower case. `*.example.com` stands for every name
    /// below it; the longest that fits decides.
    pub answers: BTreeMap<String, DnsAnswer>,
}

/// What a resolver answers for one name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DnsAnswer {
    /// These addresses, at most 16.
    Addresses(Vec<IpAddr>),
    /// There is no such name (NXDOMAIN).
    NoSuchName,
    /// The server failed (SERVFAIL).
    Failure,
    /// None at all.
    Silence,
}

/// A node that forwards between its adapters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Router {
    /// Adapters by name, at most 15 bytes each.
    #[serde(rename = "adapter")]
    pub adapters: BTreeMap<String, Adapter>,
    /// Where packets for other subnets go.
    pub gateway: Option<IpAddr>,
    /// More routes.
    #[serde(rename = "route")]
    pub routes: Vec<Route>,
    /// Address translation, one for each outside adapter. With two, hosts differ in their public
    /// address by [`Nat::sources`].
    pub nat: Vec<Nat>,
    /// What it forwards.
    pub forward: Filter,
    /// What it takes for itself. Behind a NAT, what comes from outside and is not asked for is
    /// dropped, whatever this says.
    pub input: Filter,
    /// What it answers to hosts that ask for options by DHCP.
    pub dhcp: Option<Dhcp>,
    /// What it does with connections on their way.
    #[serde(rename = "middlebox")]
    pub middleboxes: Vec<Middlebox>,
}

/// Address translation at one adapter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Nat {
    /// The adapter towards the internet.
    pub outside: String,
    /// How it maps and filters.
    pub kind: NatKind,
    /// Only what comes from here leaves by this adapter. Empty: all that no other takes.
    #[serde(default)]
    pub sources: Vec<Subnet>,
    /// The next router at this adapter, where it is not the router's `gateway`.
    #[serde(default)]
    pub gateway: Option<IpAddr>,
}

/// How a NAT maps an inner address and port, and whom it lets in to that mapping (RFC 3489's names).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NatKind {
    /// One mapping for all destinations; everyone may send to it. UDP only, TCP is as
    /// port-restricted.
    FullCone,
    /// One mapping; who was sent to may answer from any port. UDP only, TCP is as port-restricted.
    AddressRestricted,
    /// One mapping; who was sent to may answer from the port that was sent to.
    PortRestricted,
    /// A new outer port for each destination.
    Symmetric,
}

/// A DHCP service that answers DHCPINFORM with options. It leases no addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Dhcp {
    /// Option 234: the group's id. Sent as it stands here, wrong or not.
    pub group: Option<String>,
    /// Option 235: Connected Cache servers. Sent as it stands here.
    pub cache: Option<String>,
    /// More options, number to text.
    pub options: BTreeMap<u8, String>,
}

/// Something in a router that takes part in connections instead of forwarding them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Middlebox {
    /// What it does.
    pub kind: MiddleboxKind,
    /// Connections to which TCP ports it takes. `None`: 443 for TLS inspection, 80 for a proxy
    /// that strips ranges, both for a captive portal.
    #[serde(default)]
    pub ports: Vec<Ports>,
    /// Only connections from here.
    #[serde(default)]
    pub from: Option<Subnet>,
}

/// What a middlebox does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MiddleboxKind {
    /// Answers TLS with a certificate of its own authority for the name that is asked for, and
    /// passes the plain text on over TLS of its own.
    InspectTls,
    /// Answers every request with a page to sign in at; over TLS with a certificate of its own.
    CaptivePortal,
    /// An HTTP proxy that removes `Range` from requests, so that the whole content comes.
    StripRange,
}
