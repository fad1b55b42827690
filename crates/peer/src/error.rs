use std::{io, net::SocketAddr};

use dolab_content::ContentId;

/// Why a peer could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Someone else listens on the port.
    #[error("port {port} is taken{by}: stop that, or listen on another port", port = addr.port(), by = by(holder))]
    PortTaken {
        /// The address that was to be listened on.
        addr: SocketAddr,
        /// Who has it, where the system tells.
        holder: Option<String>,
    },
    /// This user may not listen there.
    #[error(
        "listening on {addr} is not allowed here: take a port above 1023, or run it with more rights"
    )]
    PermissionDenied {
        /// The address that was to be listened on.
        addr: SocketAddr,
    },
    /// Anything else that the system reports.
    #[error("can not listen on {addr}: {source}")]
    Listen {
        /// The address that was to be listened on.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A socket option that was asked for is not to be had.
    #[error("a socket option that was asked for is refused by this system: {0}")]
    SocketOption(io::Error),
    /// The system gives no threads.
    #[error("can not start a thread: {0}")]
    Thread(io::Error),
}

fn by(holder: &Option<String>) -> String {
    holder
        .as_ref()
        .map_or_else(String::new, |holder| format!(" by {holder}"))
}

/// Why a content could not be taken up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// It is shared or downloaded already.
    #[error("content {0} is shared or downloaded already")]
    Known(ContentId),
    /// The map of what is there is for another number of pieces.
    #[error("the map of pieces has {map}, the content {pieces}")]
    MapMismatch {
        /// Pieces that the map speaks of.
        map: u32,
        /// Pieces in the content.
        pieces: u32,
    },
    /// The peer was stopped.
    #[error("the peer was stopped")]
    Stopped,
}
