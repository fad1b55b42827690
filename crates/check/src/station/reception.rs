//! Takes care of connections that want a check session, whichever responder they came to.

use std::sync::{Arc, Weak};

use dolab_wire::session::{Refusal, Role};
use tokio::sync::mpsc;

use super::Shared;
use crate::session::{SessionError, answerer, channel::Channel, opening};

/// Serves what the responders hand over until the station stops.
pub(super) fn start(shared: &Arc<Shared>, mut queue: mpsc::Receiver<Channel>) {
    let station: Weak<Shared> = Arc::downgrade(shared);
    shared.door.spawn(async move {
        while let Some(channel) = queue.recv().await {
            let Some(shared) = station.upgrade() else {
                break;
            };
            let remote = channel.carrier.remote;
            // Not ended by the station's stop as other tasks are: a session says goodbye.
            shared.door.tasks.clone().spawn(async move {
                if let Err(error) = receive(channel, &shared).await {
                    tracing::info!(%remote, %error, "no check session");
                }
            });
        }
    });
}

async fn receive(channel: Channel, shared: &Arc<Shared>) -> Result<(), SessionError> {
    let remote = channel.carrier.remote.ip();
    let place = shared.door.strangers.enter();
    let opening = async {
        let opened = opening::accept(channel, shared.key()).await?;
        let nonce = opened.theirs().call;
        let call = match opened.theirs().role {
            Role::Asker => None,
            Role::Answerer => match nonce.filter(|nonce| shared.expects(*nonce)) {
                Some(nonce) => Some(nonce),
                None => return Err(opened.refuse(Refusal::UnknownCall).await),
            },
        };
        let standing = match shared.sessions.admit(remote) {
            Ok(standing) => standing,
            Err(why) => return Err(opened.refuse(why).await),
        };
        let hello = shared.hello();
        let session = opened.establish(shared.key(), hello).await?;
        Ok((session, call, standing))
    };
    let opened = tokio::select! {
        opened = place.hold(opening) => opened.unwrap_or(Err(SessionError::TimedOut)),
        () = shared.door.stop.cancelled() => return Ok(()),
    };
    let (session, call, standing) = opened?;
    let result = match call {
        None => answerer::serve(session, shared).await,
        Some(nonce) => {
            shared.answered(nonce, session);
            Ok(())
        }
    };
    drop(standing);
    result
}
