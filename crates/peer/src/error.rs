use std::{io, net::SocketAddr};

use dolab_content::ContentId;
use dolab_host::Holder;

use crate::origin::SourceError;

/// Why a peer could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Someone else listens on the port.
    #[error("port {port} is taken{by}: {advice}", port = addr.port(), by = by(holder), advice = advice(addr.port()))]
    PortTaken {
        /// The address that was to be listened on.
        addr: SocketAddr,
        /// Who has it, where the system tells.
        holder: Option<Holder>,
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

fn by(holder: &Option<Holder>) -> String {
    holder
        .as_ref()
        .map_or_else(String::new, |holder| format!(" by {holder}"))
}

/// On Windows a service of the system's own holds this port while it shares (observed), and the
/// system shows it as one `svchost.exe` of many.
fn advice(port: u16) -> &'static str {
    if cfg!(windows) && port == crate::PORT {
        "if that is the Delivery Optimization service, `Stop-Service DoSvc` in an elevated PowerShell \
         frees it for the time of a test; else stop the program, or listen on another port"
    } else {
        "stop that, or listen on another port"
    }
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
    /// This system does not tell the round trips that a background transfer goes by.
    #[error(
        "background transfers need Linux 5.4 or later, which tells the round trips of a connection: download it in the foreground"
    )]
    NoBackground,
    /// An HTTP source has an address that can not be asked.
    #[error("a source can not be asked: {0}")]
    Source(#[from] SourceError),
    /// The peer was stopped.
    #[error("the peer was stopped")]
    Stopped,
}
