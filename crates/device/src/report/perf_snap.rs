//! `Get-DeliveryOptimizationPerfSnap` and `Get-DeliveryOptimizationPerfSnapThisMonth`.

use dolab_wire::DownloadMode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    classes::{ByClass, Efficiency},
    record::{Field, Record, field},
};

/// A device at one moment, as `Get-DeliveryOptimizationPerfSnap` shows it. Rates are 20-second
/// averages in bytes each second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PerfSnap {
    /// Files of which bytes came.
    pub files_downloaded: u32,
    /// Files of which bytes went to LAN or Internet peers.
    pub files_uploaded: u32,
    /// Files that are known.
    pub files: u32,
    /// Bytes that came, all files together.
    pub from: ByClass<u64>,
    /// Bytes that were sent, all files together.
    pub to: ByClass<u64>,
    /// The policy's mode.
    pub download_mode: DownloadMode,
    /// Bytes in the cache.
    pub cache_size: u64,
    /// Bytes of the disk that the cache is on.
    pub total_disk: u64,
    /// Bytes that are free there.
    pub available_disk: u64,
    /// What this process takes of all processors, in per cent.
    pub cpu_usage_pct: f64,
    /// Memory that this process has resident, in KiB.
    pub mem_usage_kb: u64,
    /// Peers that are offered for what is downloaded now.
    pub number_of_peers: u32,
    /// Connections now.
    pub connections: ByClass<u32>,
    /// What the link downwards can do, in bits each second; 0 when it is not known.
    pub downlink_bps: u64,
    /// What comes in, in bits each second.
    pub downlink_usage_bps: u64,
    /// What the link upwards can do, in bits each second; 0 when it is not known.
    pub uplink_bps: u64,
    /// What goes out, in bits each second.
    pub uplink_usage_bps: u64,
    /// Share of the link that foreground downloads may take, in per cent.
    pub foreground_download_rate_pct: u32,
    /// Share of the link that background downloads may take, in per cent.
    pub background_download_rate_pct: u32,
    /// Share of the link that uploads may take, in per cent.
    pub upload_rate_pct: u32,
    /// Peers that are being sent to.
    pub upload_count: u32,
    /// Foreground downloads that run.
    pub foreground_download_count: u32,
    /// Foreground downloads that wait.
    pub foreground_downloads_pending: u32,
    /// Background downloads that run.
    pub background_download_count: u32,
    /// Background downloads that wait.
    pub background_downloads_pending: u32,
}

impl PerfSnap {
    /// How much of everything came from peers.
    pub fn efficiency(&self) -> Efficiency {
        Efficiency::of(&self.from)
    }
}

impl Record for PerfSnap {
    fn fields(&self) -> Vec<Field> {
        let average = |bytes: u64, files: u32| bytes.checked_div(files.into()).unwrap_or(0);
        let down = self.from.total();
        // The cmdlet leaves out Group and LinkLocal here too (documented).
        let up = self.to.peers_by_microsoft();
        let conns = &self.connections;
        vec![
            field("FilesDownloaded", self.files_downloaded),
            field("FilesUploaded", self.files_uploaded),
            field("Files", self.files),
            field("TotalBytesDownloaded", down),
            field("TotalBytesUploaded", up),
            field("AverageDownloadSize", average(down, self.files_downloaded)),
            field("AverageUploadSize", average(up, self.files_uploaded)),
            field("DownloadMode", self.download_mode.name()),
            field("CacheSizeBytes", self.cache_size),
            field("TotalDiskBytes", self.total_disk),
            field("AvailableDiskBytes", self.available_disk),
            field("CpuUsagePct", self.cpu_usage_pct),
            field("MemUsageKB", self.mem_usage_kb),
            field("NumberOfPeers", self.number_of_peers),
            field("CacheHostConnections", conns.cache_host),
            field("CdnConnections", conns.cdn),
            field("LanConnections", conns.lan),
            field("LinkLocalConnections", conns.link_local),
            field("GroupConnections", conns.group),
            field("InternetConnections", conns.internet),
            field("DownlinkBps", self.downlink_bps),
            field("DownlinkUsageBps", self.downlink_usage_bps),
            field("UplinkBps", self.uplink_bps),
            field("UplinkUsageBps", self.uplink_usage_bps),
            field(
                "ForegroundDownloadRatePct",
                self.foreground_download_rate_pct,
            ),
            field(
                "BackgroundDownloadRatePct",
                self.background_download_rate_pct,
            ),
            field("UploadRatePct", self.upload_rate_pct),
            field("UploadCount", self.upload_count),
            field("ForegroundDownloadCount", self.foreground_download_count),
            field(
                "ForegroundDownloadsPending",
                self.foreground_downloads_pending,
            ),
            field("BackgroundDownloadCount", self.background_download_count),
            field(
                "BackgroundDownloadsPending",
                self.background_downloads_pending,
            ),
        ]
    }
}

/// What moved since the month began, as `Get-DeliveryOptimizationPerfSnapThisMonth` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthSnap {
    /// Bytes that came.
    pub from: ByClass<u64>,
    /// Bytes that were sent.
    pub to: ByClass<u64>,
    /// Average rate of foreground downloads, in kilobits each second.
    pub foreground_kbps: u64,
    /// Average rate of background downloads, in kilobits each second.
    pub background_kbps: u64,
    /// Whether uploads to Internet peers have reached the monthly cap.
    pub upload_limit_reached: bool,
    /// When the month began.
    pub month_start: Timestamp,
}

impl MonthSnap {
    /// How much of everything came from peers: Microsoft's own "peer efficiency" leaves out Group
    /// and LinkLocal as well (documented).
    pub fn efficiency(&self) -> Efficiency {
        Efficiency::of(&self.from)
    }
}

impl Record for MonthSnap {
    fn fields(&self) -> Vec<Field> {
        vec![
            field("UploadLanBytes", self.to.lan),
            field("UploadInternetBytes", self.to.internet),
            field("DownloadHttpBytes", self.from.http()),
            field("DownloadCacheHostBytes", self.from.cache_host),
            field("DownloadLanBytes", self.from.lan),
            field("DownloadInternetBytes", self.from.internet),
            field("DownloadFgRateKbps", self.foreground_kbps),
            field("DownloadBgRateKbps", self.background_kbps),
            field("UploadLimitReached", self.upload_limit_reached),
            field("MonthStartDate", self.month_start),
        ]
    }
}
