//! The layers above: the ordinary exchanger, in peers of their own for the time of a flow. A content
//! takes one connection for each pair of peers, so a sender with several streams is several peers.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dolab_content::{
    Discard, Existing, Layout, PieceMap, PiecesHashFile, Sink as Keep, Store, StoreError,
};
use dolab_engine::{Event as Exchange, RequestSize};
use dolab_peer::{
    ConnectionView, Download, Event, FarEnd, Measurement, Peer, PeerConfig, Priority, Shared,
    Transfer, TransferError, Verify,
};
use dolab_wire::swarm::HANDSHAKE_LEN;
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    sync::{
        broadcast::{Receiver, error::RecvError},
        oneshot, watch,
    },
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    end::Side,
    latency::Latency,
    pace::Pace,
    proto::{Ended, Part, Spec},
    report::{Layer, Percentiles, Sink},
    sampler::{Reading, Tcp},
    window::{Offer, OfferError, Repeated, Window},
};

/// Bytes of the head before each block.
const HEAD: u64 = 13;

/// Time that what was stored has to go again, at the end.
const REMOVAL: Duration = Duration::from_secs(5);

/// Why a flow could not be prepared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SwarmError {
    /// The specification makes no sense.
    #[error("{0}")]
    Spec(&'static str),
    /// What is to be received makes no content.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// A peer could not be started.
    #[error(transparent)]
    Start(#[from] dolab_peer::StartError),
    /// A content could not be taken up.
    #[error(transparent)]
    Add(#[from] dolab_peer::AddError),
    /// There is no place to store anything.
    #[error("nothing can be stored in {path}: {source}", path = .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One side of a flow in the upper layers.
#[derive(Debug)]
pub(crate) struct Swarm {
    part: Part,
    /// One that receives, or one for each stream that sends.
    peers: Vec<Peer>,
    hashes: Arc<PiecesHashFile>,
    offer: Option<Offer>,
    block: u64,
    transfer: Option<Transfer>,
    /// Ends when what was stored is gone.
    stored: Mutex<Option<oneshot::Receiver<Stored>>>,
    latency: Arc<Latency>,
    waiting: Mutex<Vec<(TcpStream, Side)>>,
    ended: Arc<watch::Sender<Option<Ended>>>,
    watching: Mutex<Option<AbortOnDropHandle<()>>>,
    /// The counters of connections go with them; this stays.
    most: AtomicU64,
}

impl Swarm {
    pub(crate) async fn prepare(
        spec: &Spec,
        window: Option<Window>,
        store: &Path,
    ) -> Result<Self, SwarmError> {
        let latency = Arc::new(Latency::new());
        let mut peers = Vec::new();
        let mut stored = None;
        let (hashes, offer, transfer) = match (spec.part, window, &spec.offer) {
            (Part::Sender, Some(window), _) => {
                let length = spec.length.ok_or(SwarmError::Spec("no length was said"))?;
                let offer = window.offer(length);
                let hashes = Arc::new(offer.pieces()?);
                let pace = spec.rate_limit.map(|rate| Arc::new(Pace::new(rate)));
                for _ in 0..spec.streams {
                    let peer = Peer::start(config(spec)).await?;
                    let source = Repeated {
                        window: window.clone(),
                        pace: pace.clone(),
                    };
                    peer.share(Shared {
                        name: String::new(),
                        hashes: Arc::clone(&hashes),
                        source: Arc::new(source),
                    })
                    .await?;
                    peers.push(peer);
                }
                (hashes, Some(offer), None)
            }
            (Part::Receiver, _, Some(offer)) => {
                let hashes = Arc::new(offer.pieces()?);
                let sink: Arc<dyn Keep> = match (spec.layer, spec.sink) {
                    (Layer::Stored, Sink::Layer) => {
                        let (sink, gone) = open(store, &hashes).await?;
                        stored = Some(gone);
                        Arc::new(sink)
                    }
                    _ => Arc::new(Discard),
                };
                let verify = match spec.layer {
                    Layer::Raw | Layer::Exchange => Verify::Off,
                    Layer::Verified | Layer::Stored => Verify::On,
                };
                let peer = Peer::start(config(spec)).await?;
                let download = Download {
                    name: String::new(),
                    have: PieceMap::empty(hashes.layout().pieces()),
                    hashes: Arc::clone(&hashes),
                    sink,
                    source: None,
                    priority: Priority::Foreground,
                    sources: None,
                };
                let probe = Arc::clone(&latency) as Arc<_>;
                let measurement = Measurement {
                    verify,
                    probe: Some(probe),
                };
                let transfer = peer.measure(download, measurement).await?;
                peers.push(peer);
                (hashes, None, Some(transfer))
            }
            _ => return Err(SwarmError::Spec("it was not said what is to be moved")),
        };
        Ok(Self {
            part: spec.part,
            peers,
            hashes,
            offer,
            block: u64::from(spec.block_bytes.min(spec.piece_bytes).max(1)),
            transfer,
            stored: Mutex::new(stored),
            latency,
            waiting: Mutex::default(),
            ended: Arc::new(watch::Sender::new(None)),
            watching: Mutex::default(),
            most: AtomicU64::new(0),
        })
    }

    pub(crate) fn offer(&self) -> Option<Offer> {
        self.offer.clone()
    }

    pub(crate) fn attach(&self, stream: TcpStream, side: Side) {
        lock(&self.waiting).push((stream, side));
    }

    /// Hands the connections to the peers. The side that accepted a connection has the first word
    /// in it: only there does every connection come from an address of its own, which the engine
    /// knows them by.
    pub(crate) async fn start(&self) {
        if let (Some(transfer), Some(peer)) = (&self.transfer, self.peers.first()) {
            let watching = watch_transfer(transfer.clone(), peer.subscribe(), self.ended.clone());
            let task = AbortOnDropHandle::new(tokio::spawn(watching));
            *lock(&self.watching) = Some(task);
        }
        let streams = std::mem::take(&mut *lock(&self.waiting));
        for ((stream, side), peer) in streams.into_iter().zip(self.peers.iter().cycle()) {
            // One that has just ended leads to nobody.
            let Ok(addr) = stream.peer_addr() else {
                continue;
            };
            let far_end = match side {
                Side::Dialled => FarEnd::caller(addr),
                Side::Accepted => FarEnd::callee(addr, self.hashes.id()),
            };
            peer.attach(stream, far_end).await;
        }
    }

    pub(crate) fn ended(&self) -> watch::Receiver<Option<Ended>> {
        self.ended.subscribe()
    }

    /// The counters, and the connections that they come from.
    pub(crate) async fn read(&self) -> (Reading, Vec<ConnectionView>) {
        let mut connections = Vec::new();
        let mut landed = 0;
        for peer in &self.peers {
            if let Some(snapshot) = peer.snapshot().await {
                connections.extend(snapshot.connections);
                landed += match self.part {
                    Part::Sender => snapshot.engine.bytes_up,
                    Part::Receiver => snapshot.engine.bytes_down,
                };
            }
        }
        let bytes = |view: &ConnectionView| match self.part {
            Part::Sender => view.sent,
            Part::Receiver => view.received,
        };
        let layout = self.hashes.layout();
        let arrived: u64 = connections
            .iter()
            .map(|view| content_of(bytes(view), layout, self.block))
            .sum();
        let received = self.part == Part::Receiver;
        let whole = received && matches!(&*self.ended.borrow(), Some(Ended::Well));
        let now = if whole {
            layout.length()
        } else {
            arrived.max(landed).min(layout.length())
        };
        let bytes = self.most.fetch_max(now, Ordering::Relaxed).max(now);
        let tcp = Tcp::sum(connections.iter().filter_map(|view| view.tcp.clone()));
        (Reading { bytes, tcp }, connections)
    }

    pub(crate) fn reset(&self) {
        self.latency.reset();
    }

    /// Stops the peers, and waits until what they stored is gone: the process may end after this.
    /// Returns the bytes that went or came, and how long pieces took.
    pub(crate) async fn finish(&self) -> (u64, Option<Percentiles>) {
        let (reading, _) = self.read().await;
        drop(lock(&self.watching).take());
        if self.part == Part::Sender {
            self.ended.send_replace(Some(Ended::Well));
        }
        for peer in &self.peers {
            peer.stop().await;
        }
        let stored = lock(&self.stored).take();
        if let Some(gone) = stored {
            // Threads of the peer close the file; one that a disk holds up is not waited for.
            drop(timeout(REMOVAL, gone).await);
        }
        (reading.bytes, self.latency.percentiles())
    }
}

/// Content in the bytes of a connection: what is left without the handshake, the bitfield and the
/// head before each block. The few other messages are shorter than a head, and are left in.
fn content_of(bytes: u64, layout: Layout, block: u64) -> u64 {
    let bitfield = 5 + PieceMap::byte_len(layout.pieces()) as u64;
    let blocks = bytes.saturating_sub(HANDSHAKE_LEN as u64 + bitfield);
    let (whole, rest) = (blocks / (block + HEAD), blocks % (block + HEAD));
    whole * block + rest.saturating_sub(HEAD)
}

fn config(spec: &Spec) -> PeerConfig {
    let mut config = PeerConfig {
        listen: Vec::new(),
        ..PeerConfig::default()
    };
    if spec.part == Part::Sender {
        config.hash_threads = 1;
    }
    config.engine.request_size = if spec.block_bytes < spec.piece_bytes {
        RequestSize::Blocks(spec.block_bytes)
    } else {
        RequestSize::WholePieces
    };
    if let Some(depth) = spec.request_depth {
        let block = u64::from(spec.block_bytes.min(spec.piece_bytes));
        config.engine.max_outstanding_per_connection = u64::from(depth) * block;
    }
    config
}

/// Waits for the end of a transfer: whole, not kept, or without anyone left to send it.
async fn watch_transfer(
    transfer: Transfer,
    mut events: Receiver<Event>,
    ended: Arc<watch::Sender<Option<Ended>>>,
) {
    let mut here = 0_usize;
    let mut finished = std::pin::pin!(transfer.finished());
    let end = loop {
        tokio::select! {
            biased;
            end = &mut finished => break match end {
                Ok(_) => Ended::Well,
                Err(TransferError::Store { error, .. }) => Ended::Failed { why: error.to_string() },
                Err(error) => Ended::Failed { why: error.to_string() },
            },
            event = events.recv() => match event {
                Ok(Event::Exchange(Exchange::PeerJoined { .. })) => here += 1,
                Ok(Event::Exchange(Exchange::PeerLeft { why, .. })) => {
                    here = here.saturating_sub(1);
                    if here == 0 {
                        break Ended::Failed {
                            why: format!("the other side's exchanger left: {why}"),
                        };
                    }
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    };
    ended.send_replace(Some(end));
}

/// A store in a folder of its own, which goes with it.
#[derive(Debug)]
struct Temporary {
    // In this order: first the file is closed, then the folder goes, then that is told.
    store: Store,
    _folder: TempDir,
    _gone: oneshot::Sender<Stored>,
}

/// Never sent: the end of the channel is the message.
#[derive(Debug)]
enum Stored {}

impl Keep for Temporary {
    fn write_piece(&self, piece: u32, bytes: &[u8]) -> Result<(), StoreError> {
        self.store.write_piece(piece, bytes)
    }
}

async fn open(
    folder: &Path,
    hashes: &Arc<PiecesHashFile>,
) -> Result<(Temporary, oneshot::Receiver<Stored>), SwarmError> {
    let (path, hashes) = (folder.to_owned(), Arc::clone(hashes));
    let opening = tokio::task::spawn_blocking(move || {
        let folder = TempDir::with_prefix_in("dolab-bench-", &path)
            .map_err(|source| SwarmError::Folder { path, source })?;
        // It goes again at once, so nothing is forced to the disk.
        let store = Store::open(folder.path().join("content"), hashes, Existing::Keep)?.unforced();
        let (_gone, gone) = oneshot::channel();
        let temporary = Temporary {
            store,
            _folder: folder,
            _gone,
        };
        Ok((temporary, gone))
    });
    opening.await.expect("opening a store does not panic")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_no_content() {
        let layout = Layout::new(100 << 20, 1 << 20).unwrap();
        let before = HANDSHAKE_LEN as u64 + 5 + 13;
        assert_eq!(content_of(0, layout, 1 << 20), 0);
        assert_eq!(content_of(before, layout, 1 << 20), 0);
        assert_eq!(content_of(before + HEAD, layout, 1 << 20), 0);
        assert_eq!(content_of(before + HEAD + 7, layout, 1 << 20), 7);
        let three = before + 3 * (HEAD + 16384) + 5;
        assert_eq!(content_of(three, layout, 16384), 3 * 16384);
    }
}
