//! The lines of the log that say most, field by field in their documented order. How the fields are
//! set apart in the line is assumed.

use std::{fmt, net::IpAddr};

use dolab_wire::{DownloadMode, PeerType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::classes::ByClass;

/// A download began: `_InternalTraceDownloadStart`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartTrace {
    /// 0, or the code with which the start failed.
    pub hr: u32,
    /// The job.
    pub job_id: String,
    /// The file: here its content id.
    pub file_id: String,
    /// The session.
    pub session_id: String,
    /// Where HTTP fetches it from.
    pub cdn_url: String,
    /// The Connected Cache, with how it was found: `DHCP:`, `Services:`, `DNS-SD:` or none of them.
    pub cache_host: String,
    /// Bytes in the file, 0 while they are not known.
    pub bytes: u64,
    /// The group, when there is one.
    pub group_id: String,
    /// Whether nobody waits for it.
    pub background: bool,
    /// The mode that it runs in.
    pub download_mode: DownloadMode,
    /// Who chose the mode.
    pub download_mode_src: String,
    /// Why it is not the policy's mode: a DO code, or 0.
    pub reason: u32,
    /// The client's version.
    pub client_version: String,
    /// The kind of device.
    pub device_profile: u32,
    /// Whether a VPN was detected.
    pub vpn: bool,
    /// Whether the exchange is encrypted. Ours is not.
    pub encrypted: bool,
    /// Policies that are set, by name and value.
    pub set_configs: Vec<(String, String)>,
}

impl StartTrace {
    /// The function that writes it.
    pub const FUNCTION: &str = "CTelemetryLogger::_InternalTraceDownloadStart";
}

impl fmt::Display for StartTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "hr: {:08x}, jobId: {}, fileId: {}, sessionId: {}, cdnUrl: {}, cacheHost: {}, \
             bytes: {}, groupId: {}, background?: {}, downloadMode: {}, downloadModeSrc: {}, \
             reason: {:x}, clientVersion: {}, deviceProfile: {}, isVpn: {}, encrypted?: {}, \
             setConfigs: {{",
            self.hr,
            self.job_id,
            self.file_id,
            self.session_id,
            self.cdn_url,
            self.cache_host,
            self.bytes,
            self.group_id,
            u8::from(self.background),
            self.download_mode.number(),
            self.download_mode_src,
            self.reason,
            self.client_version,
            self.device_profile,
            u8::from(self.vpn),
            u8::from(self.encrypted),
        )?;
        for (at, (name, value)) in self.set_configs.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{name}: {value}")?;
        }
        f.write_str("}")
    }
}

/// A download ended, whole or not: `TraceDownloadCompletedImpl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompletionTrace {
    /// The job.
    pub job_id: String,
    /// The file: here its content id.
    pub file_id: String,
    /// The session.
    pub session_id: String,
    /// The update that the file belongs to. Always empty here.
    pub update_id: String,
    /// Which program wanted it.
    pub caller: String,
    /// Where HTTP fetched it from.
    pub cdn_url: String,
    /// The address that answered.
    pub cdn_ip: Option<IpAddr>,
    /// The Connected Cache, with how it was found.
    pub cache_host: String,
    /// Bytes in the file.
    pub file_bytes: u64,
    /// Bytes that came, by source.
    pub bytes: ByClass<u64>,
    /// Bytes that came under receiver-side LEDBAT. Always 0: dolab does not mark them.
    pub rledbat: u64,
    /// Bytes that this device's own cache had already.
    pub local_cache: u64,
    /// Bytes that were asked for.
    pub requested: u64,
    /// Sources that sent something.
    pub sources: u32,
    /// Peers that were offered.
    pub peers: u32,
    /// How many of them are on the local network or link.
    pub local_peers: u32,
    /// Connections that stood at one time or another.
    pub conns: ByClass<u32>,
    /// What the link downwards can do, in bits each second; 0 when it is not known.
    pub down_bps: u64,
    /// What the link upwards can do, in bits each second; 0 when it is not known.
    pub up_bps: u64,
    /// The download's average rate, in bits each second.
    pub down_usage_bps: u64,
    /// The rate at which it was sent on, in bits each second.
    pub up_usage_bps: u64,
    /// How long the download took, in milliseconds.
    pub time_ms: u64,
    /// How long its session has lasted, in milliseconds.
    pub session_time_ms: u64,
    /// The group, when there is one.
    pub group_id: String,
    /// Whether nobody waited for it.
    pub background: bool,
    /// What keeps this device from uploading: a DO code, or 0.
    pub upload_restr: u32,
    /// The mode that it ran in.
    pub download_mode: DownloadMode,
    /// Who chose the mode.
    pub download_mode_src: String,
    /// Why it is not the policy's mode: a DO code, or 0.
    pub download_mode_reason: u32,
    /// Whether a VPN was detected.
    pub vpn: bool,
    /// Whether the exchange is encrypted. Ours is not.
    pub encrypted: bool,
    /// When it leaves the cache.
    pub expire_at: Option<Timestamp>,
    /// Whether a limit of bandwidth held it back.
    pub throttled: bool,
}

impl CompletionTrace {
    /// The function that writes it.
    pub const FUNCTION: &str = "CTelemetryLogger::TraceDownloadCompletedImpl";
}

impl fmt::Display for CompletionTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, conns) = (&self.bytes, &self.conns);
        write!(
            f,
            "jobId: {}, fileId: {}, sessionId: {}, updateId: {}, caller: {}, cdnUrl: {}, cdnIp: ",
            self.job_id, self.file_id, self.session_id, self.update_id, self.caller, self.cdn_url,
        )?;
        if let Some(ip) = self.cdn_ip {
            write!(f, "{ip}")?;
        }
        write!(
            f,
            ", cacheHost: {}, bytes: [File: {}, CDN: {}, DOINC: {}, rledbat: {}, LAN: {}, \
             LinkLocal: {}, Group: {}, inet: {}, lcache: {}, req: {}, total {}:{}], \
             peers: {} (local: {}), conns: [CDN: {}, DOINC: {}, LAN: {}, LinkLocal: {}, \
             Group: {}, inet: {}], ",
            self.cache_host,
            self.file_bytes,
            bytes.cdn,
            bytes.cache_host,
            self.rledbat,
            bytes.lan,
            bytes.link_local,
            bytes.group,
            bytes.internet,
            self.local_cache,
            self.requested,
            self.sources,
            bytes.total(),
            self.peers,
            self.local_peers,
            conns.cdn,
            conns.cache_host,
            conns.lan,
            conns.link_local,
            conns.group,
            conns.internet,
        )?;
        write!(
            f,
            "downBps: {}, upBps: {}, downUsageBps: {}, upUsageBps: {}, timeMs: {}, \
             sessionTimeMs: {}, groupId: {}, background?: {}, uploadRestr: {:x}, \
             downloadMode: {}, downloadModeSrc: {}, downloadModeReason: {:x}, isVpn: {}, \
             encrypted?: {}, expire at: ",
            self.down_bps,
            self.up_bps,
            self.down_usage_bps,
            self.up_usage_bps,
            self.time_ms,
            self.session_time_ms,
            self.group_id,
            u8::from(self.background),
            self.upload_restr,
            self.download_mode.number(),
            self.download_mode_src,
            self.download_mode_reason,
            u8::from(self.vpn),
            u8::from(self.encrypted),
        )?;
        if let Some(time) = self.expire_at {
            write!(f, "{time}")?;
        }
        write!(f, ", isThrottled: {}", u8::from(self.throttled))
    }
}

/// A connection to a peer ended: `ConnectionComplete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionTrace {
    /// The file.
    pub file_id: String,
    /// The peer's address.
    pub ip: IpAddr,
    /// What kind of peer it is.
    pub peer_type: PeerType,
    /// 0, or the code with which the connection failed or ended.
    pub status: u32,
    /// Bytes that were sent to it.
    pub bytes_sent: u64,
    /// Bytes that came from it.
    pub bytes_received: u64,
}

impl ConnectionTrace {
    /// The function that writes it.
    pub const FUNCTION: &str = "CConnMan::ConnectionComplete";
}

impl fmt::Display for ConnectionTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "[{}], peerType: {}, hr: {:08x}, bytesSent: {}, bytesReceived: {}, fileId: {}",
            self.ip,
            self.peer_type,
            self.status,
            self.bytes_sent,
            self.bytes_received,
            self.file_id,
        )
    }
}
