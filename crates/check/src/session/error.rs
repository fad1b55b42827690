use std::io;

use dolab_wire::session::{Refusal, SessionFormatError};

/// Why a session did not come about, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The stream failed: the network, or the other side's host.
    #[error("the check session broke: {0}")]
    Io(#[from] io::Error),
    /// The other side closed the connection.
    #[error("the other side closed the check session")]
    Closed,
    /// The other side sent what is no message. Its fault.
    #[error("the other side broke the check session's form: {0}")]
    Format(#[from] SessionFormatError),
    /// The other side sent a message that does not belong there. Its fault.
    #[error("the other side sent something else than {expected}")]
    Unexpected {
        /// What was due.
        expected: &'static str,
    },
    /// The other side does not speak the check session.
    #[error("no dolab answers there: {0}")]
    Foreign(String),
    /// The other side declined.
    #[error("the other side declined: {0}")]
    Declined(Refusal),
    /// This side declined.
    #[error("declined here: {0}")]
    Refused(Refusal),
    /// Nothing came in time.
    #[error("the other side did not answer in time")]
    TimedOut,
}
