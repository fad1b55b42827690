//! TCP 7680: a connection, and the first messages of a check session.

use tokio::time::timeout;

use super::{
    Call, Reached,
    connect::{self, Segments},
    outcome,
};
use crate::{
    evidence::{CallerSaw, Outcome},
    report::Via,
    session::{
        SessionError,
        channel::{Carrier, Channel},
        opening::{self, Mine, Opened},
    },
};

pub(super) async fn probe(call: &Call, mine: &Mine<'_>) -> (CallerSaw, Option<Reached>) {
    let (mut saw, stream) = connect::connect(call, Segments::Small).await;
    let Some(stream) = stream else {
        return (saw, None);
    };
    let left = call.patience.saturating_sub(saw.waited);
    let channel = Channel::new(stream, carrier(call, &saw), &[]);
    let opened = timeout(left, opening::dial(channel, mine)).await;
    match opened.unwrap_or(Err(SessionError::TimedOut)) {
        Ok(opened) => {
            saw.outcome = Outcome::Open;
            (saw, Some(Reached::Opened(opened)))
        }
        Err(error) => {
            outcome::of_session(&error, &mut saw);
            let declined = saw.outcome == Outcome::Open;
            (saw, declined.then_some(Reached::Declined(error)))
        }
    }
}

/// A session's beginning and nothing else, with segments of the usual size.
pub(super) async fn open(call: &Call, mine: &Mine<'_>) -> Result<Opened, SessionError> {
    let (saw, stream) = connect::connect(call, Segments::Usual).await;
    let Some(stream) = stream else {
        return Err(match saw.error {
            Some(error) => SessionError::Io(std::io::Error::from_raw_os_error(error.code)),
            None => SessionError::TimedOut,
        });
    };
    let left = call.patience.saturating_sub(saw.waited);
    let channel = Channel::new(stream, carrier(call, &saw), &[]);
    timeout(left, opening::dial(channel, mine))
        .await
        .unwrap_or(Err(SessionError::TimedOut))
}

fn carrier(call: &Call, saw: &CallerSaw) -> Carrier {
    let local = saw.from.unwrap_or_else(|| ([0, 0, 0, 0], 0).into());
    Carrier {
        via: Via::Tcp7680,
        local,
        remote: call.to,
    }
}
