//! The rules that open a path, as commands ready to paste. Text only: nothing here changes a
//! system.
//!
//! Delivery Optimization brings two rules of its own on Windows, matched by their ids
//! `DeliveryOptimization-TCP-In` and `DeliveryOptimization-UDP-In` because their display names are
//! translated (observed in many systems' registries). They admit the service `dosvc` and no other
//! program, so that a lab peer on Windows needs a rule by port beside them.

mod cidr;
mod linux;
mod standing;
#[cfg(test)]
mod tests;
mod windows;

use std::fmt;

pub use cidr::{Cidr, CidrError};
pub(crate) use standing::read as standing;
pub use standing::{MOST_NETWORKS, Standing, Unread};

use crate::report::{PathId, System};

/// One thing to let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The path.
    pub path: PathId,
    /// Its port.
    pub port: u16,
    /// Into the host that the rule is for, or out of it.
    pub way: Way,
}

/// Which packets of a path a rule lets through, on the host that the rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Requests from others.
    In,
    /// This host's own requests.
    Out,
    /// Answers to this host's own requests, which a firewall that keeps no state drops.
    AnswersIn,
    /// This host's answers to others.
    AnswersOut,
}

impl Want {
    /// A path on Delivery Optimization's own port.
    pub fn new(path: PathId, way: Way) -> Self {
        Self {
            path,
            port: path.port(),
            way,
        }
    }

    /// What a host needs to share with others on its network: requests on 7680 both ways, and
    /// DNS-SD. Calls out to the cloud on 443 and to Teredo's server on 3544 are included, because
    /// Delivery Optimization needs the former in most modes and the latter across address
    /// translators.
    pub fn usual() -> Vec<Self> {
        vec![
            Self::new(PathId::Tcp7680, Way::In),
            Self::new(PathId::Udp5353, Way::In),
            Self::new(PathId::Tcp7680, Way::Out),
            Self::new(PathId::Tcp443, Way::Out),
            Self::new(PathId::Udp3544, Way::Out),
            Self::new(PathId::Udp5353, Way::Out),
        ]
    }

    fn why(&self) -> String {
        let what = match self.path {
            PathId::Tcp7680 => "Delivery Optimization's exchange between peers",
            PathId::Tcp443 => "Delivery Optimization's cloud service",
            PathId::Udp443 => "QUIC; Delivery Optimization is not known to use it",
            PathId::Udp3544 => "Teredo, for peers behind different address translators",
            PathId::Udp5353 => "DNS-SD, which finds peers on the link",
        };
        match self.way {
            Way::In => format!("lets others in: {what}"),
            Way::Out => format!("lets this host out: {what}"),
            Way::AnswersIn => format!("lets answers in: {what}"),
            Way::AnswersOut => format!("lets answers out: {what}"),
        }
    }
}

/// For whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The other ends; everybody where it is empty.
    pub remote: Vec<Cidr>,
    /// Windows network profile; all of them where it is `None`.
    pub profile: Option<Profile>,
}

/// A Windows network profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A network with the domain's controllers.
    Domain,
    /// One that the user trusts.
    Private,
    /// Any other.
    Public,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Domain => "Domain",
            Self::Private => "Private",
            Self::Public => "Public",
        })
    }
}

/// A rule to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it does, in a few words.
    pub title: String,
    /// The command, one line, for the system's shell as administrator.
    pub command: String,
    /// What it is good for.
    pub why: String,
}

/// The rules that let `wants` through for `scope`, in their order.
pub fn rules(system: System, wants: &[Want], scope: &Scope) -> Vec<Rule> {
    let of = |want: &Want| match system {
        System::Windows => windows::rules(want, scope),
        System::Nftables => linux::nftables(want, scope),
        System::Ufw => linux::ufw(want, scope),
        System::Firewalld => linux::firewalld(want, scope),
        System::Iptables => linux::iptables(want, scope),
    };
    let mut rules: Vec<Rule> = Vec::new();
    for rule in wants.iter().flat_map(of) {
        // Several answers share one rule about connections that stand.
        if !rules.iter().any(|r| r.command == rule.command) {
            rules.push(rule);
        }
    }
    rules
}
