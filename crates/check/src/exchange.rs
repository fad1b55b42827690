//! Content that is made up for a check and moved by the ordinary exchanger.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use dolab_content::{
    ContentId, Discard, Layout, PieceHasher, PieceMap, PiecesHashFile, Source, Synthetic,
    hash_source,
};
use dolab_engine::CloseReason;
use dolab_peer::{Download, Event, Peer, Priority, Transfer};
use dolab_wire::{
    session::{Digest, ExchangeResult, Offer},
    swarm::PIECE_SIZE,
};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{MissedTickBehavior, interval},
};

use crate::{
    evidence::{ExchangeEnd, NoWitness, Witnessed},
    session::opening::random,
    station::Shared,
};

/// How often progress is looked at.
const TICK: Duration = Duration::from_millis(100);

/// Removes a content from the peer when it is dropped.
struct Removal {
    shared: Arc<Shared>,
    content: ContentId,
}

impl Drop for Removal {
    fn drop(&mut self) {
        self.shared.made_up().remove(&self.content);
        let (peer, content) = (self.shared.peer.clone(), self.content);
        // Without a runtime there is no peer any more.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { peer.remove(content).await });
        }
    }
}

/// A content that is shared until this is dropped.
pub(crate) struct MadeUp {
    pub(crate) offer: Offer,
    removal: Removal,
}

impl MadeUp {
    pub(crate) fn content(&self) -> ContentId {
        self.removal.content
    }
}

/// Makes up a content and shares it. The error is in words for the other side.
pub(crate) async fn make_up(shared: &Arc<Shared>, length: u64) -> Result<MadeUp, String> {
    let layout = Layout::new(length, PIECE_SIZE).map_err(|error| error.to_string())?;
    if layout.pieces() > Offer::MAX_PIECES {
        return Err(format!("{length} bytes are too many for a check"));
    }
    let seed = u64::from_le_bytes(random());
    let source = Synthetic::new(seed, length);
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let hashing =
        tokio::task::spawn_blocking(move || hash_source(&source, layout, threads, &|_| ()));
    let hashes = hashing.await.map_err(|error| error.to_string())?;
    let hashes = Arc::new(hashes.map_err(|error| error.to_string())?);
    let content = hashes.id();
    // Hidden before it is there.
    shared.made_up().insert(content);
    let removal = Removal {
        shared: Arc::clone(shared),
        content,
    };
    let offer = Offer {
        id: Digest(content.0),
        length,
        piece_size: PIECE_SIZE,
        seed,
        hashes: (0..layout.pieces())
            .filter_map(|p| hashes.hash(p))
            .map(|h| Digest(*h))
            .collect(),
    };
    let name = format!("check-{seed:016x}");
    let made = dolab_peer::Shared {
        name,
        hashes,
        source: Arc::new(source),
    };
    shared
        .peer
        .share(made)
        .await
        .map_err(|error| error.to_string())?;
    Ok(MadeUp { offer, removal })
}

/// A content of the other side that is on its way.
pub(crate) struct Receiving {
    transfer: Transfer,
    events: broadcast::Receiver<Event>,
    hashes: Arc<PiecesHashFile>,
    seed: u64,
    began: Instant,
    removal: Removal,
}

/// How receiving ended.
pub(crate) struct Received {
    pub(crate) moved: u64,
    pub(crate) verified: u32,
    pub(crate) bad_pieces: u32,
    pub(crate) elapsed: Duration,
    pub(crate) end: ExchangeEnd,
    pub(crate) path_mtu: Option<u32>,
    hashes: Arc<PiecesHashFile>,
    seed: u64,
}

impl Receiving {
    /// Begins to fetch what is offered. The error is in words for the other side.
    pub(crate) async fn start(shared: &Arc<Shared>, offer: &Offer) -> Result<Self, String> {
        let layout =
            Layout::new(offer.length, offer.piece_size).map_err(|error| error.to_string())?;
        let hashes = offer.hashes.iter().map(|hash| hash.0).collect();
        let hashes = PiecesHashFile::from_hashes(layout, hashes).map_err(|e| e.to_string())?;
        if hashes.id().0 != offer.id.0 {
            return Err("the piece hashes are not those of the content".into());
        }
        let (content, hashes) = (hashes.id(), Arc::new(hashes));
        shared.made_up().insert(content);
        let removal = Removal {
            shared: Arc::clone(shared),
            content,
        };
        let events = shared.peer.subscribe();
        let download = Download {
            name: format!("check-{:016x}", offer.seed),
            hashes: Arc::clone(&hashes),
            have: PieceMap::empty(layout.pieces()),
            sink: Arc::new(Discard),
            source: None,
            priority: Priority::Foreground,
            sources: None,
        };
        let transfer = shared
            .peer
            .download(download)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self {
            transfer,
            events,
            hashes,
            seed: offer.seed,
            began: Instant::now(),
            removal,
        })
    }

    pub(crate) fn content(&self) -> ContentId {
        self.removal.content
    }

    /// Opens a connection for it; otherwise the other side has to.
    pub(crate) async fn dial(&self, addr: SocketAddr) {
        self.removal
            .shared
            .peer
            .candidate(self.content(), addr)
            .await;
    }

    /// Waits for the end: all of it, or the first thing that goes wrong, or no byte for `patience`.
    pub(crate) async fn finish(mut self, patience: Duration, told: impl Fn(u64)) -> Received {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut last_bytes, mut last_change) = (0, Instant::now());
        let mut connected = false;
        let (mut took, mut path_mtu) = (None, None);
        let end = loop {
            tokio::select! {
                biased;
                finished = self.transfer.finished() => break match finished {
                    Ok(report) => {
                        took = Some(report.elapsed);
                        ExchangeEnd::Complete
                    }
                    Err(error) => ExchangeEnd::HostFailed { why: error.to_string() },
                },
                event = self.events.recv() => {
                    if let Some(end) = self.judge(event, &mut connected) {
                        break end;
                    }
                }
                _ = ticks.tick() => {
                    let now = traffic(&self.removal.shared.peer, self.content()).await;
                    path_mtu = now.path_mtu.or(path_mtu);
                    if now.received > last_bytes {
                        (last_bytes, last_change) = (now.received, Instant::now());
                        connected = true;
                    }
                    told(self.transfer.progress().bytes);
                    let silent = last_change.elapsed();
                    if silent >= patience {
                        break match connected {
                            true => ExchangeEnd::Stalled { after: silent },
                            false => ExchangeEnd::NoConnection,
                        };
                    }
                }
            }
        };
        let elapsed = took.unwrap_or_else(|| self.began.elapsed());
        let progress = self.transfer.progress();
        Received {
            moved: progress.bytes,
            verified: progress.pieces,
            bad_pieces: progress
                .senders
                .iter()
                .map(|sender| sender.bad_pieces)
                .sum(),
            elapsed,
            end,
            path_mtu,
            hashes: self.hashes,
            seed: self.seed,
        }
    }

    /// What an event of the peer means for this content.
    fn judge(&self, event: Result<Event, RecvError>, connected: &mut bool) -> Option<ExchangeEnd> {
        let Ok(Event::Exchange(event)) = event else {
            return None;
        };
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the others do not end anything"
        )]
        match event {
            dolab_engine::Event::PeerJoined { content, .. } if content == self.content() => {
                *connected = true;
                None
            }
            dolab_engine::Event::PeerLeft {
                content: Some(content),
                why,
                ..
            } if content == self.content() => ended_by(why),
            _ => None,
        }
    }
}

/// What the end of the connection means; `None` when it is worth waiting for another.
fn ended_by(why: CloseReason) -> Option<ExchangeEnd> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are no end: see below"
    )]
    match why {
        CloseReason::Reset => Some(ExchangeEnd::Reset),
        CloseReason::Closed | CloseReason::UnknownSwarm => Some(ExchangeEnd::Closed),
        CloseReason::Banned => Some(ExchangeEnd::BadPieces),
        CloseReason::Violation(_)
        | CloseReason::Wire(_)
        | CloseReason::TooManyConnections
        | CloseReason::SelfConnection => Some(ExchangeEnd::HostFailed {
            why: why.to_string(),
        }),
        // Patience decides, or the other connection does.
        _ => None,
    }
}

/// What the connections for a content have seen that stand now.
#[derive(Default)]
pub(crate) struct Traffic {
    /// Bytes that came, also those inside a piece.
    pub(crate) received: u64,
    /// Bytes that left.
    pub(crate) sent: u64,
    /// The smallest MTU, in bytes, that the system sends by.
    pub(crate) path_mtu: Option<u32>,
}

pub(crate) async fn traffic(peer: &Peer, content: ContentId) -> Traffic {
    let snapshot = peer.snapshot().await;
    let connections = snapshot.map(|peer| peer.connections).unwrap_or_default();
    let mut traffic = Traffic::default();
    for connection in connections {
        if connection.exchange.content == Some(content) {
            traffic.received += connection.received;
            traffic.sent += connection.sent;
            let mtu = connection.tcp.map(|tcp| tcp.path_mtu);
            traffic.path_mtu = mtu.into_iter().chain(traffic.path_mtu).min();
        }
    }
    traffic
}

impl Received {
    /// SHA-256 over the whole, when it is whole.
    ///
    /// Pieces come in any order and are not kept, so that they can not be hashed as they come.
    /// Instead the content is made again from its seed: a piece counts only if it has the very
    /// hash that the piece which arrived was verified against, so the bytes are the same.
    pub(crate) async fn sha256(&self) -> Option<[u8; 32]> {
        if self.end != ExchangeEnd::Complete {
            return None;
        }
        let (hashes, seed) = (Arc::clone(&self.hashes), self.seed);
        let hashing = tokio::task::spawn_blocking(move || hash_whole(&hashes, seed));
        hashing.await.ok().flatten()
    }

    /// For the other side.
    pub(crate) async fn into_result(self) -> Result<ExchangeResult, String> {
        let json = |error: serde_json::Error| error.to_string();
        let witness = Witnessed::Absent(NoWitness::NotAsked);
        Ok(ExchangeResult {
            moved: self.moved,
            verified: self.verified,
            bad_pieces: self.bad_pieces,
            micros: u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX),
            sha256: self.sha256().await.map(Digest),
            end: serde_json::to_value(&self.end).map_err(json)?,
            witness: serde_json::to_value(&witness).map_err(json)?,
        })
    }
}

fn hash_whole(hashes: &PiecesHashFile, seed: u64) -> Option<[u8; 32]> {
    let layout = hashes.layout();
    let source = Synthetic::new(seed, layout.length());
    let mut buf = vec![0; layout.piece_size() as usize];
    let mut whole = PieceHasher::new();
    for piece in 0..layout.pieces() {
        let buf = &mut buf[..layout.piece_len(piece)? as usize];
        source.read_at(layout.offset(piece), buf).ok()?;
        if !hashes.matches(piece, buf) {
            tracing::warn!(piece, "the content is not what its seed makes");
            return None;
        }
        whole.update(buf);
    }
    Some(whole.finish())
}
