//! Which of several ways the session takes.

use std::time::Duration;

use tokio::{sync::mpsc, time::timeout};

use crate::{
    probe::Reached,
    session::{
        SessionError,
        opening::{Mine, Opened},
    },
};

/// How long a better way is waited for once a worse one is there.
const GRACE: Duration = Duration::from_millis(250);

/// Opens the session over the best of the ways that work: the lower the rank, the better. Ends
/// when all senders are gone.
pub(crate) async fn choose(
    mut ways: mpsc::UnboundedReceiver<(usize, Reached)>,
    mine: &Mine<'_>,
) -> Result<Opened, SessionError> {
    let mut spare: Vec<(usize, Reached)> = Vec::new();
    let mut last_error = SessionError::TimedOut;
    loop {
        let next = match spare.first() {
            // Nothing better can come.
            Some((0, _)) => None,
            Some(_) => timeout(GRACE, ways.recv()).await.unwrap_or(None),
            None => ways.recv().await,
        };
        if let Some(way) = next {
            let at = spare.partition_point(|(rank, _)| *rank <= way.0);
            spare.insert(at, way);
            continue;
        }
        if spare.is_empty() {
            return Err(last_error);
        }
        let (_, best) = spare.remove(0);
        match best.open(mine).await {
            Ok(opened) => return Ok(opened),
            // The other side's decision holds on every way.
            Err(error @ (SessionError::Declined(_) | SessionError::Refused(_))) => {
                return Err(error);
            }
            Err(error) => last_error = error,
        }
    }
}
