//! Takes care of connections that want a check session, whichever responder they came to.

use std::sync::{Arc, Weak};

use dolab_wire::session::{Refusal, Role};
use tokio::sync::{Semaphore, mpsc};

use super::Shared;
use crate::session::{SessionError, answerer, channel::Channel, opening};

/// Serves what the responders hand over until the station stops.
pub(super) fn start(shared: &Arc<Shared>, mut queue: mpsc::Receiver<Channel>) {
    let places = Arc::new(Semaphore::new(shared.config.limits.sessions));
    let station: Weak<Shared> = Arc::downgrade(shared);
    shared.door.spawn(async move {
        while let Some(channel) = queue.recv().await {
            let Some(shared) = station.upgrade() else {
                break;
            };
            let remote = channel.carrier.remote;
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!(%remote, "too many check sessions at once: this one is closed");
                continue;
            };
            shared.door.tasks.clone().spawn(async move {
                if let Err(error) = receive(channel, &shared).await {
                    tracing::info!(%remote, %error, "no check session");
                }
                drop(place);
            });
        }
    });
}

async fn receive(channel: Channel, shared: &Arc<Shared>) -> Result<(), SessionError> {
    let opened = opening::accept(channel, shared.key()).await?;
    let hello = shared.hello(&opened.carrier());
    let call = opened.theirs().call;
    match opened.theirs().role {
        Role::Asker => {
            let session = opened.establish(shared.key(), hello).await?;
            answerer::serve(session, shared).await
        }
        Role::Answerer => {
            let Some(nonce) = call.filter(|nonce| shared.expects(*nonce)) else {
                return Err(opened.refuse(Refusal::UnknownCall).await);
            };
            let session = opened.establish(shared.key(), hello).await?;
            shared.answered(nonce, session);
            Ok(())
        }
    }
}
