use std::{io, net::SocketAddr, sync::Arc};

use dolab_content::{ContentId, PieceMap, PiecesHashFile, Sink, Source};
use dolab_engine::{CandidateReport, Engine, Limits, Rules};
use dolab_host::{Transport, port_holder};
use dolab_http::{Client, ClientConfig};
use dolab_wire::{PeerType, Priority, swarm::PeerId};
use tokio::{
    net::TcpListener,
    sync::{Mutex, broadcast, mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    AddError, Background, ContentView, Event, FarEnd, Measurement, Pacer, PeerConfig, Snapshot,
    Sources, StartError, Stream, TcpInfo, Transfer,
    actor::{Actor, Ask, Tools},
    counters::Counters,
    data::{Hashers, Pool},
    greet::{self, Gate},
    net::{self, canonical},
    origin::Target,
    shared::{Content, Reports},
    throttle::Throttle,
    transfer::Tally,
};

/// Reports of all connections that may wait for the engine.
const MAX_REPORTS: usize = 512;

/// Events that a subscriber may be behind.
const MAX_EVENTS: usize = 1024;

/// A Delivery Optimization peer that runs. Clones are handles of the same one; it stops when it is
/// told to, or when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Peer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: PeerId,
    local: Vec<SocketAddr>,
    asks: mpsc::Sender<Ask>,
    events: broadcast::Sender<Event>,
    gate: Arc<Gate>,
    /// The rate of everything that is fetched in the background.
    throttle: Arc<Throttle>,
    /// Ends the listeners.
    accepting: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// A content to be shared: the user named it, and all of it is there.
pub struct Shared {
    /// A name for people, such as the file's.
    pub name: String,
    /// Its piece hashes.
    pub hashes: Arc<PiecesHashFile>,
    /// Its bytes.
    pub source: Arc<dyn Source>,
}

/// A content to be fetched.
pub struct Download {
    /// A name for people, such as the file's.
    pub name: String,
    /// Its piece hashes.
    pub hashes: Arc<PiecesHashFile>,
    /// Pieces that are there already.
    pub have: PieceMap,
    /// Where verified pieces go.
    pub sink: Arc<dyn Sink>,
    /// Where the pieces that are there can be read, to send them on; `None` to take only.
    pub source: Option<Arc<dyn Source>>,
    /// Whether it may be in the way of other traffic: in the background it takes what nobody else
    /// wants (see [`dolab_engine::ledbat`], Linux only; HTTP sources are read as they come
    /// elsewhere).
    pub priority: Priority,
    /// Where else it may be had; `None` for peers only.
    pub sources: Option<Sources>,
}

impl Peer {
    /// Starts listening. Nothing is shared or fetched yet. Has to be called inside a tokio runtime.
    ///
    /// # Errors
    /// When an address can not be listened on, or the system refuses what a peer needs.
    pub async fn start(config: PeerConfig) -> Result<Self, StartError> {
        net::try_options(&config.sockets).map_err(StartError::SocketOption)?;
        let mut listeners = Vec::new();
        for &addr in &config.listen {
            match net::listen(addr, &config.sockets) {
                Ok(bound) => listeners.extend(bound),
                Err(error) => return Err(refused(addr, error).await),
            }
        }
        let local: Result<Vec<_>, _> = listeners
            .iter()
            .map(TcpListener::local_addr)
            .map(|addr| addr.map(canonical))
            .collect();
        let local = local.map_err(StartError::SocketOption)?;

        let (reports, reported) = mpsc::channel(MAX_REPORTS);
        let reports = Reports(reports);
        let hashers = Hashers::start(config.hash_threads, &reports).map_err(StartError::Thread)?;
        let counters = Arc::new(Counters::default());
        let (events, _) = broadcast::channel(MAX_EVENTS);
        let (asks, asked) = mpsc::channel(64);
        let throttle = Throttle::new();
        let tools = Tools {
            throttle: throttle.clone(),
            reports: reports.clone(),
            downloads: Pool::new(config.memory.max(4 << 20)),
            uploads: Pool::new(config.upload_memory.max(1 << 20)),
            hashers: Arc::new(hashers),
            counters: counters.clone(),
            events: events.clone(),
            sockets: config.sockets,
            allow_public: config.allow_public,
            dial_timeout: config.dial_timeout,
            http: Client::new(ClientConfig {
                allow_public: config.allow_public,
                ..config.http
            }),
        };
        let engine = Engine::new(config.engine, config.id, config.seed);
        let accepting = CancellationToken::new();
        let mut tasks = vec![tokio::spawn({
            let actor = Actor::new(engine, tools, config.subnets);
            let accepting = accepting.clone();
            async move {
                actor.run(asked, reported).await;
                accepting.cancel();
            }
        })];
        let gate = Arc::new(Gate {
            allow_public: config.allow_public,
            foreign: config.foreign,
            reports,
            counters,
            events: events.clone(),
        });
        for listener in listeners {
            tasks.push(tokio::spawn(greet::serve(
                listener,
                gate.clone(),
                accepting.clone(),
            )));
        }
        let tasks = Mutex::new(tasks);
        let inner = Inner {
            id: config.id,
            local,
            asks,
            events,
            gate,
            throttle,
            accepting,
            tasks,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// This device's identity.
    pub fn id(&self) -> PeerId {
        self.inner.id
    }

    /// Where it listens, with the ports that the system chose.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.inner.local
    }

    /// Shares a content.
    ///
    /// # Errors
    /// When it is there already, or the peer was stopped.
    pub async fn share(&self, shared: Shared) -> Result<ContentId, AddError> {
        self.share_among(shared, PeerType::Lan).await
    }

    /// The same, where a peer that nobody offered and that is in no subnet of ours counts as this:
    /// see [`Rules::strangers`].
    ///
    /// # Errors
    /// As [`Self::share`].
    pub async fn share_among(
        &self,
        shared: Shared,
        strangers: PeerType,
    ) -> Result<ContentId, AddError> {
        let Shared {
            name,
            hashes,
            source,
        } = shared;
        let have = PieceMap::full(hashes.layout().pieces());
        let rules = Rules {
            strangers,
            ..Rules::new(Priority::Foreground)
        };
        let content =
            Content::new(name, hashes, Some(source), None, None).sourced(Vec::new(), Some(rules));
        let id = content.id;
        self.add(content, have).await?;
        Ok(id)
    }

    /// Begins to fetch a content. It goes on as peers are found: see [`Peer::candidate`].
    ///
    /// # Errors
    /// When it is there already, the map does not fit it, or the peer was stopped.
    pub async fn download(&self, download: Download) -> Result<Transfer, AddError> {
        self.measure(download, Measurement::default()).await
    }

    /// As [`Self::download`], for a benchmark.
    ///
    /// # Errors
    /// As [`Self::download`].
    pub async fn measure(
        &self,
        download: Download,
        measurement: Measurement,
    ) -> Result<Transfer, AddError> {
        let Download {
            name,
            hashes,
            have,
            sink,
            source,
            priority,
            sources,
        } = download;
        let with_peers = sources.as_ref().is_none_or(|it| it.rules.peers);
        if priority == Priority::Background && with_peers && !TcpInfo::is_known() {
            return Err(AddError::NoBackground);
        }
        let targets = sources.as_ref().map(Target::all).transpose()?;
        let rules = sources.map(|it| Rules {
            priority,
            ..it.rules
        });
        let layout = hashes.layout();
        let bytes = have
            .iter()
            .filter_map(|piece| layout.piece_len(piece))
            .map(u64::from)
            .sum();
        let tally = Arc::new(Tally::new(layout, have.count(), bytes));
        let content = Content::new(name, hashes, source, Some(sink), Some(tally.clone()))
            .measured(measurement)
            .throttled(self.inner.throttle_for(priority))
            .sourced(targets.unwrap_or_default(), rules);
        let id = content.id;
        self.add(content, have).await?;
        Ok(Transfer::new(id, tally))
    }

    async fn add(&self, content: Content, have: PieceMap) -> Result<(), AddError> {
        let content = Arc::new(content);
        self.ask(|reply| Ask::Add {
            content,
            have,
            reply,
        })
        .await
        .unwrap_or(Err(AddError::Stopped))
    }

    /// Leaves a content's swarm. A transfer of it ends; what was kept stays.
    pub async fn remove(&self, content: ContentId) {
        self.say(Ask::Remove(content)).await;
    }

    /// Names a peer that may have a content which is being fetched. It is dialled, and dialled
    /// again, for as long as pieces are missing.
    pub async fn candidate(&self, content: ContentId, addr: SocketAddr) {
        self.offer(content, addr, PeerType::None).await;
    }

    /// As [`Self::candidate`], by somebody who knows what type of peer it is. A group peer in one
    /// of [`PeerConfig::subnets`] counts as a LAN peer all the same (documented).
    pub async fn offer(&self, content: ContentId, addr: SocketAddr, kind: PeerType) {
        self.say(Ask::Candidate(content, addr, kind)).await;
    }

    /// The peers that were named for a content and what came of each, those that never connected
    /// among them. Kept until the content is removed.
    pub async fn candidates(&self, content: ContentId) -> Vec<CandidateReport> {
        self.ask(|reply| Ask::Candidates(content, reply))
            .await
            .unwrap_or_default()
    }

    /// Binds the device from now on.
    pub async fn limit(&self, limits: Limits) {
        self.say(Ask::Limit(limits)).await;
    }

    /// Connects once to a peer for a content, whether pieces are missing or not: how a seed reaches
    /// a device that can not reach it.
    pub async fn dial(&self, content: ContentId, addr: SocketAddr) {
        self.say(Ask::Dial(content, addr)).await;
    }

    /// Takes over a connection that stands already, TCP or any other stream: as if the far end had
    /// come to the listener, or as if it had been dialled for a content, which [`FarEnd`] says.
    /// [`PeerConfig::allow_public`] does not matter. It is closed when this peer was stopped, when
    /// the engine has no room for it, and when it was made for a content that is not there.
    ///
    /// A stream that is no TCP connection carries the exchange and nothing else; and a content that
    /// is fetched in the background takes the least rate from it, since nobody knows its round trip.
    pub async fn attach(&self, stream: impl Into<Stream>, far_end: FarEnd) {
        let (stream, FarEnd { addr, asked_for }) = (stream.into(), far_end);
        if let Some(content) = asked_for {
            return self.say(Ask::Adopt(content, addr, stream)).await;
        }
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move {
            tokio::select! {
                () = greet::greet(stream, addr, &inner.gate) => {}
                () = inner.accepting.cancelled() => {}
            }
        });
    }

    /// What the user named, and how much of it is there. Empty once the peer was stopped.
    pub async fn contents(&self) -> Vec<ContentView> {
        self.ask(Ask::Contents).await.unwrap_or_default()
    }

    /// How the peer stands now; `None` once it was stopped.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        self.ask(Ask::Snapshot).await
    }

    /// How what is fetched in the background stands now; `None` while nothing is.
    pub fn background(&self) -> Option<Background> {
        self.inner.throttle.view()
    }

    /// How fast what is fetched over HTTP beside this peer is to be read, so that it is one of the
    /// device's background transfers. In the foreground, and where the kernel tells no round trips
    /// (anywhere but on Linux 5.4 or later), as fast as it comes.
    pub fn pacer(&self, priority: Priority) -> Pacer {
        Pacer::new(self.inner.throttle_for(priority))
    }

    /// What happens from now on. Who falls behind by more than 1024 events loses the oldest and
    /// learns how many.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// Stops: no new connections, those that stand are closed in order, and nothing runs any more
    /// when this returns, after about five seconds at the latest. A thread that a disk holds up is
    /// not waited for.
    pub async fn stop(&self) {
        self.inner.accepting.cancel();
        self.say(Ask::Stop).await;
        for task in self.inner.tasks.lock().await.drain(..) {
            drop(task.await);
        }
    }

    async fn say(&self, ask: Ask) {
        // A peer that was stopped has nothing to be told.
        drop(self.inner.asks.send(ask).await);
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.say(ask(reply)).await;
        answer.await.ok()
    }
}

impl Inner {
    fn throttle_for(&self, priority: Priority) -> Option<Arc<Throttle>> {
        let yields = priority == Priority::Background && TcpInfo::is_known();
        yields.then(|| self.throttle.clone())
    }
}

async fn refused(addr: SocketAddr, source: io::Error) -> StartError {
    if source.kind() == io::ErrorKind::AddrInUse {
        // It reads through all processes of the system.
        let holder = tokio::task::spawn_blocking(move || port_holder(Transport::Tcp, addr.port()));
        let holder = holder.await;
        return StartError::PortTaken {
            addr,
            holder: holder.ok().flatten(),
        };
    }
    if source.kind() == io::ErrorKind::PermissionDenied {
        return StartError::PermissionDenied { addr };
    }
    StartError::Listen { addr, source }
}
