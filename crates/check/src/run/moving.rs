//! Content in both directions, one after the other, so that each has the network to itself.

use std::time::{Duration, Instant};

use dolab_wire::session::{Ask, Digest, ExchangeResult, Offer, Reply};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

use super::{Progress, Run, diagnose};
use crate::{
    evidence::{ExchangeEnd, ExchangeEvidence, NoWitness, Witnessed},
    exchange::{self, MadeUp, Receiving},
    report::{ExchangeDirection, ExchangeReport, PathId},
    session::{SessionError, asker::Asker},
    station::with_port,
    witness::{Flow, Role},
};

/// Time to make up content, beside a rate that every computer reaches.
const PREPARING: Duration = Duration::from_secs(10);

/// Bytes that are made up in a second, at the very least.
const SLOWEST: u64 = 20 << 20;

type Moved = (ExchangeEvidence, ExchangeReport);

/// Which ways TCP 7680 is open, as soon as it is known.
#[derive(Debug, Default)]
pub(super) struct Ways(watch::Sender<Known>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    outbound: Option<bool>,
    inbound: Option<bool>,
}

impl Ways {
    pub(super) fn outbound(&self, open: bool) {
        self.0.send_modify(|known| known.outbound = Some(open));
    }

    pub(super) fn inbound(&self, open: bool) {
        self.0.send_modify(|known| known.inbound = Some(open));
    }

    /// Waits until one way is open, or both are known not to be.
    async fn settled(&self) -> Known {
        let decided = |known: &Known| match (known.outbound, known.inbound) {
            (Some(true), _) | (_, Some(true)) => true,
            (outbound, inbound) => outbound.is_some() && inbound.is_some(),
        };
        match self.0.subscribe().wait_for(decided).await {
            Ok(known) => *known,
            Err(_) => Known::default(),
        }
    }

    fn now(&self) -> Known {
        *self.0.borrow()
    }
}

impl Known {
    fn is_out_open(self) -> bool {
        self.outbound == Some(true)
    }

    fn is_in_open(self) -> bool {
        self.inbound == Some(true)
    }
}

/// Moves content both ways, over whichever way is open.
pub(super) async fn both(run: &Run, asker: &Asker, ways: &Ways) -> Vec<Moved> {
    let length = run.options.size;
    if length == 0 {
        return Vec::new();
    }
    run.tell(Progress::Preparing { bytes: length });
    let patience = PREPARING + Duration::from_secs(length / SLOWEST);
    // Hashing on both sides hides behind the probes.
    let (made, offered, known) = tokio::join!(
        exchange::make_up(&run.shared, length),
        asker.ask(Ask::Prepare { length }, patience),
        ways.settled(),
    );
    let receiving = async {
        let offer = match offered {
            Ok(Reply::Offered { offer }) => offer,
            Ok(_) => return failed(run, ExchangeDirection::Receive, unexpected()),
            Err(error) => return failed(run, ExchangeDirection::Receive, of_session(error)),
        };
        receive(run, asker, &offer, known).await
    };
    let received = receiving.await;
    if received.0.end == ExchangeEnd::PeerGone {
        // Nobody is there to send to.
        return vec![received];
    }
    let sent = match made {
        Ok(made) => send(run, asker, &made, ways.now()).await,
        Err(why) => failed(
            run,
            ExchangeDirection::Send,
            ExchangeEnd::HostFailed { why },
        ),
    };
    vec![received, sent]
}

fn unexpected() -> ExchangeEnd {
    ExchangeEnd::Declined {
        why: "it answered otherwise".into(),
    }
}

fn of_session(error: SessionError) -> ExchangeEnd {
    match error {
        SessionError::Declined(why) => ExchangeEnd::Declined {
            why: why.to_string(),
        },
        SessionError::Closed | SessionError::Io(_) => ExchangeEnd::PeerGone,
        error @ (SessionError::Format(_)
        | SessionError::Unexpected { .. }
        | SessionError::Foreign(_)
        | SessionError::Refused(_)
        | SessionError::TimedOut) => ExchangeEnd::HostFailed {
            why: error.to_string(),
        },
    }
}

async fn receive(run: &Run, asker: &Asker, offer: &Offer, known: Known) -> Moved {
    let direction = ExchangeDirection::Receive;
    let total = offer.length;
    if total != run.options.size {
        return failed(
            run,
            direction,
            ExchangeEnd::Declined {
                why: format!("it offered {total} bytes instead of {}", run.options.size),
            },
        );
    }
    let began = Instant::now();
    let dialled = known.is_out_open();
    if !dialled && !known.is_in_open() {
        return failed(run, direction, ExchangeEnd::NoConnection);
    }
    let receiving = match Receiving::start(&run.shared, offer).await {
        Ok(receiving) => receiving,
        Err(why) => return failed(run, direction, ExchangeEnd::HostFailed { why }),
    };
    run.tell(Progress::Moving { direction, total });
    if dialled {
        receiving.dial(run.addr).await;
    } else if let Err(error) = be_dialled(run, asker, offer.id).await {
        return failed(run, direction, of_session(error));
    }
    let moved = |bytes| {
        run.tell(Progress::Moved {
            direction,
            bytes,
            total,
        })
    };
    let received = receiving.finish(run.options.patience, moved).await;
    let sha256 = received.sha256().await;
    let evidence = ExchangeEvidence {
        direction,
        wanted: total,
        moved: received.moved,
        verified: received.verified,
        bad_pieces: received.bad_pieces,
        end: received.end.clone(),
        echo: None,
        path_mtu: received.path_mtu,
        sender_witness: Witnessed::Absent(NoWitness::NotAsked),
        receiver_witness: own_witness(run, &received.end, dialled, began),
    };
    conclude(run, asker, known, evidence, received.elapsed, sha256).await
}

/// Has the other side open the connection.
async fn be_dialled(run: &Run, asker: &Asker, content: Digest) -> Result<(), SessionError> {
    let port = run.shared.port(PathId::Tcp7680).unwrap_or(0);
    asker
        .ask(Ask::Dial { content, port }, run.options.patience)
        .await
        .map(drop)
}

async fn send(run: &Run, asker: &Asker, made: &MadeUp, known: Known) -> Moved {
    let direction = ExchangeDirection::Send;
    let total = made.offer.length;
    // Whoever can opens the connection; the receiver by choice, since that is how peers do it.
    let be_dialled = known.is_in_open();
    if !be_dialled && !known.is_out_open() {
        return failed(run, direction, ExchangeEnd::NoConnection);
    }
    let ask = Ask::Receive {
        offer: made.offer.clone(),
        dial: be_dialled
            .then(|| run.shared.port(PathId::Tcp7680))
            .flatten(),
        patience_ms: u64::try_from(run.options.patience.as_millis()).unwrap_or(u64::MAX),
    };
    run.tell(Progress::Moving { direction, total });
    let began = Instant::now();
    let (told, mut progress) = mpsc::unbounded_channel();
    let mut pending = match asker.ask_long(ask, told) {
        Ok(pending) => pending,
        Err(error) => return failed(run, direction, of_session(error)),
    };
    let mut watch = Watch::new(run, made);
    let mut ticks = interval(Duration::from_millis(200));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut welcome = false;
    let answer = loop {
        tokio::select! {
            biased;
            answer = pending.next() => break Some(answer),
            Some(bytes) = progress.recv() => {
                run.tell(Progress::Moved { direction, bytes, total });
                watch.seen(bytes);
                if !std::mem::replace(&mut welcome, true) && !be_dialled {
                    // The other side knows the content now.
                    run.shared.peer.dial(made.content(), run.addr).await;
                }
            }
            _ = ticks.tick() => {
                if watch.is_hopeless(total).await {
                    break None;
                }
            }
        }
    };
    drop(pending);
    let elapsed = began.elapsed();
    let evidence =
        |moved, verified, bad_pieces, end: ExchangeEnd, receiver_witness| ExchangeEvidence {
            direction,
            wanted: total,
            moved,
            verified,
            bad_pieces,
            echo: None,
            path_mtu: watch.path_mtu,
            sender_witness: own_witness(run, &end, !be_dialled, began),
            receiver_witness,
            end,
        };
    let absent = Witnessed::Absent(NoWitness::NotAsked);
    match answer {
        Some(Ok(Reply::Received { result })) => {
            let (end, witness) = read_result(&result);
            let elapsed = Duration::from_micros(result.micros);
            let sha256 = result.sha256.map(|hash| hash.0);
            let evidence = evidence(
                result.moved,
                result.verified,
                result.bad_pieces,
                end,
                witness,
            );
            conclude(run, asker, known, evidence, elapsed, sha256).await
        }
        Some(Ok(_)) => failed(run, direction, unexpected()),
        Some(Err(error)) => {
            let evidence = evidence(watch.told, 0, 0, of_session(error), absent);
            conclude(run, asker, known, evidence, elapsed, None).await
        }
        None => {
            let end = ExchangeEnd::Stalled {
                after: watch.last_change.elapsed(),
            };
            let evidence = evidence(watch.told, 0, 0, end, absent);
            conclude(run, asker, known, evidence, elapsed, None).await
        }
    }
}

fn read_result(result: &ExchangeResult) -> (ExchangeEnd, Witnessed) {
    let end = serde_json::from_value(result.end.clone()).unwrap_or_else(|error| {
        ExchangeEnd::HostFailed {
            why: format!("its result can not be read: {error}"),
        }
    });
    let witness = serde_json::from_value(result.witness.clone())
        .unwrap_or(Witnessed::Absent(NoWitness::NotAsked));
    (end, witness)
}

/// Whether what is sent still arrives, as far as the sender can see. The receiver has its own
/// patience and says when it is used up; this is for one that says nothing any more.
struct Watch<'a> {
    run: &'a Run,
    made: &'a MadeUp,
    told: u64,
    sent: u64,
    path_mtu: Option<u32>,
    last_change: Instant,
}

impl<'a> Watch<'a> {
    fn new(run: &'a Run, made: &'a MadeUp) -> Self {
        Self {
            run,
            made,
            told: 0,
            sent: 0,
            path_mtu: None,
            last_change: Instant::now(),
        }
    }

    fn seen(&mut self, bytes: u64) {
        if bytes > self.told {
            (self.told, self.last_change) = (bytes, Instant::now());
        }
    }

    async fn is_hopeless(&mut self, total: u64) -> bool {
        let now = exchange::traffic(&self.run.shared.peer, self.made.content()).await;
        self.path_mtu = now.path_mtu.or(self.path_mtu);
        if now.sent > self.sent {
            (self.sent, self.last_change) = (now.sent, Instant::now());
        }
        // When all is there, the receiver hashes the whole before it answers.
        let hashing = if self.told >= total {
            Duration::from_secs(5 + total / SLOWEST)
        } else {
            Duration::ZERO
        };
        self.last_change.elapsed()
            > self.run.options.patience + hashing + Duration::from_millis(1500)
    }
}

/// What this host's witness saw of the connection that moved it; not asked where all went well.
fn own_witness(run: &Run, end: &ExchangeEnd, dialled: bool, began: Instant) -> Witnessed {
    if *end == ExchangeEnd::Complete {
        return Witnessed::Absent(NoWitness::NotAsked);
    }
    let (role, port) = match dialled {
        true => (Role::Caller, run.addr.port()),
        false => (Role::Callee, run.shared.port(PathId::Tcp7680).unwrap_or(0)),
    };
    let remote = run.addr.ip().to_canonical();
    let witness = if dialled {
        run.witness()
    } else {
        &run.shared.witness
    };
    witness.saw(
        &Flow {
            path: PathId::Tcp7680,
            port,
            remote,
            role,
        },
        began,
    )
}

/// Looks closer at what went wrong, and puts evidence and report together.
async fn conclude(
    run: &Run,
    asker: &Asker,
    known: Known,
    mut evidence: ExchangeEvidence,
    elapsed: Duration,
    sha256: Option<[u8; 32]>,
) -> Moved {
    let looked_at = match evidence.end {
        ExchangeEnd::Reset
        | ExchangeEnd::Stalled { .. }
        | ExchangeEnd::Closed
        | ExchangeEnd::PeerGone
        | ExchangeEnd::NoConnection => true,
        ExchangeEnd::Complete
        | ExchangeEnd::BadPieces
        | ExchangeEnd::Declined { .. }
        | ExchangeEnd::HostFailed { .. } => false,
    };
    if looked_at {
        let again = known
            .is_out_open()
            .then_some(with_port(run.addr, run.addr.port()));
        let closer = diagnose::look(run, asker, again).await;
        evidence.echo = closer.echo;
        if closer.gone {
            evidence.end = ExchangeEnd::PeerGone;
        }
    }
    let (direction, bytes) = (evidence.direction, evidence.moved);
    run.tell(Progress::MovedAll {
        direction,
        bytes,
        seconds: elapsed.as_secs_f64(),
    });
    let report = report(run, &evidence, elapsed, sha256);
    (evidence, report)
}

/// What could not even begin.
fn failed(run: &Run, direction: ExchangeDirection, end: ExchangeEnd) -> Moved {
    let evidence = ExchangeEvidence {
        direction,
        wanted: run.options.size,
        moved: 0,
        verified: 0,
        bad_pieces: 0,
        end,
        echo: None,
        path_mtu: None,
        sender_witness: Witnessed::Absent(NoWitness::NotAsked),
        receiver_witness: Witnessed::Absent(NoWitness::NotAsked),
    };
    let report = report(run, &evidence, Duration::ZERO, None);
    (evidence, report)
}

fn report(
    run: &Run,
    evidence: &ExchangeEvidence,
    elapsed: Duration,
    sha256: Option<[u8; 32]>,
) -> ExchangeReport {
    let seconds = elapsed.as_secs_f64();
    let bits = evidence.moved as f64 * 8.0;
    let pieces = dolab_content::Layout::new(run.options.size, dolab_wire::swarm::PIECE_SIZE);
    ExchangeReport {
        direction: evidence.direction,
        bytes: evidence.moved,
        pieces: pieces.map_or(0, |layout| layout.pieces()),
        verified: evidence.verified,
        bad_pieces: evidence.bad_pieces,
        seconds: (seconds * 1e6).round() / 1e6,
        bits_per_second: if seconds > 0.0 {
            (bits / seconds).round()
        } else {
            0.0
        },
        sha256: sha256.map(|hash| Digest(hash).to_string()),
        error: why(evidence),
    }
}

fn why(evidence: &ExchangeEvidence) -> Option<String> {
    Some(match &evidence.end {
        ExchangeEnd::Complete => return None,
        ExchangeEnd::Reset => "the connection was reset".into(),
        ExchangeEnd::Stalled { after } => {
            format!("no byte came for {:.1} s", after.as_secs_f64())
        }
        ExchangeEnd::Closed => "the other side closed the connection".into(),
        ExchangeEnd::PeerGone => "the other side is gone".into(),
        ExchangeEnd::BadPieces => "the pieces that came were bad".into(),
        ExchangeEnd::NoConnection => "no connection could be made on TCP 7680".into(),
        ExchangeEnd::Declined { why } => format!("the other side declined: {why}"),
        ExchangeEnd::HostFailed { why } => why.clone(),
    })
}
