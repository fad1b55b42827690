//! From what was found to the report.

use std::net::IpAddr;

use dolab_wire::session::Refusal;

use super::{Found, Run, session};
use crate::{
    case::{Case, Judged, Session},
    evidence::{NotTested, Outcome, PathEvidence},
    findings,
    report::{
        Control, Direction, DiscoveryReport, DiscoverySource, HostInfo, PathId, Report, SCHEMA,
    },
    session::{SessionError, asker::Asker},
    verdict,
};

/// Puts the report together.
pub(super) fn report(run: &Run, found: &Found) -> Report {
    let asker = found.session.asker();
    let (evidence, exchange) = found.exchange.iter().cloned().unzip();
    let paths: Vec<Judged> = in_order(found.paths.clone())
        .into_iter()
        .map(Judged::new)
        .collect();
    let mut case = Case {
        local: local(run),
        remote: remote(run, asker),
        local_address: own_address(asker, &paths),
        remote_address: Some(run.addr.ip().to_canonical()),
        session: Session::Unreached,
        paths,
        exchange: evidence,
    };
    case.session = talked(&found.session, &case);
    let findings = findings::of(&case);
    let (verdict, summary) = verdict::of(&case, &findings);
    Report {
        schema: SCHEMA.into(),
        verdict,
        summary,
        control: Control {
            via: asker.map(|asker| asker.carrier.via),
        },
        paths: case.paths.iter().map(Judged::report).collect(),
        exchange,
        discovery: discovery(run, asker),
        local: case.local,
        remote: case.remote,
        findings,
    }
}

/// The address that this host is called by.
fn own_address(asker: Option<&Asker>, paths: &[Judged]) -> Option<IpAddr> {
    let of_session = asker.map(|asker| asker.carrier.local.ip());
    let mut of_probes = paths
        .iter()
        .filter(|path| path.evidence.direction == Direction::Outbound)
        .filter_map(|path| path.evidence.caller.from)
        .map(|from| from.ip());
    let addr = of_session.or_else(|| of_probes.next())?.to_canonical();
    (!addr.is_unspecified()).then_some(addr)
}

/// How the two sides talked, or why they did not.
fn talked(outcome: &session::Outcome, case: &Case) -> Session {
    let error = match outcome {
        session::Outcome::Held(asker) if asker.is_over() => {
            let why = "the other side went away, or the connection broke".into();
            return Session::Lost { why };
        }
        session::Outcome::Held(asker) => return Session::Held(asker.carrier.via),
        session::Outcome::Oneself => {
            return Session::Incompatible {
                why: "it is this very program".into(),
            };
        }
        session::Outcome::NotTried => return Session::Unreached,
        session::Outcome::None(error) => error,
    };
    if let SessionError::Declined(why) | SessionError::Refused(why) = error {
        let keys = [Refusal::WrongKey, Refusal::KeyDemanded, Refusal::NoKeyHere];
        return match keys.contains(why) {
            true => Session::WrongKey,
            false => Session::Incompatible {
                why: why.to_string(),
            },
        };
    }
    let foreign = |path: &Judged| {
        path.evidence.direction == Direction::Outbound
            && path.evidence.caller.outcome == Outcome::Foreign
    };
    if case.is_open(PathId::Tcp7680, Direction::Outbound) {
        Session::Lost {
            why: error.to_string(),
        }
    } else if case.paths.iter().any(foreign) {
        Session::NotAPeer
    } else {
        Session::Unreached
    }
}

/// Every path once in each direction, whatever became of its task.
fn in_order(mut found: Vec<PathEvidence>) -> Vec<PathEvidence> {
    let mut all = Vec::new();
    for path in PathId::ALL {
        for direction in [Direction::Outbound, Direction::Inbound] {
            let is_it = |e: &PathEvidence| (e.path, e.direction) == (path, direction);
            all.push(match found.iter().position(is_it) {
                Some(at) => found.swap_remove(at),
                None => PathEvidence::not_tested(path, direction, NotTested::OutOfTime),
            });
        }
    }
    all
}

fn local(run: &Run) -> HostInfo {
    HostInfo {
        host: run.shared.host.clone(),
        os: Some(std::env::consts::OS.into()),
        version: Some(env!("CARGO_PKG_VERSION").into()),
        addresses: run
            .shared
            .addresses()
            .iter()
            .map(ToString::to_string)
            .collect(),
    }
}

fn remote(run: &Run, asker: Option<&Asker>) -> HostInfo {
    let Some(asker) = asker else {
        let addresses = vec![run.addr.ip().to_string()];
        return HostInfo {
            host: run.target.name.clone(),
            addresses,
            ..HostInfo::default()
        };
    };
    let theirs = &asker.theirs;
    HostInfo {
        host: theirs.host.clone(),
        os: Some(theirs.os.clone()),
        version: Some(theirs.software.clone()),
        addresses: theirs.addresses.iter().map(ToString::to_string).collect(),
    }
}

fn discovery(run: &Run, asker: Option<&Asker>) -> Vec<DiscoveryReport> {
    let mut reports = Vec::new();
    if run.target.source != DiscoverySource::DnsSd {
        let found = !run.target.addrs.is_empty();
        reports.push(DiscoveryReport {
            source: run.target.source,
            found,
            seconds: 0.0,
        });
    }
    if let Some(discovery) = &run.shared.discovery {
        let seen = discovery.sightings().into_iter().find(|candidate| {
            let by_peer = candidate
                .lab()
                .zip(asker)
                .is_some_and(|(lab, asker)| lab.peer.to_string() == asker.theirs.peer);
            let by_addr = candidate.source == dolab_discovery::Source::DnsSd
                && candidate
                    .addrs
                    .iter()
                    .any(|addr| addr.ip() == run.addr.ip());
            by_peer || by_addr
        });
        let waited = run.began.elapsed().as_secs_f64();
        reports.push(DiscoveryReport {
            source: DiscoverySource::DnsSd,
            found: seen.is_some(),
            seconds: seen.map_or(waited, |seen| {
                seen.found
                    .saturating_duration_since(run.began)
                    .as_secs_f64()
            }),
        });
    }
    reports
}
