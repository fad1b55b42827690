//! The side that is asked. It does nothing for a stranger before the key was proven, and what it
//! does then is bounded: see [`limits`](super::limits).

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use dolab_wire::session::{Ask, Message, Offer, Refusal, Reply, TraceWay};
use serde::Serialize;
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use super::{
    SessionError,
    channel::{Carrier, Writer},
    limits::{self, Deed},
    opening::{Mine, Session},
};
use crate::{
    bench::BenchSession,
    contents,
    evidence::{CallerReport, Outcome},
    exchange::{self, MadeUp, Receiving},
    probe::{
        self, Call,
        hops::{self, Look, MAX_WAYS, Way},
    },
    report::PathId,
    sighting,
    station::{SessionEvent, Shared, with_port},
    wire_view,
    witness::{Flow, Role, Witness},
};

/// Questions of one session that are worked on at one time. More wait.
const AT_ONCE: usize = 16;

/// Longest silence before a session is given up, while nothing is worked on.
const IDLE: Duration = Duration::from_secs(60);

/// How much earlier than the asker says something may have happened here.
const SLACK: Duration = Duration::from_millis(250);

/// Longest wait for a sighting.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Answers until the other side is done, or this station stops.
pub(crate) async fn serve(session: Session, shared: &Arc<Shared>) -> Result<(), SessionError> {
    let Session {
        mut channel,
        theirs,
        ..
    } = session;
    let (remote, via) = (plain(channel.carrier.remote), channel.carrier.via);
    tracing::info!(%remote, host = ?theirs.host, version = ?theirs.software, "check session");
    shared.tell(SessionEvent::Began {
        remote,
        via,
        host: theirs.host,
        version: theirs.software,
    });
    let (out, queue) = mpsc::channel(AT_ONCE);
    let mut writing = tokio::spawn(write(channel.writer, queue));
    let answerer = Arc::new(Answerer {
        shared: Arc::clone(shared),
        carrier: channel.carrier,
        peer: theirs.peer,
        made_up: Mutex::default(),
        bench: Mutex::default(),
        out,
    });
    let mut work = JoinSet::new();
    let result = loop {
        while work.len() >= AT_ONCE {
            drop(work.join_next().await);
        }
        let message = tokio::select! {
            message = timeout(IDLE, channel.reader.next()) => message,
            () = shared.door.stop.cancelled() => {
                let why = Refusal::Stopping;
                drop(answerer.out.send(Message::Refused { why }).await);
                break Ok(());
            }
            // What is done goes, so that only what is under way counts.
            Some(_) = work.join_next() => continue,
        };
        let Ok(message) = message else {
            if work.is_empty() {
                break Err(SessionError::TimedOut);
            }
            continue;
        };
        match message {
            Ok(Message::Ask { id, ask }) => {
                let answerer = Arc::clone(&answerer);
                work.spawn(async move { answerer.work(id, ask).await });
            }
            Ok(Message::Bye) => break Ok(()),
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    work.shutdown().await;
    // With it goes what was made up for this session.
    drop(answerer);
    // The writer ends once its queue is empty, unless the other side does not read.
    if timeout(Duration::from_secs(1), &mut writing).await.is_err() {
        writing.abort();
    }
    tracing::info!(%remote, "check session ended");
    shared.tell(SessionEvent::Ended { remote });
    result
}

async fn write(mut writer: Writer, mut queue: mpsc::Receiver<Message>) {
    while let Some(message) = queue.recv().await {
        if let Err(error) = writer.send(&message).await {
            tracing::debug!(%error, "the check session can not be written to");
            return;
        }
    }
    writer.close().await;
}

struct Answerer {
    shared: Arc<Shared>,
    carrier: Carrier,
    /// The asker's peer id.
    peer: String,
    /// What is shared for this session.
    made_up: Mutex<Vec<MadeUp>>,
    /// What serves its benchmarks, once it has asked for one.
    bench: Mutex<Option<Arc<dyn BenchSession>>>,
    out: mpsc::Sender<Message>,
}

impl Answerer {
    async fn work(&self, id: u64, ask: Ask) {
        let reply = self.answer(id, ask).await.unwrap_or_else(|why| {
            tracing::info!(remote = %self.carrier.remote, %why, "declined");
            self.shared.tell(SessionEvent::Declined {
                remote: self.remote(),
                why: why.clone(),
            });
            Reply::Refused { why }
        });
        // Without a writer the session is over.
        drop(self.out.send(Message::Reply { id, reply }).await);
    }

    async fn answer(&self, id: u64, ask: Ask) -> Result<Reply, Refusal> {
        match ask {
            Ask::Echo { padding } => Ok(Reply::Echo { padding }),
            Ask::Probe { path, port } => self.probe(&path, port).await,
            Ask::Called {
                path,
                port,
                since_ms,
            } => self.called(&path, port, since_ms),
            Ask::Seen {
                path,
                from,
                port,
                since_ms,
            } => self.seen(&path, &from, port, since_ms).await,
            Ask::Trace { ways } => self.trace(&ways).await,
            Ask::Sighting { peer, wait_ms } => {
                let wait = Duration::from_millis(wait_ms).min(LONGEST_WAIT);
                let shared = Arc::clone(&self.shared);
                self.shared
                    .door
                    .spawn(async move { sighting::show(&shared).await });
                let (seen, waited) = sighting::wait_for(&self.shared, &peer, wait).await;
                let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                Ok(Reply::Sighting { seen, waited_ms })
            }
            Ask::Contents => Ok(contents::all(&self.shared).await),
            Ask::Hashes {
                content,
                first,
                count,
            } => contents::hashes(&self.shared, content, first, count).await,
            Ask::Prepare { length } => self.prepare(length).await,
            Ask::Receive {
                offer,
                dial,
                patience_ms,
            } => {
                self.receive(id, offer, dial, Duration::from_millis(patience_ms))
                    .await
            }
            Ask::Dial { content, port } => {
                let to = self.asker_at(PathId::Tcp7680, port)?;
                self.shared
                    .peer
                    .dial(dolab_content::ContentId(content.0), to)
                    .await;
                Ok(Reply::Dialling)
            }
            Ask::Bench { body } => {
                let bench = self.bench()?;
                let body = bench.answer(body).await?;
                Ok(Reply::Bench { body })
            }
            Ask::Unknown | _ => Err(Refusal::Unsupported),
        }
    }

    fn bench(&self) -> Result<Arc<dyn BenchSession>, Refusal> {
        let service = self.shared.config.bench.as_ref();
        let service = service.ok_or(Refusal::NoBench)?;
        let mut bench = self.bench.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bench) = &*bench {
            return Ok(Arc::clone(bench));
        }
        let opened = service.open(self.carrier.remote)?;
        Ok(Arc::clone(bench.insert(opened)))
    }

    async fn probe(&self, path: &str, port: u16) -> Result<Reply, Refusal> {
        let path = path_named(path)?;
        if path == PathId::Udp5353 {
            return Err(Refusal::Unsupported);
        }
        let to = self.asker_at(path, port)?;
        self.admit(Deed::Probe)?;
        let from = self.shared.source(to, Some(self.carrier.local));
        let call = Call {
            path,
            to,
            from,
            patience: probe::PATIENCE,
        };
        let mine = Mine {
            role: dolab_wire::session::Role::Asker,
            key: self.shared.key(),
            call: None,
        };
        let probed = probe::probe(call, &mine, &self.shared.tls).await;
        self.shared.tell(SessionEvent::Probed {
            remote: self.remote(),
            path,
            open: probed.saw.outcome == Outcome::Open,
        });
        if let Some(reached) = probed.reached {
            self.shared.door.spawn(reached.bye());
        }
        let witness = wire_view::of_caller(&self.shared.witness, path, &probed.saw, probed.began);
        Ok(Reply::Probed {
            evidence: to_json(&CallerReport {
                saw: probed.saw,
                witness,
            })?,
        })
    }

    async fn seen(
        &self,
        path: &str,
        from: &[SocketAddr],
        port: u16,
        since_ms: u64,
    ) -> Result<Reply, Refusal> {
        let path = path_named(path)?;
        let since = ago(&self.shared.witness, since_ms)?;
        let remote = self.carrier.remote.ip();
        let mut evidence =
            wire_view::of_callee(&self.shared, path, (remote, &self.peer), from, port, since);
        wire_view::add_rules(&mut evidence, path, port, remote).await;
        Ok(Reply::Seen {
            evidence: to_json(&evidence)?,
        })
    }

    /// What crossed this host's wire of its own calls to the asker.
    fn called(&self, path: &str, port: u16, since_ms: u64) -> Result<Reply, Refusal> {
        let path = path_named(path)?;
        let remote = self.carrier.remote.ip().to_canonical();
        let flow = Flow {
            path,
            port,
            remote,
            role: Role::Caller,
        };
        let witness = &self.shared.witness;
        let evidence = wire_view::look(witness, &flow, ago(witness, since_ms)?);
        Ok(Reply::Called {
            evidence: to_json(&evidence)?,
            announced: self.shared.has_announced_for(sighting::TO_BE_SEEN),
        })
    }

    /// Looks at the way to the asker, and to nobody else.
    async fn trace(&self, ways: &[TraceWay]) -> Result<Reply, Refusal> {
        let invalid = |why: &str| Refusal::Invalid { why: why.into() };
        if ways.len() > MAX_WAYS {
            return Err(invalid("too many ways"));
        }
        let ways = ways.iter().map(|way| {
            let path = path_named(&way.path)?;
            match way.answers_from {
                None => drop(self.asker_at(path, way.port)?),
                // From a port of this host's own to one that the asker called from.
                Some(port) if port == path.port() || Some(port) == self.shared.port(path) => {}
                Some(port) => return Err(Refusal::Port { port }),
            }
            Ok(Way {
                protocol: path.protocol(),
                port: way.port,
                answers_from: way.answers_from,
            })
        });
        let ways = ways.collect::<Result<Vec<_>, _>>()?;
        self.admit(Deed::Probe)?;
        let to = plain(self.carrier.remote);
        let look = Look {
            to: to.ip(),
            from: self.shared.source(to, Some(self.carrier.local)),
            ways,
        };
        let traces = hops::look(look).await;
        Ok(Reply::Traced {
            traces: traces.iter().map(to_json).collect::<Result<_, _>>()?,
        })
    }

    async fn prepare(&self, length: u64) -> Result<Reply, Refusal> {
        self.check_length(length)?;
        self.admit(Deed::Exchange)?;
        let made = exchange::make_up(&self.shared, length)
            .await
            .map_err(|why| Refusal::Failed { why })?;
        let offer = made.offer.clone();
        self.made_up
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(made);
        Ok(Reply::Offered { offer })
    }

    async fn receive(
        &self,
        id: u64,
        offer: Offer,
        dial: Option<u16>,
        patience: Duration,
    ) -> Result<Reply, Refusal> {
        self.check_length(offer.length)?;
        self.admit(Deed::Exchange)?;
        let dial = dial
            .map(|port| self.asker_at(PathId::Tcp7680, port))
            .transpose()?;
        let invalid = |why| Refusal::Invalid { why };
        let receiving = Receiving::start(&self.shared, &offer)
            .await
            .map_err(invalid)?;
        // Says that a connection for the content is welcome now.
        drop(self.out.send(Message::Progress { id, bytes: 0 }).await);
        if let Some(addr) = dial {
            receiving.dial(addr).await;
        }
        let patience = patience.clamp(Duration::from_millis(500), Duration::from_secs(60));
        let told = |bytes| {
            // Progress that finds no room is not worth waiting for.
            drop(self.out.try_send(Message::Progress { id, bytes }));
        };
        let received = receiving.finish(patience, told).await;
        self.shared.tell(SessionEvent::Received {
            remote: self.remote(),
            bytes: received.moved,
            end: received.end.clone(),
        });
        let result = received.into_result().await;
        Ok(Reply::Received {
            result: result.map_err(|why| Refusal::Failed { why })?,
        })
    }

    fn remote(&self) -> SocketAddr {
        plain(self.carrier.remote)
    }

    fn check_length(&self, length: u64) -> Result<(), Refusal> {
        let max = self.shared.door.meter.limits().exchange_len;
        if length > max {
            Err(Refusal::TooLarge { max })
        } else {
            Ok(())
        }
    }

    /// The address that asks, with a port that it may have called.
    fn asker_at(&self, path: PathId, port: u16) -> Result<SocketAddr, Refusal> {
        let asker = self.carrier.remote;
        if !limits::port_allowed(path, port, self.shared.port(path), asker.ip()) {
            return Err(Refusal::Port { port });
        }
        Ok(with_port(plain(asker), port))
    }

    fn admit(&self, deed: Deed) -> Result<(), Refusal> {
        self.shared
            .door
            .meter
            .admit(deed, self.carrier.remote.ip(), Instant::now())
    }
}

/// An IPv4 address as one, also when it came over a dual-stack socket. Scopes are kept.
pub(crate) fn plain(addr: SocketAddr) -> SocketAddr {
    if addr.ip().to_canonical().is_ipv4() {
        SocketAddr::new(addr.ip().to_canonical(), addr.port())
    } else {
        addr
    }
}

/// A moment that the asker counted from its own. The question took time to come, and so did what
/// it is about: a little is not worth losing a packet for.
fn ago(witness: &Witness, since_ms: u64) -> Result<Instant, Refusal> {
    let since = Instant::now().checked_sub(Duration::from_millis(since_ms));
    since
        .map(|since| witness.earlier(since, SLACK))
        .ok_or_else(|| Refusal::Invalid {
            why: "too long ago".into(),
        })
}

/// The path of this name.
pub(crate) fn path_named(name: &str) -> Result<PathId, Refusal> {
    let found = PathId::ALL
        .into_iter()
        .find(|path| path.to_string() == name);
    found.ok_or(Refusal::Unsupported)
}

fn to_json(evidence: &impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(evidence).map_err(|error| Refusal::Failed {
        why: error.to_string(),
    })
}
