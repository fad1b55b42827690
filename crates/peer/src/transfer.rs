use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dolab_content::{ContentId, Layout, StoreError};
use dolab_engine::{ByKind, CandidateReport, GiveUp, Traffic};
use dolab_wire::{DoCode, PeerType, swarm::PeerId};
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
    /// Bytes in good pieces of this transfer, by type of source.
    pub by_kind: ByKind,
}

/// What one peer or server sent of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Its address; the port is the listener's only when this side connected.
    pub addr: SocketAddr,
    /// Its identity, unless its connection was gone when its piece was done.
    pub peer: Option<PeerId>,
    /// What type of source it is.
    pub kind: PeerType,
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
    /// What its sources brought and its peers took, until it ended.
    pub traffic: Traffic,
    /// The peers that were offered, and what came of each.
    pub candidates: Vec<CandidateReport>,
}

/// Where each piece of a transfer came from. Costs eight bytes for each piece of the content.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    senders: Vec<Sender>,
    pieces: Vec<Origin>,
}

/// Where one piece came from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PieceOrigin<'a> {
    /// The piece.
    pub piece: u32,
    /// Who sent it.
    pub sender: &'a Sender,
    /// From asking for it until all of it was there, to the millisecond. Of a piece that came with
    /// others in one request over HTTP, from that request on.
    pub took: Duration,
}

/// The same, kept small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Origin {
    /// Its place among the senders; [`NOBODY`] when the piece did not come yet, or was there before.
    sender: u32,
    took_ms: u32,
}

const NOBODY: u32 = u32::MAX;

impl Provenance {
    /// Where a piece came from; `None` when it was there before the transfer, or is missing.
    pub fn piece(&self, piece: u32) -> Option<PieceOrigin<'_>> {
        let origin = self.pieces.get(piece as usize)?;
        Some(PieceOrigin {
            piece,
            sender: self.senders.get(origin.sender as usize)?,
            took: Duration::from_millis(origin.took_ms.into()),
        })
    }

    /// All pieces that this transfer brought, in order. Their digests are those of the pieces hash
    /// file, which each was verified against.
    pub fn pieces(&self) -> impl Iterator<Item = PieceOrigin<'_>> {
        (0..self.pieces.len() as u32).filter_map(|piece| self.piece(piece))
    }
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
    /// Its sources do not deliver.
    #[error("{missing} pieces could not be had: {why}")]
    GaveUp {
        /// Why.
        why: GiveUp,
        /// Pieces that are missing.
        missing: u32,
    },
    /// The content was removed.
    #[error("the transfer was cancelled")]
    Removed,
    /// The peer was stopped.
    #[error("the peer was stopped before the transfer was whole")]
    Stopped,
}

impl TransferError {
    /// Delivery Optimization's code for it, where it has one.
    pub fn do_code(&self) -> Option<DoCode> {
        match self {
            Self::GaveUp { why, .. } => why.do_code(),
            Self::Store { .. } | Self::Removed | Self::Stopped => None,
        }
    }
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

    /// Where each piece came from, so far. Can be asked after the end, too.
    pub fn provenance(&self) -> Provenance {
        self.tally.provenance()
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
    senders: Vec<Sender>,
    /// Where each of them stands, by address and type.
    places: BTreeMap<(SocketAddr, PeerType), u32>,
    /// Where each piece came from; empty before the first.
    origins: Vec<Origin>,
    by_kind: ByKind,
    /// Of the end.
    traffic: Traffic,
    candidates: Vec<CandidateReport>,
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
            senders: Vec::new(),
            places: BTreeMap::new(),
            origins: Vec::new(),
            by_kind: ByKind::default(),
            traffic: Traffic::default(),
            candidates: Vec::new(),
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

    pub(crate) fn stored(
        &self,
        piece: u32,
        addr: SocketAddr,
        peer: Option<PeerId>,
        kind: PeerType,
        took: Duration,
    ) {
        let len = self.layout.piece_len(piece).unwrap_or(0);
        let now = Instant::now();
        let mut state = self.lock();
        state.pieces += 1;
        state.bytes += u64::from(len);
        let (place, sender) = state.sender(addr, peer, kind);
        sender.pieces += 1;
        sender.bytes += u64::from(len);
        state.by_kind.add(kind, len.into());
        if state.origins.is_empty() {
            let nobody = Origin {
                sender: NOBODY,
                took_ms: 0,
            };
            state.origins = vec![nobody; self.layout.pieces() as usize];
        }
        if let Some(origin) = state.origins.get_mut(piece as usize) {
            origin.sender = place;
            origin.took_ms = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        }
        state.recent.push_back((now, len));
        state.forget(now);
    }

    pub(crate) fn bad(&self, addr: SocketAddr, peer: Option<PeerId>, kind: PeerType) {
        self.lock().sender(addr, peer, kind).1.bad_pieces += 1;
    }

    /// Notes what the engine knows of the whole transfer.
    pub(crate) fn sum_up(&self, traffic: Traffic, candidates: Vec<CandidateReport>) {
        let mut state = self.lock();
        state.traffic = traffic;
        state.candidates = candidates;
    }

    fn provenance(&self) -> Provenance {
        let state = self.lock();
        Provenance {
            senders: state.senders.clone(),
            pieces: state.origins.clone(),
        }
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
            senders: state.sorted_senders(),
            by_kind: state.by_kind,
        }
    }

    fn report(&self, content: ContentId, elapsed: Duration) -> TransferReport {
        let state = self.lock();
        TransferReport {
            content,
            bytes: state.bytes - state.before.1,
            pieces: state.pieces - state.before.0,
            bad_pieces: state.senders.iter().map(|sender| sender.bad_pieces).sum(),
            elapsed,
            senders: state.sorted_senders(),
            traffic: state.traffic,
            candidates: state.candidates.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// An account, and its place.
    fn sender(
        &mut self,
        addr: SocketAddr,
        peer: Option<PeerId>,
        kind: PeerType,
    ) -> (u32, &mut Sender) {
        let place = *self.places.entry((addr, kind)).or_insert_with(|| {
            self.senders.push(Sender {
                addr,
                peer,
                kind,
                bytes: 0,
                pieces: 0,
                bad_pieces: 0,
            });
            self.senders.len() as u32 - 1
        });
        let sender = &mut self.senders[place as usize];
        sender.peer = sender.peer.or(peer);
        (place, sender)
    }

    fn sorted_senders(&self) -> Vec<Sender> {
        let mut senders = self.senders.clone();
        senders.sort_by_key(|sender| (sender.addr, sender.kind));
        senders
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
