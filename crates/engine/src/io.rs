//! What goes into the engine and what comes out of it.

use std::{
    net::{IpAddr, SocketAddr},
    ops::Range,
    time::Duration,
};

use dolab_content::{ContentId, Layout, PieceMap, PieceRange};
use dolab_wire::{
    DoCode, PeerType, WireError,
    swarm::{Handshake, Head, PeerId},
};

use crate::{
    error::PeerViolation,
    rules::{Limits, Rules},
    source::{FetchFailure, Source, SourceId},
};

/// A connection, for as long as the engine lives. The driver numbers the ones that it accepts, the
/// engine the ones that it asks for: connections, and fetches over HTTP, which count as connections
/// where a piece is said to have come over one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(u64);

impl ConnId {
    /// Below and above all others.
    pub(crate) const FIRST: Self = Self(0);
    pub(crate) const LAST: Self = Self(u64::MAX);

    /// Its number among those that the same side opened.
    pub(crate) fn number(self) -> u64 {
        self.0 >> 2
    }

    /// The `n`th connection that the driver accepted.
    pub fn accepted(n: u64) -> Self {
        Self(n << 2)
    }

    /// The `n`th connection that the engine asked for.
    pub(crate) fn dialled(n: u64) -> Self {
        Self(n << 2 | 1)
    }

    /// The `n`th fetch over HTTP.
    pub(crate) fn fetch(n: u64) -> Self {
        Self(n << 2 | 2)
    }

    /// Whether it is a fetch over HTTP.
    pub fn is_fetch(self) -> bool {
        self.0 & 3 == 2
    }

    /// Which side opened it.
    pub fn initiator(self) -> Initiator {
        if self.0 & 3 == 0 {
            Initiator::Remote
        } else {
            Initiator::Local
        }
    }
}

impl std::fmt::Display for ConnId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = match self.initiator() {
            _ if self.is_fetch() => 'f',
            Initiator::Local => 'd',
            Initiator::Remote => 'a',
        };
        write!(f, "{side}{}", self.number())
    }
}

/// The side that opened a connection and therefore shakes hands first (observed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Initiator {
    /// This device.
    Local,
    /// The other one.
    Remote,
}

/// Something that happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// A peer connected to the listener.
    Accepted {
        /// [`ConnId::accepted`], with a number above those of all before.
        conn: ConnId,
        /// Where it comes from.
        remote: SocketAddr,
    },
    /// The connection that [`Output::Connect`] asked for stands.
    Connected {
        /// The connection.
        conn: ConnId,
    },
    /// The connection that [`Output::Connect`] asked for could not be made.
    DialFailed {
        /// The connection.
        conn: ConnId,
        /// Why not.
        why: DialFailure,
    },
    /// The other side's handshake came.
    Handshake {
        /// The connection.
        conn: ConnId,
        /// What it says.
        handshake: Handshake,
    },
    /// A message came. After a head with a body the driver reads no further on this connection
    /// until it has carried out the [`Output::Receive`] or [`Output::Discard`] that answers it.
    Head {
        /// The connection.
        conn: ConnId,
        /// The message.
        head: Head,
    },
    /// The body that [`Output::Receive`] or [`Output::Discard`] asked for was read, or not.
    BodyDone {
        /// The connection.
        conn: ConnId,
        /// Whether all of it came.
        outcome: BodyOutcome,
    },
    /// Part of the body that is being read has come. To be said about once a second while a body
    /// takes longer than that, or else a slow body looks like a stalled one.
    BodyProgress {
        /// The connection.
        conn: ConnId,
    },
    /// All blocks of a piece came over this connection, and the piece was hashed and, when good,
    /// kept by the sink. Said exactly once for every piece whose last body was reported as
    /// [`BodyOutcome::Landed`], also when the connection has ended or the content was removed
    /// meanwhile: until then its bytes count against
    /// [`Config::max_outstanding`](crate::Config::max_outstanding).
    PieceDone {
        /// The connection that it came over.
        conn: ConnId,
        /// The content.
        content: ContentId,
        /// The piece.
        piece: u32,
        /// How it ended.
        outcome: PieceOutcome,
    },
    /// Everything up to and with the oldest unconfirmed [`Output::Send`] that had a body has left
    /// for the kernel. One for each such output, in order.
    BodySent {
        /// The connection.
        conn: ConnId,
    },
    /// Part of the oldest unconfirmed body has left for the kernel. To be said about four times
    /// a second while one takes longer than that, or else a peer that takes slowly looks like one
    /// that takes nothing.
    SendProgress {
        /// The connection.
        conn: ConnId,
    },
    /// The source could not deliver the bytes of an [`Output::Send`]; the connection is closed by
    /// the driver.
    SourceFailed {
        /// The connection.
        conn: ConnId,
        /// What could not be read.
        range: PieceRange,
    },
    /// Bytes came that are no message. The driver has closed the connection.
    Malformed {
        /// The connection.
        conn: ConnId,
        /// What was wrong.
        error: WireError,
    },
    /// The connection ended: the other side closed it, or the network did.
    Closed {
        /// The connection.
        conn: ConnId,
        /// Whether it was reset, as against closed in order.
        reset: bool,
    },
    /// The server of a fetch answered, as it was asked.
    OriginAnswered {
        /// The fetch.
        fetch: ConnId,
        /// The server's address.
        remote: SocketAddr,
    },
    /// Bytes of a fetch's body have come, those of skipped pieces among them. To be said at least
    /// once a second while some come, and before what they complete or what ends them.
    OriginProgress {
        /// The fetch.
        fetch: ConnId,
        /// How many since this was last said.
        bytes: u64,
    },
    /// All of a piece has come by a fetch. [`Input::PieceDone`] follows, with the fetch as the
    /// connection.
    OriginLanded {
        /// The fetch.
        fetch: ConnId,
        /// The piece.
        piece: u32,
    },
    /// The body of a fetch that brings the whole has come to the beginning of a piece. The driver
    /// reads no further before [`Output::KeepOrigin`] or [`Output::SkipOrigin`] says what becomes
    /// of it.
    OriginReached {
        /// The fetch.
        fetch: ConnId,
        /// The piece.
        piece: u32,
    },
    /// All of a fetch's body has come.
    OriginDone {
        /// The fetch.
        fetch: ConnId,
    },
    /// A fetch came to nothing, or to no more than what landed.
    OriginFailed {
        /// The fetch.
        fetch: ConnId,
        /// Why.
        why: FetchFailure,
    },
    /// The user wants something.
    Command(Command),
    /// Nothing but time passed: the moment of [`Engine::poll_timeout`](crate::Engine::poll_timeout)
    /// is there.
    Timeout,
}

/// What the user of the engine wants.
#[derive(Clone, Debug)]
pub enum Command {
    /// Take part in a content's swarm: share what is there, and fetch what is not.
    Add {
        /// The content.
        content: ContentId,
        /// How it is cut.
        layout: Layout,
        /// Pieces that this device has.
        have: PieceMap,
        /// Whether peers are told of them. Without, this device only takes: its bitfield is empty
        /// and it never says Have.
        share: bool,
    },
    /// Leave a content's swarm; its connections are closed.
    Remove {
        /// The content.
        content: ContentId,
    },
    /// A peer may be there for a content that is being fetched. Dialled, and dialled again after
    /// losses with growing pauses, for as long as pieces are missing.
    Candidate {
        /// The content.
        content: ContentId,
        /// Where it listens.
        addr: SocketAddr,
        /// What type of peer whoever offers it says it is; [`PeerType::None`] when that is for the
        /// address to say.
        kind: PeerType,
    },
    /// How a content's sources are mixed, and what it has beside peers. Replaces what was said
    /// before.
    Sources {
        /// The content.
        content: ContentId,
        /// Its HTTP sources, each kind in the order in which they are tried.
        sources: Vec<Source>,
        /// How they are mixed.
        rules: Rules,
    },
    /// What binds the device from now on.
    Limits(Limits),
    /// The networks that this device is in, each an address in it and the length of its prefix in
    /// bits: who is in one of them is on the LAN.
    Subnets(Vec<(IpAddr, u8)>),
    /// Connect once to an address for a content, whether pieces are missing or not: how a seed
    /// reaches a peer that can not reach it.
    Dial {
        /// The content.
        content: ContentId,
        /// Where it listens.
        addr: SocketAddr,
    },
    /// Close everything in order and start nothing new.
    Stop,
}

/// Why a dialled connection did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DialFailure {
    /// Refused.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The network said that there is no way.
    Unreachable,
    /// This host forbids it.
    Forbidden,
    /// Anything else.
    Other,
}

/// How reading a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyOutcome {
    /// All of it is there.
    Landed,
    /// The connection ended inside it. [`Input::Closed`] follows.
    Short,
}

/// How a piece ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PieceOutcome {
    /// Hash good, and kept.
    Good,
    /// Hash bad; the bytes are gone.
    Bad,
    /// Hash good, but this host could not keep it. The content is paused: see [`Event::Failed`].
    StoreFailed,
}

/// What the driver has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Open a TCP connection.
    Connect {
        /// Its number from now on.
        conn: ConnId,
        /// Where to.
        addr: SocketAddr,
    },
    /// Send the handshake, in a segment of its own.
    SendHandshake {
        /// The connection.
        conn: ConnId,
        /// What it says.
        handshake: Handshake,
        /// Pieces of the content that both sides now talk about: bounds the bitfield.
        content: ContentId,
    },
    /// Send a message; with `body`, those bytes of the content right behind it.
    Send {
        /// The connection.
        conn: ConnId,
        /// The message.
        head: Head,
        /// The body of a [`Head::Piece`].
        body: Option<PieceRange>,
    },
    /// Read the body of the head that was just handled into the buffer of its piece. When the
    /// last block of the piece has landed, hash it, keep it, and say [`Input::PieceDone`].
    Receive {
        /// The connection.
        conn: ConnId,
        /// Where the bytes belong.
        range: PieceRange,
    },
    /// Read the body of the head that was just handled, and drop it.
    Discard {
        /// The connection.
        conn: ConnId,
        /// Its bytes.
        len: u32,
    },
    /// Forget what has landed of a piece over this connection: it will not be completed. A body of
    /// it that is being read right now is read to its end and reported all the same. Never said
    /// of a piece whose last body was reported as landed. The end of a connection abandons all
    /// its unfinished pieces without this being said.
    Abandon {
        /// The connection.
        conn: ConnId,
        /// The content.
        content: ContentId,
        /// The piece.
        piece: u32,
    },
    /// Close the connection after what was sent before, or give up connecting. No [`Input`] about
    /// it is expected any more, but for [`Input::PieceDone`]; what comes all the same is ignored.
    Close {
        /// The connection.
        conn: ConnId,
        /// Why.
        why: CloseReason,
    },
    /// Ask an HTTP source for pieces, all in one request.
    FetchOrigin {
        /// Its number from now on.
        fetch: ConnId,
        /// The content.
        content: ContentId,
        /// Whom to ask.
        source: SourceId,
        /// The pieces, one behind the other: all of the content's when `ranged` is not set.
        pieces: Range<u32>,
        /// Whether to ask for just their range. Else for the whole: the driver says
        /// [`Input::OriginReached`] at the beginning of each piece.
        ranged: bool,
    },
    /// Keep the piece that a fetch of the whole has reached.
    KeepOrigin {
        /// The fetch.
        fetch: ConnId,
        /// The piece.
        piece: u32,
    },
    /// Drop what a fetch brings of a piece: it is of no use any more. Never said of one that was
    /// reported as landed.
    SkipOrigin {
        /// The fetch.
        fetch: ConnId,
        /// The piece.
        piece: u32,
    },
    /// End a fetch. No [`Input`] about it is expected any more, but for [`Input::PieceDone`]; what
    /// comes all the same is ignored.
    CancelOrigin {
        /// The fetch.
        fetch: ConnId,
    },
    /// Something that a person may want to know.
    Event(Event),
}

/// Why a connection was closed or never came about, and whose doing that is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer broke the rules of the exchange.
    #[error(transparent)]
    Violation(#[from] PeerViolation),
    /// The peer sent bytes that are no message.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The peer cuts the content into other pieces.
    #[error("incompatible: the peer has pieces of {theirs} bytes, this device of {ours}")]
    PieceSize {
        /// Bytes in this device's pieces.
        ours: u32,
        /// Bytes in the peer's pieces, by its handshake.
        theirs: u64,
    },
    /// The peer asked for a swarm that this device does not have. It is met with silence.
    #[error("the peer asked for a swarm that is not shared here")]
    UnknownSwarm,
    /// The peer is this device itself.
    #[error("the peer is this device itself")]
    SelfConnection,
    /// There is a connection to this peer for this content already.
    #[error("there is a connection to this peer for this content already")]
    Duplicate,
    /// The limit of connections is reached.
    #[error("the limit of connections is reached")]
    TooManyConnections,
    /// The peer is banned for bad pieces.
    #[error("the peer is banned: it sent bad pieces")]
    Banned,
    /// Something that had to happen did not, in time.
    #[error("timed out: {0}")]
    TimedOut(crate::Reason),
    /// Neither side has anything that the other wants.
    #[error("neither side wants anything of the other")]
    NothingToDo,
    /// The content is fetched without peers.
    #[error("this content is fetched without peers")]
    NoPeers,
    /// The user left the swarm or stopped the device.
    #[error("stopped")]
    Stopped,
    /// The peer closed the connection.
    #[error("closed by the peer")]
    Closed,
    /// The connection was reset.
    #[error("connection reset")]
    Reset,
    /// The connection could not be made.
    #[error("could not connect: {0:?}")]
    DialFailed(DialFailure),
    /// This host could not read its own content.
    #[error("this host could not read its own content")]
    SourceFailed,
}

/// Something that happened, for logs, reports and progress bars.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A handshake was exchanged: the peer is one.
    PeerJoined {
        /// The connection.
        conn: ConnId,
        /// The content.
        content: ContentId,
        /// Its identity.
        peer: PeerId,
        /// Its address.
        remote: SocketAddr,
    },
    /// A connection ended.
    PeerLeft {
        /// The connection.
        conn: ConnId,
        /// The content, once it was known.
        content: Option<ContentId>,
        /// Its address.
        remote: SocketAddr,
        /// Bytes of pieces that it brought, good or bad.
        bytes_down: u64,
        /// Bytes of pieces that were sent over it.
        bytes_up: u64,
        /// Why.
        why: CloseReason,
    },
    /// A piece is there: verified and kept.
    PieceStored {
        /// The content.
        content: ContentId,
        /// The piece.
        piece: u32,
        /// The connection that it came over.
        conn: ConnId,
        /// Who sent it.
        remote: SocketAddr,
        /// What type of source that is.
        kind: PeerType,
        /// From asking for it until all of it was there.
        took: Duration,
    },
    /// A piece failed its hash.
    PieceBad {
        /// The content.
        content: ContentId,
        /// The piece.
        piece: u32,
        /// The connection that it came over.
        conn: ConnId,
        /// Who sent it.
        remote: SocketAddr,
        /// What type of source that is.
        kind: PeerType,
        /// Whether the sender is banned for it.
        banned: bool,
    },
    /// Every piece is there.
    Completed {
        /// The content.
        content: ContentId,
    },
    /// A content can not go on: this host could not keep a piece.
    Failed {
        /// The content.
        content: ContentId,
        /// The piece.
        piece: u32,
    },
    /// A content that is being fetched from peers only has none to fetch from, and none to try.
    Starved {
        /// The content.
        content: ContentId,
        /// Pieces that are missing.
        missing: u32,
    },
    /// An HTTP source failed.
    OriginFailed {
        /// The content.
        content: ContentId,
        /// Which.
        source: SourceId,
        /// Why.
        why: FetchFailure,
        /// For how long it is left alone; `None` when it is asked otherwise at once, or never again.
        pause: Option<Duration>,
    },
    /// A content can not go on: its sources do not deliver.
    GaveUp {
        /// The content.
        content: ContentId,
        /// Why.
        why: GiveUp,
        /// Pieces that are missing.
        missing: u32,
    },
    /// Nothing more goes to Internet peers: the bytes that were allowed are used up (documented, as
    /// the month's cap).
    InternetUploadsEnded,
}

/// Why a content was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GiveUp {
    /// No byte came for a long time (documented: thirty looks of ten seconds).
    #[error("nothing came for too long")]
    NoProgress,
    /// No HTTP source has it, and no peer is there.
    #[error("{0}")]
    Source(FetchFailure),
}

impl GiveUp {
    /// Delivery Optimization's code for it, where it has one.
    pub fn do_code(self) -> Option<DoCode> {
        match self {
            Self::NoProgress => Some(DoCode::NO_PROGRESS),
            Self::Source(why) => why.do_code(),
        }
    }
}
