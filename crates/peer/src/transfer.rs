use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dolab_content::{ContentId, Layout, StoreError};
use dolab_wire::swarm::PeerId;
use tokio::sync::watch;

/// Time over which [`Progress::bytes_per_second`] is taken.
const WINDOW: Duration = Duration::from_secs(3);

/// A content on its way to this device. Dropping it does not stop the transfer:
/// [`Peer::remove`](crate::Peer::remove) does.
#[derive(Clone, Debug)]
pub struct Transfer {
    content: ContentId,
    tally: Arc<Tally>,
}

/// How far a transfer is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Pieces that are verified and kept, those of earlier runs among them.
    pub pieces: u32,
    /// Pieces in the content.
    pub of_pieces: u32,
    /// Bytes in those that are kept.
    pub bytes: u64,
    /// Bytes in the content.
    pub of_bytes: u64,
    /// Rate of the last three seconds, verified and kept, in bytes per second.
    pub bytes_per_second: f64,
    /// Who sent what, by address.
    pub senders: Vec<Sender>,
}

/// What one peer sent of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Its address; the port is the listener's only when this side connected.
    pub addr: SocketAddr,
    /// Its identity, unless its connection was gone when its piece was done.
    pub peer: Option<PeerId>,
    /// Bytes in good pieces.
    pub bytes: u64,
    /// Good pieces.
    pub pieces: u32,
    /// Pieces that failed their hash.
    pub bad_pieces: u32,
}

/// What a finished transfer was like.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferReport {
    /// The content.
    pub content: ContentId,
    /// Bytes that this transfer brought, without what was there before.
    pub bytes: u64,
    /// Pieces that this transfer brought.
    pub pieces: u32,
    /// Pieces that failed their hash.
    pub bad_pieces: u32,
    /// From [`Peer::download`](crate::Peer::download) to the last piece kept.
    pub elapsed: Duration,
    /// Who sent what, by address.
    pub senders: Vec<Sender>,
}

/// Why a transfer ended before it was whole. What was kept stays good.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// A piece could not be kept.
    #[error("piece {piece} could not be kept: {error}")]
    Store {
        /// The piece.
        piece: u32,
        /// What the sink said.
        error: Arc<StoreError>,
    },
    /// The content was removed.
    #[error("the transfer was cancelled")]
    Removed,
    /// The peer was stopped.
    #[error("the peer was stopped before the transfer was whole")]
    Stopped,
}

impl Transfer {
    pub(crate) fn new(content: ContentId, tally: Arc<Tally>) -> Self {
        Self { content, tally }
    }

    /// The content that is transferred.
    pub fn content(&self) -> ContentId {
        self.content
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.tally.progress()
    }

    /// Waits until every piece is kept.
    ///
    /// # Errors
    /// When that will not happen. That no peer has the content is no error: one may come.
    pub async fn finished(&self) -> Result<TransferReport, TransferError> {
        let mut end = self.tally.end.subscribe();
        let end = end
            .wait_for(Option::is_some)
            .await
            .map_err(|_| TransferError::Stopped)?
            .clone();
        let elapsed = end.expect("it was waited for")?;
        Ok(self.tally.report(self.content, elapsed))
    }
}

/// A transfer's account, kept by the actor.
#[derive(Debug)]
pub(crate) struct Tally {
    layout: Layout,
    began: Instant,
    state: Mutex<State>,
    end: watch::Sender<Option<Result<Duration, TransferError>>>,
}

#[derive(Debug)]
struct State {
    pieces: u32,
    bytes: u64,
    before: (u32, u64),
    senders: BTreeMap<SocketAddr, Sender>,
    /// Pieces of the last seconds: when, and how large.
    recent: VecDeque<(Instant, u32)>,
}

impl Tally {
    /// An account of a content of which `pieces` with `bytes` are there already.
    pub(crate) fn new(layout: Layout, pieces: u32, bytes: u64) -> Self {
        let state = State {
            pieces,
            bytes,
            before: (pieces, bytes),
            senders: BTreeMap::new(),
            recent: VecDeque::new(),
        };
        Self {
            layout,
            began: Instant::now(),
            state: state.into(),
            end: watch::Sender::new(None),
        }
    }

    pub(crate) fn pieces(&self) -> u32 {
        self.lock().pieces
    }

    pub(crate) fn stored(&self, piece: u32, addr: SocketAddr, peer: Option<PeerId>) {
        let len = self.layout.piece_len(piece).unwrap_or(0);
        let now = Instant::now();
        let mut state = self.lock();
        state.pieces += 1;
        state.bytes += u64::from(len);
        let sender = state.sender(addr, peer);
        sender.pieces += 1;
        sender.bytes += u64::from(len);
        state.recent.push_back((now, len));
        state.forget(now);
    }

    pub(crate) fn bad(&self, addr: SocketAddr, peer: Option<PeerId>) {
        self.lock().sender(addr, peer).bad_pieces += 1;
    }

    /// Ends the transfer, unless it has ended.
    pub(crate) fn end(&self, result: Result<(), TransferError>) {
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            if first {
                *end = Some(result.map(|()| self.began.elapsed()));
            }
            first
        });
    }

    fn progress(&self) -> Progress {
        let now = Instant::now();
        let mut state = self.lock();
        state.forget(now);
        let recent: u64 = state.recent.iter().map(|&(_, len)| u64::from(len)).sum();
        let window = now.duration_since(self.began).min(WINDOW).as_secs_f64();
        Progress {
            pieces: state.pieces,
            of_pieces: self.layout.pieces(),
            bytes: state.bytes,
            of_bytes: self.layout.length(),
            bytes_per_second: if window > 0.0 {
                recent as f64 / window
            } else {
                0.0
            },
            senders: state.senders.values().cloned().collect(),
        }
    }

    fn report(&self, content: ContentId, elapsed: Duration) -> TransferReport {
        let state = self.lock();
        TransferReport {
            content,
            bytes: state.bytes - state.before.1,
            pieces: state.pieces - state.before.0,
            bad_pieces: state.senders.values().map(|sender| sender.bad_pieces).sum(),
            elapsed,
            senders: state.senders.values().cloned().collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sender(&mut self, addr: SocketAddr, peer: Option<PeerId>) -> &mut Sender {
        let new = || Sender {
            addr,
            peer,
            bytes: 0,
            pieces: 0,
            bad_pieces: 0,
        };
        let sender = self.senders.entry(addr).or_insert_with(new);
        sender.peer = sender.peer.or(peer);
        sender
    }

    fn forget(&mut self, now: Instant) {
        while self
            .recent
            .front()
            .is_some_and(|&(when, _)| now.duration_since(when) > WINDOW)
        {
            self.recent.pop_front();
        }
    }
}
