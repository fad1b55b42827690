//! Whether this host has seen another's DNS-SD announcement.

use std::time::{Duration, Instant};

use dolab_discovery::{Candidate, Discovery};

use crate::station::Shared;

/// Time in which an announcement that is out is seen, if it is seen at all.
pub(crate) const TO_BE_SEEN: Duration = Duration::from_millis(1000);

/// When an announcement is repeated.
const AGAIN: Duration = Duration::from_millis(1400);

/// Whether the peer with this id is seen on the link now.
pub(crate) fn is_seen(shared: &Shared, peer: &str) -> bool {
    let seen = shared
        .discovery
        .as_ref()
        .map(Discovery::sightings)
        .unwrap_or_default();
    seen.iter()
        .filter_map(Candidate::lab)
        .any(|lab| lab.peer.to_string() == peer)
}

/// Announces this host again, now and a little later: whether the other side sees us must not hang
/// on whether its question gets through. An announcement that was seen before proves nothing about
/// now, and one that was lost is no blocked path.
pub(crate) async fn show(shared: &Shared) {
    shared.announce().await;
    tokio::time::sleep(AGAIN).await;
    shared.announce().await;
}

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
