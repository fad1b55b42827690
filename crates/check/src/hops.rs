//! The way between two hosts, as probes with rising hop limits saw it.
//!
//! A packet whose hop limit runs out at a router makes that router answer (ICMP time exceeded), before
//! its own forwarding rules see the packet (observed on Linux). So packets that look like those of
//! a blocked path tell how far these get, and others beside them, the *reference* (UDP to a
//! port that nobody listens on), tell which routers there are. A router that answers neither is
//! silent, and nothing follows from that.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::evidence::IcmpError;

/// Longest way that is looked at, in hops.
pub const MAX_HOPS: u8 = 12;

/// What is known of the way of a path's packets, both ways.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hops {
    /// The way of the request, seen by the caller.
    #[serde(default)]
    pub there: Option<Trace>,
    /// The way of the answer, seen by the callee.
    #[serde(default)]
    pub back: Option<Trace>,
}

/// What one host saw of the way to the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The host that looked.
    pub from: Option<IpAddr>,
    /// The host that it looked for.
    pub to: IpAddr,
    /// The hops, from the first on, without holes.
    pub steps: Vec<Step>,
}

/// One hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What came of a packet that looks like the path's.
    pub probe: HopSaw,
    /// What came of any other.
    pub reference: HopSaw,
}

/// What came of a packet with a certain hop limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopSaw {
    /// Nobody sent one.
    NotTried,
    /// Nothing.
    Silent,
    /// A router had to let it die there.
    Router(IpAddr),
    /// Somebody on the way said no.
    Says(IcmpError),
    /// The other host answered.
    Reached,
}

impl HopSaw {
    /// The router that stands there.
    pub fn router(self) -> Option<IpAddr> {
        match self {
            Self::Router(router) => Some(router),
            Self::NotTried | Self::Silent | Self::Says(_) | Self::Reached => None,
        }
    }
}

impl Trace {
    /// The routers on the way, `None` for one that is silent; up to the other host, or to the last one
    /// that answered.
    pub fn route(&self) -> Vec<Option<IpAddr>> {
        let routers = self.steps.iter().map_while(|step| {
            let ends =
                matches!(step.reference, HopSaw::Reached) || matches!(step.probe, HopSaw::Reached);
            (!ends).then(|| step.reference.router().or_else(|| step.probe.router()))
        });
        let mut route: Vec<_> = routers.collect();
        let known = route
            .iter()
            .rposition(Option::is_some)
            .map_or(0, |at| at + 1);
        if !self
            .steps
            .iter()
            .any(|step| step.reference == HopSaw::Reached)
        {
            route.truncate(known);
        }
        route
    }
}
