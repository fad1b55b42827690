//! From what was found to the report.

use super::{Found, Run};
use crate::{
    blame,
    evidence::{NotTested, PathEvidence},
    report::{
        Control, Direction, DiscoveryReport, DiscoverySource, HostInfo, PathId, PathReport,
        PathState, Report, SCHEMA, Verdict, millis,
    },
    session::asker::Asker,
};

/// Puts the report together.
pub(super) fn report(run: &Run, found: Found) -> Report {
    let asker = found.session.asker();
    let paths: Vec<PathReport> = in_order(found.paths)
        .iter()
        .map(|evidence| path(run, evidence))
        .collect();
    let verdict = Verdict::Inconclusive;
    Report {
        schema: SCHEMA.into(),
        verdict,
        summary: String::new(),
        local: local(run),
        remote: remote(run, asker),
        control: Control {
            via: asker.map(|asker| asker.carrier.via),
        },
        paths,
        exchange: found
            .exchange
            .into_iter()
            .map(|(_, report)| report)
            .collect(),
        discovery: discovery(run, asker),
        findings: Vec::new(),
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

fn path(run: &Run, evidence: &PathEvidence) -> PathReport {
    let judgement = blame::judge(evidence);
    let (id, direction) = (evidence.path, evidence.direction);
    let port = match (evidence.caller.to, direction) {
        (Some(to), _) => to.port(),
        (None, Direction::Outbound) => run.target.port(id, run.addr),
        (None, Direction::Inbound) => run.shared.port(id).unwrap_or(id.port()),
    };
    PathReport {
        id,
        protocol: id.protocol(),
        port,
        direction,
        state: judgement.state,
        reason: judgement.reason,
        rtt_ms: evidence
            .caller
            .rtt
            .filter(|_| judgement.state == PathState::Open)
            .map(millis),
        attempts: evidence.caller.attempts,
        waited_ms: millis(evidence.caller.waited),
        needed_for: Vec::new(),
        blame: judgement.blame,
        evidence: judgement.evidence,
    }
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
    if run.target.source == DiscoverySource::Static {
        let found = !run.target.addrs.is_empty();
        reports.push(DiscoveryReport {
            source: DiscoverySource::Static,
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
