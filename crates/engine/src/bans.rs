use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use dolab_wire::swarm::PeerId;

use crate::Instant;

/// Who sent bad pieces, and who is banned for it (documented: several bad pieces, for hours).
///
/// Both the identity and the address are held to account: an identity costs a peer nothing.
/// Loopback addresses are not, because every peer of this machine has the same.
#[derive(Debug)]
pub(crate) struct Bans {
    records: BTreeMap<Culprit, Record>,
    limit: u32,
    duration: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Culprit {
    Peer(PeerId),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Record {
    strikes: u32,
    last: Instant,
    banned: bool,
}

/// Most culprits that are remembered. Each has cost the sender a whole piece.
const MAX_RECORDS: usize = 4096;

impl Bans {
    pub(crate) fn new(limit: u32, duration: Duration) -> Self {
        Self {
            records: BTreeMap::new(),
            limit,
            duration,
        }
    }

    /// Notes a bad piece. Returns whether the sender is banned for it, and was not before.
    pub(crate) fn strike(&mut self, now: Instant, peer: PeerId, address: IpAddr) -> bool {
        let mut newly = false;
        for culprit in culprits(peer, address) {
            self.make_room();
            let forgiven = now.since(self.last(culprit)) >= self.duration;
            let fresh = Record {
                strikes: 0,
                last: now,
                banned: false,
            };
            let record = self.records.entry(culprit).or_insert(fresh);
            if forgiven {
                *record = fresh;
            }
            record.strikes += 1;
            record.last = now;
            if record.strikes >= self.limit && !record.banned {
                record.banned = true;
                newly = true;
            }
        }
        newly
    }

    /// Until when an address is banned.
    pub(crate) fn address(&self, now: Instant, address: IpAddr) -> Option<Instant> {
        self.until(now, Culprit::Address(address.to_canonical()))
    }

    /// Until when a peer is banned.
    pub(crate) fn peer(&self, now: Instant, peer: PeerId) -> Option<Instant> {
        self.until(now, Culprit::Peer(peer))
    }

    fn until(&self, now: Instant, culprit: Culprit) -> Option<Instant> {
        let record = self.records.get(&culprit).filter(|record| record.banned)?;
        Some(record.last + self.duration).filter(|&until| until > now)
    }

    fn last(&self, culprit: Culprit) -> Instant {
        self.records
            .get(&culprit)
            .map_or_else(Instant::default, |record| record.last)
    }

    fn make_room(&mut self) {
        if self.records.len() >= MAX_RECORDS {
            let oldest = self.records.iter().min_by_key(|(_, record)| record.last);
            if let Some((&culprit, _)) = oldest {
                self.records.remove(&culprit);
            }
        }
    }
}

fn culprits(peer: PeerId, address: IpAddr) -> impl Iterator<Item = Culprit> {
    let address = address.to_canonical();
    let address = (!address.is_loopback()).then_some(Culprit::Address(address));
    [Some(Culprit::Peer(peer)), address].into_iter().flatten()
}
