//! A look at the way to the other host and back, where paths are blocked.

use std::time::Duration;

use dolab_wire::session::{Ask, Reply, TraceWay};

use super::Run;
use crate::{
    blame::judge,
    evidence::{Outcome, PathEvidence, Witnessed},
    hops::Trace,
    probe::hops::{self, Look, MAX_WAYS, Way},
    report::{Blame, Direction},
    session::asker::Asker,
};

/// Time for the other side's look, which takes a second and a half, and its answer; a busy host takes
/// longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which packets of a path are to be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leg {
    /// The request, by the caller.
    There,
    /// The answer, by the callee.
    Back,
}

/// Looks at the ways of those paths that are blocked, from both ends where the other side helps, and
/// adds what was seen. Nothing is sent where all is well, and to a host on the same link, which no
/// router stands before.
pub(super) async fn look(run: &Run, asker: Option<&Asker>, paths: &mut [PathEvidence]) {
    let ip = run.addr.ip().to_canonical();
    let blocked: Vec<(usize, Leg)> = paths
        .iter()
        .enumerate()
        .filter(|(_, path)| is_blocked(path))
        .map(|(at, path)| (at, leg(path)))
        .collect();
    if blocked.is_empty() || ip.is_loopback() || super::dns_sd::on_link(ip) {
        return;
    }
    // This host looks at what it sends: requests of its own, and answers to the other's.
    let (mine, theirs): (Vec<_>, Vec<_>) = blocked.into_iter().partition(|(at, leg)| {
        (paths[*at].direction == Direction::Outbound) == (*leg == Leg::There)
    });
    let from_here = from_here(run, asker, paths, &mine);
    let from_there = from_there(asker, paths, &theirs);
    let (from_here, from_there) = tokio::join!(from_here, from_there);
    for ((at, leg), trace) in mine
        .iter()
        .zip(&from_here)
        .chain(theirs.iter().zip(&from_there))
    {
        let hops = &mut paths[*at].hops;
        match leg {
            Leg::There => hops.there.clone_from(trace),
            Leg::Back => hops.back.clone_from(trace),
        }
    }
    routes(paths, &mine, &from_here, &theirs, &from_there);
}

/// The ways themselves are told for both directions, with what was learnt of them for other paths.
fn routes(
    paths: &mut [PathEvidence],
    mine: &[(usize, Leg)],
    from_here: &[Option<Trace>],
    theirs: &[(usize, Leg)],
    from_there: &[Option<Trace>],
) {
    let plain = |traces: &[Option<Trace>]| {
        let mut trace = traces.iter().flatten().next()?.clone();
        for step in &mut trace.steps {
            step.probe = crate::hops::HopSaw::NotTried;
        }
        Some(trace)
    };
    let (out, back) = (plain(from_here), plain(from_there));
    for (at, _) in mine.iter().chain(theirs) {
        let path = &mut paths[*at];
        let (there, back) = match path.direction {
            Direction::Outbound => (&out, &back),
            Direction::Inbound => (&back, &out),
        };
        if path.hops.there.is_none() {
            path.hops.there.clone_from(there);
        }
        if path.hops.back.is_none() {
            path.hops.back.clone_from(back);
        }
    }
}

fn is_blocked(path: &PathEvidence) -> bool {
    match path.caller.outcome {
        Outcome::TimedOut | Outcome::Unreachable(_) => path.caller.to.is_some(),
        // Most that refuse are the other host itself.
        Outcome::Refused => judge(path).blame == Some(Blame::Network),
        Outcome::Open
        | Outcome::Foreign
        | Outcome::ResetAfterConnect
        | Outcome::SilentAfterConnect
        | Outcome::ClosedAfterConnect
        | Outcome::Forbidden
        | Outcome::NotTested(_) => false,
    }
}

/// Where a request arrived, its answer is what was lost.
fn leg(path: &PathEvidence) -> Leg {
    let arrived = match &path.callee_witness {
        Witnessed::Saw(saw) => saw.requests_arrived > 0,
        Witnessed::Absent(_) => false,
    };
    if arrived { Leg::Back } else { Leg::There }
}

/// The port that a path's packets go to, and the one that they come from if that matters.
fn ports(path: &PathEvidence, leg: Leg) -> Option<(u16, Option<u16>)> {
    let called = path.caller.to?.port();
    Some(match leg {
        Leg::There => (called, None),
        Leg::Back => (path.caller.from?.port(), Some(called)),
    })
}

async fn from_here(
    run: &Run,
    asker: Option<&Asker>,
    paths: &[PathEvidence],
    mine: &[(usize, Leg)],
) -> Vec<Option<Trace>> {
    let ways: Vec<Way> = mine
        .iter()
        .take(MAX_WAYS)
        .filter_map(|(at, leg)| {
            let (port, answers_from) = ports(&paths[*at], *leg)?;
            let protocol = paths[*at].path.protocol();
            Some(Way {
                protocol,
                port,
                answers_from,
            })
        })
        .collect();
    let to = asker.map_or(run.addr, |asker| asker.carrier.remote);
    let look = Look {
        to: to.ip().to_canonical(),
        from: run
            .shared
            .source(hops::beside(to, hops::REFERENCE_PORT), None),
        ways,
    };
    padded(hops::look(look).await, mine.len())
}

async fn from_there(
    asker: Option<&Asker>,
    paths: &[PathEvidence],
    theirs: &[(usize, Leg)],
) -> Vec<Option<Trace>> {
    let Some(asker) = asker else {
        return vec![None; theirs.len()];
    };
    let ways = theirs
        .iter()
        .take(MAX_WAYS)
        .filter_map(|(at, leg)| {
            let (port, answers_from) = ports(&paths[*at], *leg)?;
            Some(TraceWay {
                path: paths[*at].path.to_string(),
                port,
                answers_from,
            })
        })
        .collect();
    let traces = match asker.ask(Ask::Trace { ways }, PATIENCE).await {
        Ok(Reply::Traced { traces }) => traces,
        Ok(_) => Vec::new(),
        // An older version does not know the question.
        Err(error) => {
            tracing::debug!(%error, "the other side does not look at the way");
            Vec::new()
        }
    };
    let read = traces
        .into_iter()
        .take(MAX_WAYS)
        .map(|trace| serde_json::from_value(trace).unwrap_or_default())
        .collect();
    padded(read, theirs.len())
}

fn padded(mut traces: Vec<Option<Trace>>, len: usize) -> Vec<Option<Trace>> {
    // Where nothing was asked for, the way itself came.
    traces.resize(len.max(traces.len()), None);
    traces
}
