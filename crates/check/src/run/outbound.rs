//! Probes from this host to the other.

use std::{collections::BTreeMap, sync::Arc};

use dolab_wire::session::{Ask, Hello, Reply, Role};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::{sync::mpsc, task::JoinSet};

use super::{Progress, Run, moving};
use crate::{
    evidence::{CalleeReport, CallerReport, NoWitness, Outcome, PathEvidence, Witnessed},
    probe::{self, Call, Probed, Reached},
    report::{Direction, PathId},
    session::{answerer::path_named, asker::Asker, opening::Mine},
    station::with_port,
    wire_view,
};

/// Paths that have a listener of their own, in the order in which they are liked as a way for the
/// session. The last can carry none.
pub(super) const PROBED: [PathId; 4] = [
    PathId::Tcp7680,
    PathId::Tcp443,
    PathId::Udp443,
    PathId::Udp3544,
];

type Ways = mpsc::UnboundedSender<(usize, Reached)>;

/// The probes that are under way.
pub(super) struct Probes {
    tasks: JoinSet<(PathId, u16, Probed)>,
    /// The port that counts for each path.
    ports: BTreeMap<PathId, u16>,
    run: Arc<Run>,
}

impl Probes {
    /// Calls on all paths at once, and hands on what can carry a session.
    pub(super) fn start(run: &Arc<Run>, ways: Ways) -> Self {
        let mut probes = Self {
            tasks: JoinSet::new(),
            ports: BTreeMap::new(),
            run: Arc::clone(run),
        };
        for path in PROBED {
            let port = run.target.port(path, run.addr);
            probes.call(path, port, Some(ways.clone()));
        }
        probes
    }

    fn call(&mut self, path: PathId, port: u16, ways: Option<Ways>) {
        let run = Arc::clone(&self.run);
        self.ports.insert(path, port);
        run.tell(Progress::Probing {
            path,
            direction: Direction::Outbound,
        });
        self.tasks.spawn(async move {
            let shared = &run.shared;
            let to = with_port(run.addr, port);
            let call = Call {
                path,
                to,
                from: shared.source(to, None),
                patience: probe::PATIENCE,
            };
            let mine = Mine {
                role: Role::Asker,
                key: shared.key(),
                call: None,
            };
            let mut probed = probe::probe(call, &mine, &shared.tls).await;
            let rank = PROBED
                .iter()
                .position(|other| *other == path)
                .unwrap_or(PROBED.len());
            match (probed.reached.take(), ways) {
                // Whoever waits for a session may have one already.
                (Some(reached), Some(ways)) => drop(ways.send((rank, reached))),
                (Some(reached), None) => reached.bye().await,
                (None, _) => {}
            }
            (path, port, probed)
        });
    }

    /// Calls again where the other side says that it listens on another port.
    pub(super) fn look_again(&mut self, run: &Run, theirs: &Hello) {
        for state in theirs.ports.iter().filter(|state| state.closed.is_none()) {
            let Ok(path) = path_named(&state.path) else {
                continue;
            };
            // A port that the user named is the one that is meant.
            let usual = path != PathId::Tcp7680 && run.target.port(path, run.addr) == path.port();
            if usual
                && self
                    .ports
                    .get(&path)
                    .is_some_and(|port| *port != state.port)
            {
                self.call(path, state.port, None);
            }
        }
    }

    /// Waits for all, with nobody to ask about them.
    pub(super) async fn finish(mut self) -> Vec<PathEvidence> {
        let mut found = BTreeMap::new();
        while let Some(probed) = self.next().await {
            let evidence = self.evidence(&probed);
            self.run.tell_probed(&evidence);
            found.insert(evidence.path, evidence);
        }
        found.into_values().collect()
    }

    /// Waits for all, and asks the other side what it saw of those that did not get through.
    pub(super) async fn judge(
        mut self,
        run: &Run,
        asker: &Asker,
        exchange: &moving::Ways,
    ) -> Vec<PathEvidence> {
        let mut found = BTreeMap::new();
        let mut asking = FuturesUnordered::new();
        loop {
            let evidence = tokio::select! {
                probed = self.next() => match probed {
                    Some(probed) => {
                        if probed.0 == PathId::Tcp7680 {
                            exchange.outbound(probed.2.saw.outcome == Outcome::Open);
                        }
                        let evidence = self.evidence(&probed);
                        asking.push(with_callee(run, asker, probed, evidence));
                        continue;
                    }
                    None => match asking.next().await {
                        Some(evidence) => evidence,
                        None => break,
                    },
                },
                Some(evidence) = asking.next() => evidence,
            };
            run.tell_probed(&evidence);
            found.insert(evidence.path, evidence);
        }
        found.into_values().collect()
    }

    /// The next probe that counts.
    async fn next(&mut self) -> Option<(PathId, u16, Probed)> {
        loop {
            // A task that panicked leaves its path out, which the summary notices.
            let Ok((path, port, probed)) = self.tasks.join_next().await? else {
                continue;
            };
            if self.ports.get(&path) == Some(&port) {
                return Some((path, port, probed));
            }
        }
    }

    fn evidence(&self, (path, _, probed): &(PathId, u16, Probed)) -> PathEvidence {
        let saw = probed.saw.clone();
        let witness = wire_view::of_caller(self.run.witness(), *path, &saw, probed.began);
        PathEvidence::from_caller(*path, Direction::Outbound, CallerReport { saw, witness })
    }
}

/// Adds what the other side saw, where the call did not get through.
async fn with_callee(
    run: &Run,
    asker: &Asker,
    probed: (PathId, u16, Probed),
    mut evidence: PathEvidence,
) -> PathEvidence {
    evidence.callee_witness = Witnessed::Absent(NoWitness::NotAsked);
    if evidence.caller.outcome == Outcome::Open {
        return evidence;
    }
    match seen(run, asker, &probed).await {
        Some(callee) => evidence.with_callee(callee),
        None => evidence,
    }
}

/// What the other side saw of a call.
async fn seen(
    run: &Run,
    asker: &Asker,
    (path, port, probed): &(PathId, u16, Probed),
) -> Option<CalleeReport> {
    let ask = Ask::Seen {
        path: path.to_string(),
        from: probed.saw.from.into_iter().collect(),
        port: *port,
        since_ms: u64::try_from(probed.began.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    // The other side may have to read its firewall rules for it.
    let patience = run.time_left().min(std::time::Duration::from_millis(2500));
    match asker.ask(ask, patience).await {
        Ok(Reply::Seen { evidence }) => serde_json::from_value(evidence)
            .inspect_err(|error| tracing::debug!(%error, "evidence that can not be read"))
            .ok(),
        Ok(_) => None,
        Err(error) => {
            tracing::debug!(%path, %error, "the other side does not say what it saw");
            None
        }
    }
}
