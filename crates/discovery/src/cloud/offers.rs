use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use dolab_wire::{
    cloud::{MAX_PEERS, OfferedPeer},
    swarm::PeerId,
    text::printable,
};

use crate::{Candidate, Event, Kind, Source};

/// The devices that the cloud offered, and when last.
#[derive(Debug, Default)]
pub(super) struct Offers {
    known: BTreeMap<PeerId, (Candidate, Instant)>,
}

/// Devices that are kept of all answers together. Those beyond are passed over.
const MAX: usize = 4 * MAX_PEERS;

impl Offers {
    /// Takes an answer: what is new, what changed, and what the cloud has not offered for as long
    /// as a registration lasts. An answer names some of those that there are, so one that is not in
    /// it may still be there.
    pub(super) fn take(
        &mut self,
        peers: &[OfferedPeer],
        now: Instant,
        lifetime: Duration,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        for peer in peers {
            if let Some((known, offered)) = self.known.get_mut(&peer.peer_id) {
                *offered = now;
                let addrs = addrs(peer);
                if (&known.addrs, known.peer_type) != (&addrs, peer.peer_type) {
                    (known.addrs, known.peer_type, known.changed) = (addrs, peer.peer_type, now);
                    events.push(Event::Changed(known.clone()));
                }
            } else if self.known.len() < MAX {
                let candidate = candidate(peer, now);
                self.known.insert(peer.peer_id, (candidate.clone(), now));
                events.push(Event::Found(candidate));
            }
        }
        let is_gone = |offered: Instant| now.saturating_duration_since(offered) >= lifetime;
        self.known.retain(|_, (candidate, offered)| {
            if is_gone(*offered) {
                events.push(Event::Lost(candidate.clone()));
            }
            !is_gone(*offered)
        });
        events
    }

    /// Tells of all of them.
    pub(super) fn all(&self) -> Vec<Event> {
        let known = self.known.values();
        known
            .map(|(known, _)| Event::Found(known.clone()))
            .collect()
    }
}

fn candidate(peer: &OfferedPeer, now: Instant) -> Candidate {
    Candidate {
        source: Source::Cloud,
        name: printable(&peer.peer_id.to_string(), 40),
        host: None,
        addrs: addrs(peer),
        kind: Kind::Offered(peer.peer_id),
        peer_type: peer.peer_type,
        interfaces: Vec::new(),
        found: now,
        changed: now,
    }
}

fn addrs(peer: &OfferedPeer) -> Vec<std::net::SocketAddr> {
    let addrs = peer.addresses.iter().take(Candidate::MAX_ADDRS);
    addrs.copied().collect()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use dolab_wire::PeerType;

    use super::*;

    const LIFETIME: Duration = Duration::from_secs(900);

    fn offer(id: u8, port: u16) -> OfferedPeer {
        OfferedPeer {
            peer_id: PeerId([id; 20]),
            addresses: [SocketAddr::from(([10, 0, 0, id], port))]
                .into_iter()
                .collect(),
            peer_type: PeerType::Group,
        }
    }

    #[test]
    fn found_once_changed_when_it_moves_lost_when_it_stays_away() {
        let mut offers = Offers::default();
        let start = Instant::now();
        let events = offers.take(&[offer(1, 7680), offer(2, 7680)], start, LIFETIME);
        let [Event::Found(first), Event::Found(_)] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(
            (first.source, first.peer_type),
            (Source::Cloud, PeerType::Group)
        );
        assert_eq!(first.kind, Kind::Offered(PeerId([1; 20])));

        let later = start + Duration::from_secs(600);
        let events = offers.take(&[offer(1, 7680)], later, LIFETIME);
        assert!(events.is_empty(), "{events:?}");

        let end = start + LIFETIME;
        let events = offers.take(&[offer(1, 9)], end, LIFETIME);
        let [Event::Changed(moved), Event::Lost(gone)] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(moved.addrs, [SocketAddr::from(([10, 0, 0, 1], 9))]);
        assert_eq!((moved.found, moved.changed), (start, end));
        assert_eq!(gone.kind, Kind::Offered(PeerId([2; 20])));
    }

    #[test]
    fn a_cloud_that_never_ends_fills_no_memory() {
        let mut offers = Offers::default();
        let now = Instant::now();
        let mut found = 0;
        for n in 0..100u32 {
            let peer = |k: u32| {
                let mut peer = offer(0, 7680);
                peer.peer_id.0[..8].copy_from_slice(&u64::from(n << 16 | k).to_be_bytes());
                peer
            };
            let peers: Vec<_> = (0..255).map(peer).collect();
            found += offers.take(&peers, now, LIFETIME).len();
        }
        assert_eq!(found, MAX);
    }
}
