use std::net::SocketAddr;

use dolab_check::SessionError;
use dolab_wire::session::Refusal;

/// Why nothing was measured with a host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// Nothing answers on its port.
    #[error("no connection to tcp {addr}: {error}")]
    Unreachable {
        /// The address that was called last.
        addr: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// Its port is open, and no dolab answers there, or none that can be spoken to.
    #[error("{addr}: {error}")]
    Session {
        /// The peer.
        addr: SocketAddr,
        /// Why not.
        error: SessionError,
    },
    /// It is dolab, and takes part in no benchmark.
    #[error("{addr} declined: {why}")]
    Declined {
        /// The peer.
        addr: SocketAddr,
        /// Why.
        why: Refusal,
    },
    /// It is dolab, and what it says about a benchmark makes no sense. Its fault.
    #[error("{addr} gave an answer that makes no sense: {what}")]
    Confused {
        /// The peer.
        addr: SocketAddr,
        /// What was wrong.
        what: String,
    },
    /// It serves no run as long as that.
    #[error(
        "{addr} serves {longest:?} at most for a run with its warm-up: take a shorter --duration"
    )]
    TooLong {
        /// The peer.
        addr: SocketAddr,
        /// Longest run.
        longest: std::time::Duration,
    },
    /// This host failed.
    #[error("{0}")]
    Local(String),
}

impl BenchError {
    /// A session that did not come about.
    pub(crate) fn session(addr: SocketAddr, error: SessionError) -> Self {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the others are all of one kind"
        )]
        match error {
            SessionError::Io(error) => Self::Unreachable { addr, error },
            SessionError::TimedOut => Self::Unreachable {
                addr,
                error: std::io::ErrorKind::TimedOut.into(),
            },
            SessionError::Declined(why) => Self::Declined { addr, why },
            error => Self::Session { addr, error },
        }
    }
}
