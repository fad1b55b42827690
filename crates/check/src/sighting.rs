//! Whether this host has seen another's DNS-SD announcement.

use std::time::{Duration, Instant};

use crate::station::Shared;

/// Waits until the peer with this id is seen on the link, and says how long that took.
pub(crate) async fn wait_for(shared: &Shared, peer: &str, wait: Duration) -> (bool, Duration) {
    let began = Instant::now();
    let Some(discovery) = &shared.discovery else {
        return (false, Duration::ZERO);
    };
    let mut candidates = discovery.candidates();
    let search = async {
        while let Some(event) = candidates.next().await {
            use dolab_discovery::Event;
            #[expect(clippy::wildcard_enum_match_arm, reason = "the others tell of no host")]
            let candidate = match &event {
                Event::Found(candidate) | Event::Changed(candidate) => candidate,
                Event::Called(call) => &call.from,
                _ => continue,
            };
            if candidate
                .lab()
                .is_some_and(|lab| lab.peer.to_string() == peer)
            {
                return true;
            }
        }
        // Discovery was stopped.
        false
    };
    let seen = tokio::time::timeout(wait, search).await.unwrap_or(false);
    (seen, began.elapsed())
}
