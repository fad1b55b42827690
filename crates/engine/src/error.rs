//! Errors of the exchange, split by whose fault they are: the peer's, or our caller's.

use dolab_content::{ContentId, PieceMapError};
use dolab_wire::{
    DoCode,
    swarm::{Block, SwarmHash},
};

use crate::{CloseReason, ConnId, Reason};

/// The peer broke the rules of the exchange, although every message of it parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerViolation {
    /// It answered for another swarm than it was asked for.
    #[error("the peer answered for swarm {0}, which was not asked for")]
    WrongSwarm(SwarmHash),
    /// Its bitfield does not fit the content.
    #[error("the peer sent a bad bitfield: {0}")]
    Bitfield(#[from] PieceMapError),
    /// A bitfield that is not its first message (assumed to be against the rules: every observed
    /// peer sends one, right behind the handshake).
    #[error("the peer sent a bitfield that is not its first message")]
    LateBitfield,
    /// It has a piece that the content does not have.
    #[error("the peer says that it has piece {piece} of {pieces}")]
    HaveOutOfRange {
        /// The piece.
        piece: u32,
        /// Pieces in the content.
        pieces: u32,
    },
    /// It asked for bytes that the content does not have.
    #[error("the peer asked for {len} bytes at {offset} of piece {piece}, which are not there",
        len = .0.len, offset = .0.offset, piece = .0.piece)]
    RequestOutOfRange(Block),
    /// It asked for a piece that this device never said it has.
    #[error("the peer asked for piece {0}, which was not offered")]
    RequestNotOffered(u32),
    /// It asked while it was choked, beyond what can have crossed the choke on the way.
    #[error("the peer asked for piece {0} while it was choked")]
    RequestWhileChoked(u32),
    /// It has more requests waiting than are allowed.
    #[error("the peer has more than {0} requests waiting")]
    TooManyRequests(usize),
    /// It allows requests and takes that back, again and again, without answering one.
    #[error("the peer choked this device {0} times in a row without answering a request")]
    Teasing(u32),
    /// It sent a block that nobody asked for, or blocks of a piece in another order than asked.
    #[error("the peer sent {len} bytes at {offset} of piece {piece}, which were not asked for",
        len = .0.len, offset = .0.offset, piece = .0.piece)]
    Unrequested(Block),
}

impl PeerViolation {
    /// Delivery Optimization's code for this.
    pub fn do_code(&self) -> DoCode {
        match self {
            Self::WrongSwarm(_) => DoCode::UNRECOGNIZED_SWARM,
            Self::Unrequested(_) => DoCode::BAD_DATA,
            Self::Bitfield(_)
            | Self::LateBitfield
            | Self::HaveOutOfRange { .. }
            | Self::RequestOutOfRange(_)
            | Self::RequestNotOffered(_)
            | Self::RequestWhileChoked(_)
            | Self::Teasing(_)
            | Self::TooManyRequests(_) => DoCode::INVALID_MESSAGE,
        }
    }
}

impl CloseReason {
    /// Delivery Optimization's code for this, if it has one: it has none for what is in order.
    pub fn do_code(&self) -> Option<DoCode> {
        Some(match self {
            Self::Violation(violation) => violation.do_code(),
            Self::Wire(error) => error.do_code(),
            Self::PieceSize { .. } => DoCode::INVALID_MESSAGE,
            Self::UnknownSwarm => DoCode::UNRECOGNIZED_SWARM,
            Self::SelfConnection => DoCode::SELF_CONNECTION,
            Self::Duplicate => DoCode::ALREADY_CONNECTED,
            Self::TooManyConnections => DoCode::NO_MORE_CONNECTIONS,
            Self::Banned => DoCode::PEER_BANNED,
            Self::TimedOut(Reason::Request) => DoCode::NO_PROGRESS,
            Self::TimedOut(_) | Self::Reset | Self::DialFailed(_) => DoCode::CONNECTION_LOST,
            Self::Closed => DoCode::SOCKET_CLOSED,
            Self::SourceFailed => DoCode::UPLOADING_BAD_PIECES,
            Self::NothingToDo | Self::NoPeers | Self::Stopped => return None,
        })
    }
}

/// The caller of the engine did what it must not. Nothing that a peer sends leads here, and the
/// engine is as it was before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// Accepted connections have to be numbered in rising order.
    #[error("connection {0} is not newer than the ones that were accepted before")]
    ConnectionReused(ConnId),
    /// There never was such a connection.
    #[error("there never was a connection {0}")]
    UnknownConnection(ConnId),
    /// The connection can not have had this input now.
    #[error("connection {conn} is {state}: {input} can not happen")]
    OutOfTurn {
        /// The connection.
        conn: ConnId,
        /// Where it stands.
        state: crate::SessionState,
        /// What was said about it.
        input: &'static str,
    },
    /// The content was added before and not removed since.
    #[error("content {0} was added already")]
    AlreadyAdded(ContentId),
    /// The content was not added, or removed since.
    #[error("content {0} was not added")]
    UnknownContent(ContentId),
    /// The map of pieces is for another number of pieces than the layout's.
    #[error("the map has {map} pieces, the layout {layout}")]
    MapMismatch {
        /// Pieces that the map speaks of.
        map: u32,
        /// Pieces that the layout has.
        layout: u32,
    },
}
