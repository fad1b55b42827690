//! `Get-DeliveryOptimizationLogAnalysis`, and its `-ListConnections`.

use std::collections::BTreeSet;

use dolab_wire::DoCode;

use super::{
    classes::{ByClass, Efficiency},
    log::{LogEntry, Trace},
    record::{Field, Record, field},
    trace::ConnectionTrace,
};

/// What a log says about peering, as `Get-DeliveryOptimizationLogAnalysis` sums it up. The counts
/// are documented; how they are spelled is assumed.
#[derive(Clone, Debug, PartialEq)]
pub struct LogAnalysis {
    /// Downloads that ended.
    pub files: u32,
    /// How many of them somebody waited for.
    pub foreground_files: u32,
    /// Smallest file that may be peered, in bytes.
    pub min_cacheable: u64,
    /// Downloads of at least that size.
    pub eligible_files: u32,
    /// Downloads for which peers were offered.
    pub files_with_peers: u32,
    /// Downloads of which bytes came from peers.
    pub peering_files: u32,
    /// Bytes of all downloads, by source.
    pub overall: ByClass<u64>,
    /// Bytes of those downloads that peered.
    pub peered: ByClass<u64>,
}

impl LogAnalysis {
    /// Sums up a log. `min_cacheable` is the policy's smallest size in bytes.
    pub fn of<'a>(log: impl IntoIterator<Item = &'a LogEntry>, min_cacheable: u64) -> Self {
        let mut sum = Self {
            files: 0,
            foreground_files: 0,
            min_cacheable,
            eligible_files: 0,
            files_with_peers: 0,
            peering_files: 0,
            overall: ByClass::default(),
            peered: ByClass::default(),
        };
        for entry in log {
            let Some(Trace::Completion(end)) = &entry.trace else {
                continue;
            };
            sum.files += 1;
            sum.foreground_files += u32::from(!end.background);
            sum.eligible_files += u32::from(end.file_bytes >= min_cacheable);
            sum.files_with_peers += u32::from(end.peers > 0);
            sum.overall.add_all(&end.bytes);
            if end.bytes.peers() > 0 {
                sum.peering_files += 1;
                sum.peered.add_all(&end.bytes);
            }
        }
        sum
    }

    /// How much of all downloads came from peers.
    pub fn overall_efficiency(&self) -> Efficiency {
        Efficiency::of(&self.overall)
    }

    /// How much of those that peered came from peers.
    pub fn peered_efficiency(&self) -> Efficiency {
        Efficiency::of(&self.peered)
    }
}

impl Record for LogAnalysis {
    fn fields(&self) -> Vec<Field> {
        vec![
            field("FileCount", self.files),
            field("ForegroundFileCount", self.foreground_files),
            field("MinCacheableFileSize", self.min_cacheable),
            field("EligibleFileCount", self.eligible_files),
            field("FilesWithPeersCount", self.files_with_peers),
            field("PeeringFileCount", self.peering_files),
            field(
                "OverallEfficiencyPct",
                self.overall_efficiency().microsoft_percent,
            ),
            field(
                "PeeredEfficiencyPct",
                self.peered_efficiency().microsoft_percent,
            ),
        ]
    }
}

/// The connections of a log, in the order of their ends, each peer's of a file added up when it
/// came and went with the same outcome.
pub fn connections<'a>(log: impl IntoIterator<Item = &'a LogEntry>) -> Vec<ConnectionTrace> {
    let mut list: Vec<ConnectionTrace> = Vec::new();
    let mut seen = BTreeSet::new();
    for entry in log {
        let Some(Trace::Connection(conn)) = &entry.trace else {
            continue;
        };
        let key = (conn.file_id.clone(), conn.ip, conn.peer_type, conn.status);
        if seen.insert(key) {
            list.push(conn.clone());
        } else if let Some(same) = list.iter_mut().find(|same| {
            (&same.file_id, same.ip, same.peer_type, same.status)
                == (&conn.file_id, conn.ip, conn.peer_type, conn.status)
        }) {
            same.bytes_sent += conn.bytes_sent;
            same.bytes_received += conn.bytes_received;
        }
    }
    list
}

impl Record for ConnectionTrace {
    fn fields(&self) -> Vec<Field> {
        vec![
            field("DestinationIP", self.ip.to_string()),
            field("PeerType", self.peer_type.name()),
            field("StatusCode", DoCode(self.status).to_string()),
            field("BytesSent", self.bytes_sent),
            field("BytesReceived", self.bytes_received),
            field("FileId", &self.file_id),
        ]
    }
}
