//! The task that runs the engine. It never waits for anything but its inputs and its clock.

mod origin;
mod outputs;

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use dolab_content::{ContentId, PieceMap};
use dolab_engine::{CandidateReport, Command, ConnId, DialFailure, Engine, Input, Limits};
use dolab_http::Client;
use dolab_wire::{
    PeerType, WireError,
    swarm::{Handshake, PeerId},
};
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::AbortHandle,
};
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use origin::Fetching;

use crate::{
    AddError, ConnectionView, ContentView, Event, Snapshot, SocketOptions, Stream, TransferError,
    conn::{Conn, Meter, Order, Outbox},
    counters::Counters,
    data::{Hashers, Pool},
    net::{Gauge, canonical},
    shared::{Content, Report, Reports},
    throttle::Throttle,
};

/// Orders that may wait for a connection's reading half. It takes them whenever it is not in the
/// middle of a body, and the engine gives one for each body and each piece it abandons.
const MAX_ORDERS: usize = 1024;

/// How long the connections may take to end in order once the peer is stopped.
const STOP_PATIENCE: Duration = Duration::from_secs(4);

/// What a [`Peer`](crate::Peer) asks of its actor.
pub(crate) enum Ask {
    Add {
        content: Arc<Content>,
        have: PieceMap,
        reply: oneshot::Sender<Result<(), AddError>>,
    },
    Remove(ContentId),
    Candidate(ContentId, SocketAddr, PeerType),
    Candidates(ContentId, oneshot::Sender<Vec<CandidateReport>>),
    Limit(Limits),
    Dial(ContentId, SocketAddr),
    /// Take a stream to this address for a connection that was dialled.
    Adopt(ContentId, SocketAddr, Stream),
    Contents(oneshot::Sender<Vec<ContentView>>),
    Snapshot(oneshot::Sender<Snapshot>),
    Stop,
}

/// What the actor works with.
pub(crate) struct Tools {
    pub(crate) reports: Reports,
    pub(crate) downloads: Arc<Pool>,
    pub(crate) uploads: Arc<Pool>,
    pub(crate) hashers: Arc<Hashers>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) sockets: SocketOptions,
    pub(crate) allow_public: bool,
    pub(crate) dial_timeout: Duration,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) http: Client,
}

pub(crate) struct Actor {
    engine: Engine,
    began: Instant,
    tools: Tools,
    tasks: TaskTracker,
    contents: BTreeMap<ContentId, Arc<Content>>,
    links: BTreeMap<ConnId, Link>,
    dials: BTreeMap<ConnId, Dial>,
    /// Requests over HTTP.
    fetches: BTreeMap<ConnId, Fetching>,
    /// A connection that stands, while the engine is told to dial it.
    adopted: Option<(SocketAddr, Stream)>,
    accepted: u64,
    /// Inputs that came up while outputs were carried out.
    pending: VecDeque<Input>,
    /// Tasks of connections that are ending in order.
    ending: Vec<AbortHandle>,
}

/// A connection that stands.
struct Link {
    remote: SocketAddr,
    local: Option<SocketAddr>,
    began: Instant,
    peer: Option<PeerId>,
    outbox: Arc<Outbox>,
    orders: mpsc::Sender<Order>,
    content: Arc<OnceLock<Arc<Content>>>,
    meter: Arc<Meter>,
    gauge: Gauge,
    task: AbortHandle,
}

struct Dial {
    addr: SocketAddr,
    task: AbortHandle,
}

impl Actor {
    pub(crate) fn new(engine: Engine, tools: Tools, subnets: Vec<(IpAddr, u8)>) -> Self {
        Self {
            pending: [Input::Command(Command::Subnets(subnets))].into(),
            engine,
            began: Instant::now(),
            tools,
            tasks: TaskTracker::new(),
            contents: BTreeMap::new(),
            links: BTreeMap::new(),
            dials: BTreeMap::new(),
            adopted: None,
            accepted: 0,
            fetches: BTreeMap::new(),
            ending: Vec::new(),
        }
    }

    /// Runs until it is asked to stop or nobody is left who could ask.
    pub(crate) async fn run(
        mut self,
        mut asks: mpsc::Receiver<Ask>,
        mut reports: mpsc::Receiver<Report>,
    ) {
        loop {
            let wake = self
                .engine
                .poll_timeout()
                .map(|(at, _)| self.began + Duration::from_nanos(at.0));
            tokio::select! {
                ask = asks.recv() => match ask {
                    None | Some(Ask::Stop) => break,
                    Some(ask) => self.answer(ask),
                },
                Some(report) = reports.recv() => self.take(report),
                () = sleep_until(wake) => self.handle(Input::Timeout),
            }
        }
        drop(reports);
        self.stop().await;
    }

    async fn stop(mut self) {
        self.handle(Input::Command(Command::Stop));
        for content in std::mem::take(&mut self.contents).into_values() {
            if let Some(tally) = &content.tally {
                tally.end(Err(TransferError::Stopped));
            }
        }
        self.tasks.close();
        if tokio::time::timeout(STOP_PATIENCE, self.tasks.wait())
            .await
            .is_err()
        {
            let links = self.links.values().map(|link| &link.task);
            links.chain(&self.ending).for_each(AbortHandle::abort);
            // What still runs now is a thread that a disk holds up, not a task of ours.
            drop(tokio::time::timeout(Duration::from_secs(1), self.tasks.wait()).await);
        }
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Add {
                content,
                have,
                reply,
            } => drop(reply.send(self.add(content, have))),
            Ask::Remove(content) => {
                if let Some(gone) = self.contents.remove(&content) {
                    self.handle(Input::Command(Command::Remove { content }));
                    if let Some(tally) = &gone.tally {
                        tally.end(Err(TransferError::Removed));
                    }
                }
            }
            // The content may have been removed a moment ago.
            Ask::Candidate(content, addr, kind) if self.contents.contains_key(&content) => {
                self.handle(Input::Command(Command::Candidate {
                    content,
                    addr: canonical(addr),
                    kind,
                }));
            }
            Ask::Candidates(content, reply) => {
                drop(reply.send(self.engine.candidates(&content).collect()));
            }
            Ask::Limit(limits) => self.handle(Input::Command(Command::Limits(limits))),
            Ask::Dial(content, addr) if self.contents.contains_key(&content) => {
                self.handle(Input::Command(Command::Dial {
                    content,
                    addr: canonical(addr),
                }));
            }
            Ask::Adopt(content, addr, stream) if self.contents.contains_key(&content) => {
                self.adopt(content, addr, stream);
            }
            Ask::Candidate(..) | Ask::Dial(..) | Ask::Adopt(..) | Ask::Stop => {}
            Ask::Contents(reply) => drop(reply.send(self.views())),
            Ask::Snapshot(reply) => drop(reply.send(self.snapshot())),
        }
    }

    fn add(&mut self, content: Arc<Content>, have: PieceMap) -> Result<(), AddError> {
        let (id, layout) = (content.id, content.layout);
        if have.pieces() != layout.pieces() {
            return Err(AddError::MapMismatch {
                map: have.pieces(),
                pieces: layout.pieces(),
            });
        }
        if self.contents.contains_key(&id) {
            return Err(AddError::Known(id));
        }
        let share = content.source.is_some();
        if have.is_full()
            && let Some(tally) = &content.tally
        {
            tally.end(Ok(()));
        }
        self.contents.insert(id, content);
        self.handle(Input::Command(Command::Add {
            content: id,
            layout,
            have,
            share,
        }));
        self.mix(id);
        Ok(())
    }

    /// Lets the engine dial, and hands it the connection that stands.
    fn adopt(&mut self, content: ContentId, addr: SocketAddr, stream: Stream) {
        self.adopted = Some((addr, stream));
        self.handle(Input::Command(Command::Dial { content, addr }));
        // The engine may have had no room for it.
        self.adopted = None;
    }

    fn views(&self) -> Vec<ContentView> {
        let view = |content: &Arc<Content>| ContentView {
            traffic: self.traffic(content.id),
            offered: self
                .engine
                .content(&content.id)
                .map_or(0, |report| report.offered),
            fetches: self.fetches_of(content.id),
            id: content.id,
            name: content.name.clone(),
            hashes: content.hashes.clone(),
            have: match &content.tally {
                Some(tally) => tally.pieces(),
                None => content.layout.pieces(),
            },
            shared: content.source.is_some(),
        };
        self.contents.values().map(view).collect()
    }

    fn snapshot(&self) -> Snapshot {
        let view = |exchange: dolab_engine::ConnectionReport| {
            let link = self.links.get(&exchange.conn);
            let (received, sent) = link.map_or((0, 0), |link| link.meter.totals());
            ConnectionView {
                local: link.and_then(|link| link.local),
                age: link.map_or(Duration::ZERO, |link| link.began.elapsed()),
                received,
                sent,
                waits_for_buffer: link.is_some_and(|link| link.meter.starved()),
                tcp: link.and_then(|link| link.gauge.read()),
                exchange,
            }
        };
        Snapshot {
            connections: self.engine.connections().map(view).collect(),
            counts: self.tools.counters.read(),
            engine: *self.engine.counters(),
            memory: self.tools.downloads.used(),
            upload_memory: self.tools.uploads.used(),
            background: self.tools.throttle.view(),
            limits: self.engine.limits(),
            http: self.tools.http.wire_bytes(),
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Greeted {
                stream,
                remote,
                greeting,
            } => self.accept(stream, remote, greeting),
            Report::Dialled { conn, result } => self.dialled(conn, result),
            Report::Conn { conn, input } => {
                if !self.links.contains_key(&conn) {
                    return;
                }
                if let Input::Handshake { handshake, .. } = &input {
                    self.joined(conn, handshake.peer);
                }
                if let Input::Malformed { error, .. } = &input {
                    self.malformed(conn, error);
                }
                if let Input::Closed { .. } | Input::Malformed { .. } = &input {
                    self.links.remove(&conn);
                }
                self.handle(input);
            }
            #[cfg(target_os = "linux")]
            Report::BodiesSent { conn, bodies } => {
                for _ in 0..bodies {
                    if self.links.contains_key(&conn) {
                        self.handle(Input::BodySent { conn });
                    }
                }
            }
            Report::Origin { fetch, input } => self.origin_told(fetch, input),
            Report::Piece {
                conn,
                content,
                index: piece,
                outcome,
                error,
            } => {
                if let Some(error) = error {
                    warn!(target: "dolab_peer", %content, piece, %error, "a piece could not be kept");
                    let error = Arc::new(error);
                    if let Some(tally) =
                        self.contents.get(&content).and_then(|it| it.tally.as_ref())
                    {
                        tally.end(Err(TransferError::Store {
                            piece,
                            error: error.clone(),
                        }));
                    }
                    self.tell(Event::StoreFailed {
                        content,
                        piece,
                        error,
                    });
                }
                self.handle(Input::PieceDone {
                    conn,
                    content,
                    piece,
                    outcome,
                });
            }
            Report::SourceFailed {
                conn,
                input,
                content,
                error,
            } => {
                warn!(target: "dolab_peer", %content, %error, "a shared content could not be read");
                self.tell(Event::SourceFailed {
                    content,
                    conn,
                    error: Arc::new(error),
                });
                if self.links.remove(&conn).is_some() {
                    self.handle(input);
                }
            }
        }
    }

    fn accept(
        &mut self,
        stream: Stream,
        remote: SocketAddr,
        greeting: Result<Handshake, WireError>,
    ) {
        let conn = ConnId::accepted(self.accepted);
        self.accepted += 1;
        match greeting {
            Ok(handshake) => {
                self.link(conn, stream, remote);
                self.handle(Input::Accepted { conn, remote });
                if self.links.contains_key(&conn) {
                    self.joined(conn, handshake.peer);
                    self.handle(Input::Handshake { conn, handshake });
                }
            }
            Err(error) => {
                self.tools.counters.malformed(&error);
                drop(stream);
                self.handle(Input::Accepted { conn, remote });
                self.handle(Input::Malformed { conn, error });
            }
        }
    }

    fn dialled(&mut self, conn: ConnId, result: Result<Stream, DialFailure>) {
        // The engine may have lost interest.
        let Some(dial) = self.dials.remove(&conn) else {
            return;
        };
        match result {
            Ok(stream) => {
                self.link(conn, stream, dial.addr);
                self.handle(Input::Connected { conn });
            }
            Err(why) => self.handle(Input::DialFailed { conn, why }),
        }
    }

    /// Starts the task of a connection.
    pub(super) fn link(&mut self, conn: ConnId, stream: Stream, remote: SocketAddr) {
        let (orders, taken) = mpsc::channel(MAX_ORDERS);
        let (local, gauge) = (stream.local(), stream.gauge());
        let outbox = Arc::new(Outbox::default());
        let content = Arc::new(OnceLock::new());
        let meter = Arc::new(Meter::default());
        let task = Conn {
            conn,
            remote,
            stream,
            orders: taken,
            outbox: outbox.clone(),
            content: content.clone(),
            meter: meter.clone(),
            reports: self.tools.reports.clone(),
            downloads: self.tools.downloads.clone(),
            uploads: self.tools.uploads.clone(),
            hashers: self.tools.hashers.clone(),
        };
        let task = self.tasks.spawn(task.run()).abort_handle();
        let began = Instant::now();
        let link = Link {
            remote,
            local,
            began,
            peer: None,
            outbox,
            orders,
            content,
            meter,
            gauge,
            task,
        };
        self.links.insert(conn, link);
    }

    fn joined(&mut self, conn: ConnId, peer: PeerId) {
        if let Some(link) = self.links.get_mut(&conn) {
            link.peer = Some(peer);
        }
    }

    fn malformed(&self, conn: ConnId, error: &WireError) {
        self.tools.counters.malformed(error);
        let remote = self.links.get(&conn).map(|link| link.remote);
        info!(target: "dolab_peer", %conn, ?remote, %error, code = %error.do_code(), "the peer sent bytes that are no message");
    }

    /// Tells the engine, and carries out what it says, until both are done.
    fn handle(&mut self, input: Input) {
        self.pending.push_back(input);
        while let Some(input) = self.pending.pop_front() {
            let now = dolab_engine::Instant(self.began.elapsed().as_nanos() as u64);
            if let Err(misuse) = self.engine.handle(now, input) {
                // A mistake of this crate, never of a peer.
                error!(target: "dolab_peer", %misuse, "the engine was misused");
                debug_assert!(false, "the engine was misused: {misuse}");
            }
            while let Some(output) = self.engine.poll_output() {
                self.carry_out(output);
            }
        }
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}
