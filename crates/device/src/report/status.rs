//! `Get-DeliveryOptimizationStatus`, and its `-PeerInfo`.

use std::{fmt, net::IpAddr, time::Duration};

use dolab_wire::{DownloadMode, PeerType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    classes::{ByClass, Efficiency, peer_fields},
    record::{Field, Record, Value, field},
};

/// How a file stands (documented: 0 to 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// 0: it is on its way.
    Downloading,
    /// 1: it is whole, and not shared.
    Complete,
    /// 2: it is whole, in the cache, and shared.
    Caching,
    /// 3: it is not whole, and nothing goes on.
    Paused,
}

impl Status {
    /// The number that the provider carries.
    pub const fn number(self) -> u32 {
        match self {
            Self::Downloading => 0,
            Self::Complete => 1,
            Self::Caching => 2,
            Self::Paused => 3,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One file, as `Get-DeliveryOptimizationStatus` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileStatus {
    /// What the file is called by: here its content id.
    pub file_id: String,
    /// Bytes in the file.
    pub file_size: u64,
    /// Bytes of it that are in this device's cache.
    pub file_size_in_cache: u64,
    /// How it stands.
    pub status: Status,
    /// Whether somebody waits for it.
    pub foreground: bool,
    /// Bytes that came, by source.
    pub from: ByClass<u64>,
    /// Bytes that were sent to others.
    pub to: ByClass<u64>,
    /// How long it took, or has taken so far.
    pub download_duration: Duration,
    /// Connections now.
    pub connections: ByClass<u32>,
    /// The mode that it was, or is, downloaded in.
    pub download_mode: DownloadMode,
    /// Where HTTP fetches it from; empty when it came from peers alone.
    pub source_url: String,
    /// The Connected Cache in use.
    pub cache_host: Option<String>,
    /// Peers that were offered, connected or not (documented).
    pub num_peers: u32,
    /// Which program wanted it.
    pub predefined_caller_application: String,
    /// When it leaves the cache.
    pub expire_on: Option<Timestamp>,
    /// Whether it is kept however full the cache gets.
    pub is_pinned: bool,
}

impl FileStatus {
    /// How much of it came from peers.
    pub fn efficiency(&self) -> Efficiency {
        Efficiency::of(&self.from)
    }
}

impl Record for FileStatus {
    fn fields(&self) -> Vec<Field> {
        let peers = self.efficiency();
        let (from, conns) = (&self.from, &self.connections);
        let mut fields = vec![
            field("FileId", &self.file_id),
            field("FileSize", self.file_size),
            field("FileSizeInCache", self.file_size_in_cache),
            field("TotalBytesDownloaded", from.total()),
            field("PercentPeerCaching", peers.microsoft_percent),
            field("BytesFromPeers", peers.microsoft_bytes),
            field("BytesFromHttp", from.http()),
            field("Status", self.status.to_string()),
            field("Priority", priority(self.foreground)),
            field("BytesFromCacheServer", from.cache_host),
        ];
        fields.extend(peer_fields(
            [
                "BytesFromLanPeers",
                "BytesFromLinkLocalPeers",
                "BytesFromGroupPeers",
                "BytesFromInternetPeers",
            ],
            from,
        ));
        fields.extend(peer_fields(
            [
                "BytesToLanPeers",
                "BytesToLinkLocalPeers",
                "BytesToGroupPeers",
                "BytesToInternetPeers",
            ],
            &self.to,
        ));
        fields.extend([
            field("DownloadDuration", self.download_duration),
            field("HttpConnectionCount", conns.http()),
            field("CacheServerConnectionCount", conns.cache_host),
            field("LanConnectionCount", conns.lan),
            field("LinkLocalConnectionCount", conns.link_local),
            field("GroupConnectionCount", conns.group),
            field("InternetConnectionCount", conns.internet),
            field("DownloadMode", self.download_mode.name()),
            field("SourceURL", &self.source_url),
            field("CacheHost", self.cache_host.clone()),
            field("NumPeers", self.num_peers),
            field(
                "PredefinedCallerApplication",
                &self.predefined_caller_application,
            ),
            field("ExpireOn", self.expire_on),
            field("IsPinned", self.is_pinned),
        ]);
        fields
    }
}

/// The documented names: Background 0, Foreground 1.
pub(super) fn priority(foreground: bool) -> &'static str {
    if foreground {
        "Foreground"
    } else {
        "Background"
    }
}

/// A peer that was proposed for a file, connected or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerInfo {
    /// Its address.
    pub ip: IpAddr,
    /// What kind of peer it is.
    pub peer_type: PeerType,
    /// Whether a connection ever stood.
    pub connection_established: bool,
    /// Bytes of the file that were sent to it.
    pub bytes_sent: u64,
    /// Bytes of the file that came from it.
    pub bytes_received: u64,
    /// Bytes each second that go to it, over the last 20 s.
    pub upload_rate: u64,
    /// Bytes each second that come from it, over the last 20 s.
    pub download_rate: u64,
    /// How the last attempt to connect or the last connection failed. The cmdlet has no such field.
    #[serde(default)]
    pub end: Option<PeerEnd>,
}

/// How it failed with a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerEnd {
    /// Delivery Optimization's code, where there is one.
    pub code: Option<dolab_wire::DoCode>,
    /// In words.
    pub why: String,
}

impl Record for PeerInfo {
    fn fields(&self) -> Vec<Field> {
        vec![
            field("IP", self.ip.to_string()),
            field("PeerType", self.peer_type.name()),
            field("ConnectionEstablished", self.connection_established),
            field("BytesSent", self.bytes_sent),
            field("BytesReceived", self.bytes_received),
            field("UploadRateBytes", self.upload_rate),
            field("DownloadRateBytes", self.download_rate),
        ]
    }
}

/// The peers of one file, as `Get-DeliveryOptimizationStatus -PeerInfo` shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePeers {
    /// The file.
    pub file_id: String,
    /// Its peers, who sent most first.
    pub peers: Vec<PeerInfo>,
    /// How many there are in all: the list may be cut.
    pub of: usize,
}

impl FilePeers {
    /// Peers that the cmdlet shows when it is not told a number (documented).
    pub const SHOWN: usize = 5;

    /// The `count` peers that sent most. Of two that sent the same, the order stays as it was.
    pub fn new(file_id: impl Into<String>, mut peers: Vec<PeerInfo>, count: usize) -> Self {
        let of = peers.len();
        peers.sort_by_key(|peer| std::cmp::Reverse(peer.bytes_received));
        peers.truncate(count);
        Self {
            file_id: file_id.into(),
            peers,
            of,
        }
    }
}

impl Record for FilePeers {
    fn fields(&self) -> Vec<Field> {
        let peers = self.peers.iter().map(|peer| Value::Record(peer.fields()));
        vec![
            field("FileId", &self.file_id),
            field("Peers", Value::List(peers.collect())),
        ]
    }
}
