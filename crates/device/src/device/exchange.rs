//! What the peer tells, as the accounts want it.

use std::collections::BTreeMap;

use dolab_content::ContentId;
use dolab_peer::{ByKind, ContentView, PeerType, Progress, Snapshot};

use crate::{
    SourceReport,
    book::{Exchange, Reading},
    report::ByClass,
};

/// What the peer tells of each content.
pub(super) fn readings(
    contents: &[ContentView],
    snapshot: &Snapshot,
) -> BTreeMap<ContentId, Reading> {
    let mut readings = BTreeMap::<ContentId, Reading>::new();
    for content in contents {
        let mut reading = Reading {
            from: by_class(&content.traffic.down),
            to: by_class(&content.traffic.up),
            ..Reading::default()
        };
        let fetches = content.fetches;
        reading.connections.cdn = fetches.origins as u32;
        reading.connections.cache_host = fetches.caches as u32;
        readings.insert(content.id, reading);
    }
    for view in &snapshot.connections {
        let exchange = &view.exchange;
        let reading = exchange.content.and_then(|id| readings.get_mut(&id));
        let (Some(reading), Some(peer)) = (reading, exchange.peer) else {
            continue;
        };
        reading.connections.add(exchange.kind, 1);
        reading.peers.push(Exchange {
            id: Some(peer),
            ip: exchange.remote.ip(),
            kind: exchange.kind,
            sent: exchange.bytes_up,
            received: exchange.bytes_down,
        });
    }
    readings
}

/// Who sent how much.
pub(super) fn sources(progress: &Progress) -> Vec<SourceReport> {
    let senders = progress.senders.iter();
    senders
        .map(|sender| SourceReport {
            source: sender.addr.to_string(),
            kind: sender.kind,
            bytes: sender.bytes,
            pieces: sender.pieces,
            bad_pieces: sender.bad_pieces,
        })
        .collect()
}

/// Bytes by class, from the peer's own account.
fn by_class(bytes: &ByKind) -> ByClass<u64> {
    let mut classes = ByClass::default();
    for kind in PeerType::ALL {
        classes.add(kind, bytes.of(kind));
    }
    classes
}
