//! All that one check has learnt, put together: what findings and verdict look at.

use std::net::IpAddr;

use crate::{
    blame::{Judgement, judge},
    evidence::{ExchangeEvidence, PathEvidence},
    hops::{Hops, Trace},
    report::{
        Blame, Direction, FixHost, HopsReport, HostInfo, NeededFor, PathId, PathReport, PathState,
        Via, millis,
    },
};

/// One check of one host.
#[derive(Clone, Debug)]
pub struct Case {
    /// The host that ran the check.
    pub local: HostInfo,
    /// The other.
    pub remote: HostInfo,
    /// The address that this host used.
    pub local_address: Option<IpAddr>,
    /// The address that was checked.
    pub remote_address: Option<IpAddr>,
    /// How the two talked about it.
    pub session: Session,
    /// Every path, judged.
    pub paths: Vec<Judged>,
    /// Content that was moved.
    pub exchange: Vec<ExchangeEvidence>,
}

/// How the two sides talked about the check, or why they did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// Over this.
    Held(Via),
    /// It began and broke off.
    Lost {
        /// What went wrong.
        why: String,
    },
    /// The other side has another key than this one.
    WrongKey,
    /// A dolab answers that this one can not talk to, or will not talk.
    Incompatible {
        /// What it said.
        why: String,
    },
    /// Something answers that is no dolab.
    NotAPeer,
    /// Nothing answered on any path that carries a session.
    Unreached,
}

/// A path, and what its evidence says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What was seen.
    pub evidence: PathEvidence,
    /// What it says.
    pub judgement: Judgement,
}

impl Judged {
    /// Judges a path.
    pub fn new(evidence: PathEvidence) -> Self {
        let judgement = judge(&evidence);
        Self {
            evidence,
            judgement,
        }
    }

    /// The port that was tried.
    pub fn port(&self) -> u16 {
        self.evidence
            .caller
            .to
            .map_or_else(|| self.evidence.path.port(), |to| to.port())
    }

    /// The path as it stands in a report.
    pub fn report(&self) -> PathReport {
        let Self {
            evidence,
            judgement,
        } = self;
        PathReport {
            id: evidence.path,
            protocol: evidence.path.protocol(),
            port: self.port(),
            direction: evidence.direction,
            state: judgement.state,
            reason: judgement.reason.clone(),
            rtt_ms: evidence.caller.rtt.map(millis),
            attempts: evidence.caller.attempts,
            waited_ms: millis(evidence.caller.waited),
            needed_for: needed_for(evidence.path),
            blame: judgement.blame,
            between: judgement.place.map(|place| place.between),
            lost: judgement.place.map(|place| place.lost),
            hops: hops(&evidence.hops),
            evidence: judgement.evidence.clone(),
        }
    }

    /// Whether something is in the way: tested, and not open.
    pub fn is_blocked(&self) -> bool {
        !matches!(self.judgement.state, PathState::Open | PathState::NotTested)
    }

    /// The side that called.
    pub(crate) fn caller(&self) -> FixHost {
        match self.evidence.direction {
            Direction::Outbound => FixHost::Local,
            Direction::Inbound => FixHost::Remote,
        }
    }

    /// The side that was called.
    pub(crate) fn callee(&self) -> FixHost {
        match self.caller() {
            FixHost::Local => FixHost::Remote,
            FixHost::Remote => FixHost::Local,
        }
    }
}

fn hops(hops: &Hops) -> Option<HopsReport> {
    let route = |trace: &Option<Trace>| trace.as_ref().map(Trace::route);
    let report = HopsReport {
        out: route(&hops.there),
        back: route(&hops.back),
    };
    (report != HopsReport::default()).then_some(report)
}

/// What needs a path between two peers. TCP 443 goes to the cloud and not to a peer; UDP 443 and
/// 3544 stand on many checklists, and no two peers need them from each other.
pub fn needed_for(path: PathId) -> Vec<NeededFor> {
    match path {
        PathId::Tcp7680 => vec![NeededFor::Lan, NeededFor::Group, NeededFor::Internet],
        PathId::Tcp443 => vec![NeededFor::Cloud],
        PathId::Udp5353 => vec![NeededFor::Lan],
        PathId::Udp443 | PathId::Udp3544 => Vec::new(),
    }
}

impl Case {
    /// One path in one direction, where it is among those of the case.
    pub fn path(&self, path: PathId, direction: Direction) -> Option<&Judged> {
        self.paths
            .iter()
            .find(|p| p.evidence.path == path && p.evidence.direction == direction)
    }

    /// Whether a path is open in a direction.
    pub fn is_open(&self, path: PathId, direction: Direction) -> bool {
        self.path(path, direction)
            .is_some_and(|p| p.judgement.state == PathState::Open)
    }

    /// Whether there was a session, so that what is missing is missing and not merely unseen.
    pub fn has_session(&self) -> bool {
        matches!(self.session, Session::Held(_))
    }

    /// What a host is called in sentences: its name, and its address where that is another.
    pub(crate) fn name(&self, side: FixHost) -> String {
        let (info, address) = match side {
            FixHost::Local => (&self.local, self.local_address),
            FixHost::Remote => (&self.remote, self.remote_address),
        };
        match address.map(|a| a.to_canonical().to_string()) {
            Some(address) if info.host.is_empty() => address,
            Some(address) if address != info.host => format!("{} ({address})", info.host),
            _ => info.host.clone(),
        }
    }

    /// The system that a host runs, where it told.
    pub(crate) fn os(&self, side: FixHost) -> Option<&str> {
        match side {
            FixHost::Local => self.local.os.as_deref(),
            FixHost::Remote => self.remote.os.as_deref(),
        }
    }
}

/// The host that a blame is about.
pub(crate) fn blamed(blame: Blame) -> Option<FixHost> {
    match blame {
        Blame::LocalOutbound | Blame::LocalInbound => Some(FixHost::Local),
        Blame::RemoteInbound | Blame::RemoteOutbound => Some(FixHost::Remote),
        Blame::Network | Blame::Unknown => None,
    }
}
