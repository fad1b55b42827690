use std::net::SocketAddr;

use dolab_wire::session::Refusal;

use crate::{
    evidence::ExchangeEnd,
    report::{PathId, Via},
};

/// Events that a subscriber may be behind.
pub(super) const MAX_EVENTS: usize = 256;

/// What others do with a station in their sessions, for logs and screens.
///
/// Content that it sends is told by [`Peer::subscribe`](dolab_peer::Peer::subscribe), like all that
/// the exchange sends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A session stands: where a key is demanded, it was proven.
    Began {
        /// Who asks.
        remote: SocketAddr,
        /// What the session runs over.
        via: Via,
        /// The host's name as it says it. Of a stranger: escape it before it is shown.
        host: String,
        /// Its version of dolab, the same.
        version: String,
    },
    /// This host called one of the asker's ports, because it asked for that.
    Probed {
        /// Who asked.
        remote: SocketAddr,
        /// The path that was tried.
        path: PathId,
        /// Whether its port answered.
        open: bool,
    },
    /// The asker's content came here, or as much of it as could.
    Received {
        /// Who asked.
        remote: SocketAddr,
        /// Bytes that came and were verified.
        bytes: u64,
        /// How it ended.
        end: ExchangeEnd,
    },
    /// A question was not answered.
    Declined {
        /// Who asked.
        remote: SocketAddr,
        /// Why not.
        why: Refusal,
    },
    /// A session is over.
    Ended {
        /// Who asked.
        remote: SocketAddr,
    },
}
