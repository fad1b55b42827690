//! Between which two routers a path dies.

use std::net::IpAddr;

use crate::{
    evidence::IcmpKind,
    hops::{HopSaw, Step, Trace},
};

/// A place on the way, by the router before it and what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// The last that the packets reached.
    pub(super) last: IpAddr,
    /// The first that they do not reach.
    pub(super) next: IpAddr,
    /// Whether `next` is a router, and not the other host.
    pub(super) inside: bool,
}

/// Where the packets of a path die. Needs: a router that answered one of them, none behind it that
/// did, and one behind it that answers other packets; where it is known that they do not arrive
/// (`certain`), the other host stands in for a router that answers. Where the two kinds of packets
/// met different routers there are several ways, and nothing follows.
pub(super) fn gap(trace: &Trace, certain: bool) -> Option<Gap> {
    let steps = &trace.steps;
    let same_way = steps.iter().all(|step| match (step.probe, step.reference) {
        (HopSaw::Router(a), HopSaw::Router(b)) => a == b,
        _ => true,
    });
    if !same_way {
        return None;
    }
    if let Some(at) = steps.iter().position(|step| step.probe == HopSaw::Reached) {
        return in_its_place(steps, at);
    }
    let last_at = steps
        .iter()
        .rposition(|step| step.probe.router().is_some())?;
    let last = steps[last_at].probe.router()?;
    let behind = &steps[last_at + 1..];
    // Who says no is the place itself, if it is the one that answered last.
    let elsewhere = |step: &Step| matches!(step.probe, HopSaw::Says(error) if error.from != last);
    if behind.iter().any(elsewhere) {
        return None;
    }
    let tried = |saw| saw != HopSaw::NotTried;
    let next = behind
        .iter()
        .take_while(|step| tried(step.probe))
        .find_map(|step| step.reference.router());
    match next {
        Some(next) if next != last => Some(Gap {
            last,
            next,
            inside: true,
        }),
        Some(_) => None,
        None => certain.then_some(Gap {
            last,
            next: trace.to,
            inside: false,
        }),
    }
}

/// The other host seems to answer at a hop where a router stands: who stands before that router
/// answers in its place.
fn in_its_place(steps: &[Step], at: usize) -> Option<Gap> {
    let next = steps[at].reference.router()?;
    let last = steps[at.checked_sub(1)?].probe.router()?;
    (next != last).then_some(Gap {
        last,
        next,
        inside: true,
    })
}

/// The place of somebody who refused a packet by ICMP: between it and what stands behind it.
pub(super) fn behind(trace: Option<&Trace>, maker: IpAddr, kind: IcmpKind) -> Option<IpAddr> {
    if matches!(kind, IcmpKind::TimeExceeded) {
        return None;
    }
    let trace = trace?;
    let at = trace.steps.iter().position(|step| {
        [step.probe, step.reference]
            .map(HopSaw::router)
            .contains(&Some(maker))
    })?;
    let routers = trace.steps[at + 1..]
        .iter()
        .filter_map(|step| step.reference.router());
    Some(routers.into_iter().next().unwrap_or(trace.to))
}
