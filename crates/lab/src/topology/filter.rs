//! Firewall rules, as hosts and routers have them.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::Deserialize;

use super::Subnet;

/// One chain of a firewall: the first rule that fits decides, the policy where none does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Filter {
    /// What becomes of packets that no rule is for. Loopback, answers of established connections
    /// and ICMP errors that belong to them always pass.
    pub policy: Action,
    /// Rules, in order.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
}

/// One rule. Everything that it names has to fit; what it does not name fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Rule {
    /// What becomes of the packet.
    pub action: Action,
    /// Only this protocol.
    pub protocol: Option<Protocol>,
    /// Only to these ports; without a protocol, of TCP and UDP.
    pub port: Option<Ports>,
    /// Only from these addresses.
    pub from: Option<Subnet>,
    /// Only to these addresses.
    pub to: Option<Subnet>,
    /// Only what came in by this adapter.
    pub arrived: Option<String>,
    /// Only what leaves by this adapter.
    pub leaves: Option<String>,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It passes.
    #[default]
    Accept,
    /// It vanishes.
    Drop,
    /// It is answered with ICMP port unreachable.
    Reject,
    /// ICMP host unreachable.
    HostUnreachable,
    /// ICMP network unreachable.
    NetUnreachable,
    /// ICMP host prohibited.
    HostProhibited,
    /// ICMP network prohibited.
    NetProhibited,
    /// ICMP communication administratively prohibited.
    AdminProhibited,
    /// A TCP packet is answered with a reset; everything else vanishes.
    TcpReset,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, and ICMPv6 for IPv6. Has no ports.
    Icmp,
}

/// A port, `7680`, or a range of ports, `"49152-65535"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "PortText")]
pub struct Ports(RangeInclusive<u16>);

impl Ports {
    /// The ports, as a range.
    pub fn range(&self) -> RangeInclusive<u16> {
        self.0.clone()
    }
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        Self(port..=port)
    }
}

/// As `nft` reads it.
impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.start() == self.0.end() {
            self.0.start().fmt(f)
        } else {
            write!(f, "{}-{}", self.0.start(), self.0.end())
        }
    }
}

/// A text that is neither a port nor a range of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no port: write 7680, or \"7680-7690\" for a range")]
pub struct ParsePortsError(String);

impl FromStr for Ports {
    type Err = ParsePortsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
            (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(Self(first..=last)),
            _ => Err(ParsePortsError(text.to_owned())),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PortText {
    One(u16),
    Text(String),
}

impl TryFrom<PortText> for Ports {
    type Error = ParsePortsError;

    fn try_from(port: PortText) -> Result<Self, Self::Error> {
        match port {
            PortText::One(0) => Err(ParsePortsError("0".to_owned())),
            PortText::One(port) => Ok(port.into()),
            PortText::Text(text) => text.parse(),
        }
    }
}
