//! Probes from the other host to this one.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use dolab_wire::session::{Ask, Reply};

use super::{Progress, Run, moving, outbound::PROBED};
use crate::{
    evidence::{
        Answer, CalleeReport, CalleeSaw, CallerReport, NoWitness, NotTested, Outcome, PathEvidence,
        Witnessed,
    },
    probe,
    report::{Direction, PathId},
    session::{SessionError, asker::Asker},
    wire_view,
};

/// Time for the question and its answer, beside the probe itself.
const SLACK: Duration = Duration::from_millis(1000);

/// Has the other side call on all paths at once.
pub(super) async fn probe_all(
    run: &Run,
    asker: &Asker,
    exchange: &moving::Ways,
) -> Vec<PathEvidence> {
    let [a, b, c, d] = PROBED.map(|path| probe_one(run, asker, path, exchange));
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    vec![a, b, c, d]
}

async fn probe_one(
    run: &Run,
    asker: &Asker,
    path: PathId,
    exchange: &moving::Ways,
) -> PathEvidence {
    run.tell(Progress::Probing {
        path,
        direction: Direction::Inbound,
    });
    let evidence = ask(run, asker, path).await;
    if path == PathId::Tcp7680 {
        exchange.inbound(evidence.caller.outcome == Outcome::Open);
    }
    run.tell_probed(&evidence);
    evidence
}

async fn ask(run: &Run, asker: &Asker, path: PathId) -> PathEvidence {
    let not_tested = |why| PathEvidence::not_tested(path, Direction::Inbound, why);
    let Some(port) = run.shared.port(path) else {
        return not_tested(NotTested::NoListener).with_callee(CalleeReport {
            saw: CalleeSaw {
                listener: run.shared.listens(path),
                accepted: None,
                answer: Answer::None,
                half_open: None,
                rules: None,
                rules_unread: None,
            },
            witness: Witnessed::Absent(NoWitness::NotAsked),
        });
    };
    let began = Instant::now();
    let patience = run.time_left().min(probe::PATIENCE + SLACK);
    let question = Ask::Probe {
        path: path.to_string(),
        port,
    };
    let report = match asker.ask(question, patience).await {
        Ok(Reply::Probed { evidence }) => serde_json::from_value::<CallerReport>(evidence),
        Ok(_) => {
            return not_tested(NotTested::Declined {
                why: "it answered otherwise".into(),
            });
        }
        Err(error) => return not_tested(not_probed(error)),
    };
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            let why = format!("its evidence can not be read: {error}");
            return not_tested(NotTested::Declined { why });
        }
    };
    let from: Vec<_> = report.saw.from.into_iter().collect();
    let evidence = PathEvidence::from_caller(path, Direction::Inbound, report);
    let remote: IpAddr = asker.carrier.remote.ip();
    let mut callee = wire_view::of_callee(
        &run.shared,
        path,
        (remote, &asker.theirs.peer),
        &from,
        port,
        began,
    );
    wire_view::add_rules(&mut callee, path, port, remote).await;
    evidence.with_callee(callee)
}

fn not_probed(error: SessionError) -> NotTested {
    match error {
        SessionError::Declined(why) => NotTested::Declined {
            why: why.to_string(),
        },
        SessionError::TimedOut => NotTested::OutOfTime,
        error @ (SessionError::Io(_)
        | SessionError::Closed
        | SessionError::Format(_)
        | SessionError::Unexpected { .. }
        | SessionError::Foreign(_)
        | SessionError::Refused(_)) => NotTested::Failed {
            why: error.to_string(),
        },
    }
}
