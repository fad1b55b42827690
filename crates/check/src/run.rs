//! A check, from the side that asks.
//!
//! Everything that can run at one time does: outbound probes begin at once, and the first that
//! works carries the session; with it come the reverse probes, and as soon as TCP 7680 is open
//! either way, the content. Where a path is blocked, the way is looked at hop by hop at the end. A check
//! of a host that lets nothing through ends within eleven seconds.

mod address;
mod diagnose;
mod dns_sd;
mod hops;
mod inbound;
mod moving;
mod outbound;
mod session;
mod summary;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::mpsc;

use crate::{
    evidence::{ExchangeEvidence, NotTested, PathEvidence},
    report::{Direction, ExchangeDirection, ExchangeReport, PathId, PathState, Report, Via},
    station::Shared,
    target::Target,
    witness::{Watched, Witness},
};

/// When the last path has to be known, counted from the start.
const DEADLINE: Duration = Duration::from_millis(9300);

/// What a check is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOptions {
    /// Bytes of content to move in each direction; 0 moves none.
    pub size: u64,
    /// Time without a byte after which moving content is given up.
    pub patience: Duration,
}

impl Default for CheckOptions {
    /// 64 MiB in each direction, given up after three seconds without a byte.
    fn default() -> Self {
        Self {
            size: 64 << 20,
            patience: Duration::from_secs(3),
        }
    }
}

/// What happens while a check runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Progress {
    /// A path is being tried.
    Probing {
        /// Which.
        path: PathId,
        /// Who calls.
        direction: Direction,
    },
    /// A path's state is known, though not yet who is in the way.
    Probed {
        /// Which.
        path: PathId,
        /// Who called.
        direction: Direction,
        /// How it ended.
        state: PathState,
    },
    /// The two sides talk.
    Session {
        /// Over what.
        via: Via,
    },
    /// Content is being made up and hashed.
    Preparing {
        /// Bytes in each direction.
        bytes: u64,
    },
    /// Content begins to move.
    Moving {
        /// Which way.
        direction: ExchangeDirection,
        /// Bytes in all.
        total: u64,
    },
    /// Content moves.
    Moved {
        /// Which way.
        direction: ExchangeDirection,
        /// Bytes until now.
        bytes: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Content has moved, or not.
    MovedAll {
        /// Which way.
        direction: ExchangeDirection,
        /// Bytes that moved.
        bytes: u64,
        /// Time it took, in seconds.
        seconds: f64,
    },
}

/// What all parts of a check know.
pub(crate) struct Run {
    shared: Arc<Shared>,
    target: Target,
    options: CheckOptions,
    /// The address that is checked, with the port of the exchange.
    addr: SocketAddr,
    began: Instant,
    witness: Option<Witness>,
    progress: mpsc::UnboundedSender<Progress>,
}

/// What a check found out.
struct Found {
    session: session::Outcome,
    paths: Vec<PathEvidence>,
    exchange: Vec<(ExchangeEvidence, ExchangeReport)>,
}

/// Runs a check. See [`Station::check`](crate::Station::check).
pub(crate) async fn check(
    shared: &Arc<Shared>,
    target: &Target,
    options: &CheckOptions,
    progress: mpsc::UnboundedSender<Progress>,
) -> Report {
    let began = Instant::now();
    let addr = address::choose(shared, target).await;
    let run = Arc::new(Run {
        shared: Arc::clone(shared),
        target: target.clone(),
        options: options.clone(),
        addr,
        began,
        witness: witness(shared, target, addr),
        progress,
    });
    let found = match run.forbidden() {
        Some(why) => run.not_tested(&why),
        None => run.everything().await,
    };
    let report = summary::report(&run, &found);
    if let session::Outcome::Held(asker) = found.session {
        asker.bye().await;
    }
    report
}

/// Where the other side listens elsewhere than on Delivery Optimization's ports, the station's
/// witness does not watch.
fn witness(shared: &Shared, target: &Target, addr: SocketAddr) -> Option<Witness> {
    let wanted = PathId::ALL.map(|path| (path, target.port(path, addr)));
    if wanted
        .iter()
        .all(|(path, port)| shared.watched.covers(*path, *port))
    {
        return None;
    }
    let watch = |w: Watched, (path, port): (PathId, u16)| w.and(path, port);
    Some(Witness::start(
        wanted.into_iter().fold(Watched::default(), watch),
    ))
}

impl Run {
    fn witness(&self) -> &Witness {
        self.witness.as_ref().unwrap_or(&self.shared.witness)
    }

    fn tell(&self, progress: Progress) {
        // Nobody has to listen.
        drop(self.progress.send(progress));
    }

    fn tell_probed(&self, evidence: &PathEvidence) {
        let state = crate::blame::judge(evidence).state;
        let (path, direction) = (evidence.path, evidence.direction);
        self.tell(Progress::Probed {
            path,
            direction,
            state,
        });
    }

    /// Time until the paths have to be known.
    fn time_left(&self) -> Duration {
        DEADLINE.saturating_sub(self.began.elapsed())
    }

    /// Why nothing may be sent there.
    fn forbidden(&self) -> Option<String> {
        if self.target.addrs.is_empty() {
            return Some("it has no address".into());
        }
        (!self.shared.door.welcomes(self.addr.ip()))
            .then(|| "it is a public address: --allow-public lifts that".into())
    }

    fn not_tested(&self, why: &str) -> Found {
        let not = |direction| {
            let why = NotTested::Failed {
                why: why.to_owned(),
            };
            move |path| PathEvidence::not_tested(path, direction, why.clone())
        };
        let outbound = PathId::ALL.into_iter().map(not(Direction::Outbound));
        let inbound = PathId::ALL.into_iter().map(not(Direction::Inbound));
        Found {
            session: session::Outcome::NotTried,
            paths: outbound.chain(inbound).collect(),
            exchange: Vec::new(),
        }
    }

    async fn everything(self: &Arc<Self>) -> Found {
        let (ways, found) = mpsc::unbounded_channel();
        let mut outbound = outbound::Probes::start(self, ways);
        let session = session::establish(self, found).await;
        let session::Outcome::Held(asker) = &session else {
            let mut paths = outbound.finish().await;
            hops::look(self, None, &mut paths).await;
            paths.extend(self.without_session(&session));
            return Found {
                session,
                paths,
                exchange: Vec::new(),
            };
        };
        self.tell(Progress::Session {
            via: asker.carrier.via,
        });
        outbound.look_again(self, &asker.theirs);
        let exchange_ways = moving::Ways::default();
        let (outbound, inbound, (dns_out, dns_in), exchange) = tokio::join!(
            outbound.judge(self, asker, &exchange_ways),
            inbound::probe_all(self, asker, &exchange_ways),
            dns_sd::both(self, asker),
            moving::both(self, asker, &exchange_ways),
        );
        let mut paths = outbound;
        paths.push(dns_out);
        paths.extend(inbound);
        paths.push(dns_in);
        // Last, because its packets look like those that the witnesses count.
        hops::look(self, Some(asker), &mut paths).await;
        Found {
            session,
            paths,
            exchange,
        }
    }

    fn without_session(&self, session: &session::Outcome) -> Vec<PathEvidence> {
        let why = match session {
            session::Outcome::Oneself => NotTested::SameHost,
            session::Outcome::Held(_) | session::Outcome::None(_) | session::Outcome::NotTried => {
                NotTested::NoSession
            }
        };
        let not = |path, direction| PathEvidence::not_tested(path, direction, why.clone());
        let mut paths = vec![not(PathId::Udp5353, Direction::Outbound)];
        paths.extend(PathId::ALL.map(|path| not(path, Direction::Inbound)));
        paths
    }
}
