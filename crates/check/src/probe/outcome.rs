//! What errors of the system mean for a call.

use std::io;

use crate::{
    evidence::{CallerSaw, NotTested, OsError, Outcome, Unreachable},
    session::SessionError,
};

/// A call that did not get through, before anything had answered.
pub(super) fn of_connect(error: &io::Error) -> Outcome {
    use io::ErrorKind as Kind;
    // A blackhole route (observed on Linux).
    let blackhole = cfg!(target_os = "linux") && error.raw_os_error() == Some(22);
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other kinds do not come from there, or mean nothing else"
    )]
    match error.kind() {
        Kind::ConnectionRefused | Kind::ConnectionReset => Outcome::Refused,
        Kind::PermissionDenied => Outcome::Forbidden,
        Kind::NetworkUnreachable => Outcome::Unreachable(Unreachable::Net),
        Kind::HostUnreachable => Outcome::Unreachable(Unreachable::Host),
        Kind::NetworkDown => Outcome::Unreachable(Unreachable::Other),
        Kind::TimedOut => Outcome::TimedOut,
        _ if blackhole => Outcome::Unreachable(Unreachable::Other),
        _ => Outcome::NotTested(NotTested::Failed {
            why: error.to_string(),
        }),
    }
}

/// A connection that stood, and failed before the first exchange was done.
pub(super) fn of_connected(error: &io::Error) -> Outcome {
    use io::ErrorKind as Kind;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other kinds do not come from there, or mean nothing else"
    )]
    match error.kind() {
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
            Outcome::ResetAfterConnect
        }
        Kind::UnexpectedEof => Outcome::ClosedAfterConnect,
        Kind::PermissionDenied => Outcome::Forbidden,
        // What TLS can not read was not written by TLS.
        Kind::InvalidData => Outcome::Foreign,
        _ => Outcome::SilentAfterConnect,
    }
}

/// As [`of_connected`], for the check session.
pub(super) fn of_session(error: &SessionError, saw: &mut CallerSaw) {
    saw.outcome = match error {
        SessionError::Io(error) => {
            saw.error = OsError::from_io(error);
            of_connected(error)
        }
        SessionError::Closed => Outcome::ClosedAfterConnect,
        SessionError::TimedOut => Outcome::SilentAfterConnect,
        SessionError::Format(_) | SessionError::Unexpected { .. } | SessionError::Foreign(_) => {
            Outcome::Foreign
        }
        SessionError::Declined(_) | SessionError::Refused(_) => Outcome::Open,
    };
}
