//! From evidence to a claim: how a path ended, who is in the way, and what that rests on.
//!
//! Wrong blame is worse than none. Every rule names the observations that it needs; where one is
//! missing, or two contradict each other, the answer is [`Blame::Unknown`]. The chain that
//! the rules follow:
//!
//! 1. Did the request leave the caller? (caller's witness)
//! 2. Did it arrive at the callee? (callee's witness)
//! 3. Did the callee's kernel or program get it? (accepted, half-open, listener)
//! 4. Did the answer leave the callee? (callee's witness)
//! 5. Did it arrive at the caller? (caller's witness)
//!
//! Where something between the two is to blame, probes with rising hop limits say between which two
//! routers; and where no session could be had, they alone can say that it is something between.
//!
//! The first link that broke names the culprit. ICMP errors shorten the chain by the address that
//! sent them. Two things that no rule can see, and that `docs/limitations.md` must state: a
//! transparent firewall that forges the called host's address, unless the callee has a witness;
//! and packets that never cross the tap in clear, such as IPsec policies and drops in the
//! network card or in XDP.

mod hops;
mod rules;
#[cfg(test)]
mod tests;
mod words;
#[cfg(test)]
mod world;

use std::net::IpAddr;

use crate::{
    evidence::{ClosedBecause, NotTested, PathEvidence},
    report::{Blame, Direction, Lost, PathState},
};

/// What the evidence says about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// How the path ended.
    pub state: PathState,
    /// Who is in the way; `None` where nothing is.
    pub blame: Option<Blame>,
    /// What broke it.
    pub cause: Cause,
    /// Why it ended so, in a line.
    pub reason: Option<String>,
    /// Where it dies, if something between is to blame and the hops tell.
    pub place: Option<Place>,
    /// The observations that state and blame rest on, in words.
    pub evidence: Vec<String>,
}

/// A place on the way where packets die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The last address that they reached, and the first that they do not.
    pub between: [IpAddr; 2],
    /// Which packets.
    pub lost: Lost,
}

/// What broke a path, seen from the caller and the callee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing: it is open.
    Open,
    /// Open, but another program than dolab answers.
    OtherProgram,
    /// It was not tried.
    NotTested(NotTested),
    /// The caller's own rules did not let the request out.
    CallerOutput,
    /// The caller's routing table has no way.
    CallerRoute,
    /// Something between the two stops the request or the answer.
    Between,
    /// Something between the two answers in the callee's place.
    Impostor,
    /// The callee's own rules did not let the request in.
    CalleeInput,
    /// The callee's own rules did not let the answer out.
    CalleeOutput,
    /// The caller's own rules did not let the answer in.
    CallerInput,
    /// Nothing listens on the callee.
    NothingListens(ClosedBecause),
    /// Nobody on the link answers for the callee's address.
    Absent,
    /// TCP connected, and then the other program hung up.
    HungUp,
    /// The evidence does not say.
    Unexplained,
}

impl Cause {
    /// Who is in the way, by the names of the host that runs the check.
    pub fn blame(&self, direction: Direction) -> Option<Blame> {
        let outbound = direction == Direction::Outbound;
        match self {
            Self::Open | Self::OtherProgram | Self::NotTested(_) | Self::NothingListens(_) => None,
            Self::CallerOutput | Self::CallerRoute if outbound => Some(Blame::LocalOutbound),
            Self::CallerOutput | Self::CallerRoute => Some(Blame::RemoteOutbound),
            Self::CallerInput if outbound => Some(Blame::LocalInbound),
            Self::CallerInput => Some(Blame::RemoteInbound),
            Self::CalleeInput if outbound => Some(Blame::RemoteInbound),
            Self::CalleeInput => Some(Blame::LocalInbound),
            Self::CalleeOutput if outbound => Some(Blame::RemoteOutbound),
            Self::CalleeOutput => Some(Blame::LocalOutbound),
            Self::Between | Self::Impostor => Some(Blame::Network),
            Self::Absent | Self::HungUp | Self::Unexplained => Some(Blame::Unknown),
        }
    }
}

/// Judges one path.
pub fn judge(evidence: &PathEvidence) -> Judgement {
    let (state, cause, place) = rules::apply(evidence);
    Judgement {
        state,
        blame: cause.blame(evidence.direction),
        reason: words::reason(evidence, &cause, place),
        place,
        evidence: words::evidence(evidence),
        cause,
    }
}
