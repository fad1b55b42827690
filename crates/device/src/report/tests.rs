//! The shapes as a whole: names, order, units and enums are those of section 5 of the facts, which
//! rest on Microsoft's own module.

use std::{net::IpAddr, time::Duration};

use dolab_wire::{DownloadMode, PeerType};
use jiff::{Timestamp, tz::TimeZone};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn names(record: &impl Record) -> Vec<&'static str> {
    record
        .fields()
        .into_iter()
        .map(|field| field.name)
        .collect()
}

fn words(text: &'static str) -> Vec<&'static str> {
    text.split_whitespace().collect()
}

const FROM: ByClass<u64> = ByClass {
    cdn: 10_485_760,
    cache_host: 1_048_576,
    lan: 41_943_040,
    link_local: 2_097_152,
    group: 3_145_728,
    internet: 1_048_576,
};

const TO: ByClass<u64> = ByClass {
    cdn: 0,
    cache_host: 0,
    lan: 1_000,
    link_local: 200,
    group: 30,
    internet: 4,
};

const CONNECTIONS: ByClass<u32> = ByClass {
    cdn: 4,
    cache_host: 1,
    lan: 2,
    link_local: 3,
    group: 5,
    internet: 6,
};

fn status() -> FileStatus {
    FileStatus {
        file_id: "8a8106224edd6a97".into(),
        file_size: 59_768_832,
        file_size_in_cache: 59_768_832,
        status: Status::Caching,
        foreground: true,
        from: FROM,
        to: TO,
        download_duration: Duration::from_millis(12_345),
        connections: CONNECTIONS,
        download_mode: DownloadMode::Group,
        source_url: "http://dl.delivery.mp.microsoft.com/a".into(),
        cache_host: Some("mcc.example".into()),
        num_peers: 7,
        predefined_caller_application: "WU Client Download".into(),
        expire_on: Some(at("2026-11-26T17:30:53Z")),
        is_pinned: false,
    }
}

#[test]
fn a_file_has_the_cmdlets_fields_in_its_order() {
    let documented = words(
        "FileId FileSize FileSizeInCache TotalBytesDownloaded PercentPeerCaching BytesFromPeers
         BytesFromHttp Status Priority BytesFromCacheServer BytesFromLanPeers
         BytesFromLinkLocalPeers BytesFromGroupPeers BytesFromInternetPeers BytesToLanPeers
         BytesToLinkLocalPeers BytesToGroupPeers BytesToInternetPeers DownloadDuration
         HttpConnectionCount CacheServerConnectionCount LanConnectionCount
         LinkLocalConnectionCount GroupConnectionCount InternetConnectionCount DownloadMode
         SourceURL CacheHost NumPeers PredefinedCallerApplication ExpireOn IsPinned",
    );
    assert_eq!(names(&status()), documented);
    insta::assert_snapshot!(format_list(&[status()], &TimeZone::UTC));
    let json = serde_json::to_string_pretty(&Json(&status())).unwrap();
    insta::assert_snapshot!("status_json", json);
}

#[test]
fn the_enums_have_the_documented_numbers() {
    let all = [
        Status::Downloading,
        Status::Complete,
        Status::Caching,
        Status::Paused,
    ];
    for (number, status) in (0..).zip(all) {
        assert_eq!(status.number(), number);
    }
    assert_eq!(Status::Paused.to_string(), "Paused");
}

fn peer(ip: [u8; 4], received: u64) -> PeerInfo {
    PeerInfo {
        end: None,
        ip: IpAddr::from(ip),
        peer_type: PeerType::Lan,
        connection_established: received > 0,
        bytes_sent: 0,
        bytes_received: received,
        upload_rate: 0,
        download_rate: received / 20,
    }
}

#[test]
fn peers_come_by_what_they_sent_and_only_five_of_them() {
    let peers: Vec<_> = [3, 0, 9, 0, 5, 1, 7]
        .into_iter()
        .zip(1..)
        .map(|(received, last)| peer([10, 0, 0, last], received * 100))
        .collect();
    let shown = FilePeers::new("8a81", peers.clone(), FilePeers::SHOWN);
    let received: Vec<_> = shown.peers.iter().map(|peer| peer.bytes_received).collect();
    assert_eq!((received, shown.of), (vec![900, 700, 500, 300, 100], 7));
    assert_eq!(names(&shown), ["FileId", "Peers"]);
    assert_eq!(
        names(&shown.peers[0]),
        words(
            "IP PeerType ConnectionEstablished BytesSent BytesReceived UploadRateBytes
             DownloadRateBytes"
        )
    );
    let all = FilePeers::new("8a81", peers, usize::MAX);
    assert_eq!(all.peers.len(), 7);
    insta::assert_snapshot!(format_list(&all.peers[4..], &TimeZone::UTC));
}

fn perf_snap() -> PerfSnap {
    PerfSnap {
        files_downloaded: 2,
        files_uploaded: 1,
        files: 3,
        from: FROM,
        to: TO,
        download_mode: DownloadMode::Lan,
        cache_size: 59_768_832,
        total_disk: 1 << 40,
        available_disk: 1 << 39,
        cpu_usage_pct: 1.25,
        mem_usage_kb: 20_480,
        number_of_peers: 7,
        connections: CONNECTIONS,
        downlink_usage_bps: 80_000_000,
        foreground_download_rate_pct: 90,
        background_download_rate_pct: 45,
        upload_rate_pct: 100,
        upload_count: 1,
        foreground_download_count: 1,
        ..PerfSnap::default()
    }
}

#[test]
fn a_device_has_the_cmdlets_fields_in_its_order() {
    let documented = words(
        "FilesDownloaded FilesUploaded Files TotalBytesDownloaded TotalBytesUploaded
         AverageDownloadSize AverageUploadSize DownloadMode CacheSizeBytes TotalDiskBytes
         AvailableDiskBytes CpuUsagePct MemUsageKB NumberOfPeers CacheHostConnections
         CdnConnections LanConnections LinkLocalConnections GroupConnections
         InternetConnections DownlinkBps DownlinkUsageBps UplinkBps UplinkUsageBps
         ForegroundDownloadRatePct BackgroundDownloadRatePct UploadRatePct UploadCount
         ForegroundDownloadCount ForegroundDownloadsPending BackgroundDownloadCount
         BackgroundDownloadsPending",
    );
    assert_eq!(names(&perf_snap()), documented);
    insta::assert_snapshot!(format_list(&[perf_snap()], &TimeZone::UTC));
}

fn month(from: ByClass<u64>) -> MonthSnap {
    MonthSnap {
        from,
        to: TO,
        foreground_kbps: 80_000,
        background_kbps: 4_000,
        upload_limit_reached: false,
        month_start: at("2026-11-01T00:00:00Z"),
    }
}

#[test]
fn a_month_has_the_cmdlets_fields_in_its_order() {
    let documented = words(
        "UploadLanBytes UploadInternetBytes DownloadHttpBytes DownloadCacheHostBytes
         DownloadLanBytes DownloadInternetBytes DownloadFgRateKbps DownloadBgRateKbps
         UploadLimitReached MonthStartDate",
    );
    assert_eq!(names(&month(FROM)), documented);
    insta::assert_snapshot!(format_list(&[month(FROM)], &TimeZone::UTC));
}

fn by(provider: &str) -> String {
    format!("{provider}Provider")
}

fn config(verbose: bool) -> DoConfig {
    let number = |value| Provided {
        value,
        provider: by("Default"),
    };
    let pct = |value| Provided {
        value,
        provider: by("Default"),
    };
    let hours = Provided {
        value: String::new(),
        provider: by("Default"),
    };
    DoConfig {
        download_mode: Provided {
            value: DownloadMode::Lan,
            provider: by("Registry"),
        },
        down_back_limit_bps: number(0),
        download_foreground_limit_bps: number(0),
        down_back_limit_pct: pct(45),
        download_foreground_limit_pct: pct(90),
        max_upload_rate_pct: pct(100),
        upload_limit_monthly_gb: number(20),
        verbose: verbose.then(|| VerboseConfig {
            battery_pct_to_seed: pct(0),
            working_directory: hours.clone(),
            min_total_disk_size: number(32),
            min_total_ram: number(4),
            vpn_peer_caching_allowed: Provided {
                value: false,
                provider: by("Default"),
            },
            vpn_keywords: Provided {
                value: vec!["VPN".to_owned(), "Secure".to_owned()],
                provider: by("Mdm"),
            },
            hours_background: hours.clone(),
            hours_foreground: hours,
        }),
    }
}

#[test]
fn a_configuration_has_a_provider_beside_each_value() {
    let each = |list: &'static str| -> Vec<String> {
        let pairs = list
            .split_whitespace()
            .map(|name| [name.to_owned(), format!("{name}Provider")]);
        pairs.flatten().collect()
    };
    let plain = "DownloadMode DownBackLimitBps DownloadForegroundLimitBps DownBackLimitPct
                 DownloadForegroundLimitPct MaxUploadRatePct UploadLimitMonthlyGB";
    let more = "BatteryPctToSeed WorkingDirectory MinTotalDiskSize MinTotalRAM
                VpnPeerCachingAllowed VpnKeywords SetHoursToLimitDownloadBackground
                SetHoursToLimitDownloadForeground";
    assert_eq!(names(&config(false)), each(plain));
    assert_eq!(names(&config(true)), [each(plain), each(more)].concat());
    insta::assert_snapshot!(format_list(&[config(true)], &TimeZone::UTC));
}

fn completion(from: ByClass<u64>, background: bool, peers: u32) -> CompletionTrace {
    CompletionTrace {
        job_id: "{job}".into(),
        file_id: "8a81".into(),
        session_id: "{session}".into(),
        update_id: String::new(),
        caller: "WU Client Download".into(),
        cdn_url: "http://dl.delivery.mp.microsoft.com/a".into(),
        cdn_ip: Some(IpAddr::from([192, 0, 2, 7])),
        cache_host: "Services:mcc.example".into(),
        file_bytes: from.total(),
        bytes: from,
        rledbat: 0,
        local_cache: 0,
        requested: from.total(),
        sources: 3,
        peers,
        local_peers: peers / 2,
        conns: CONNECTIONS,
        down_bps: 0,
        up_bps: 0,
        down_usage_bps: 38_000_000,
        up_usage_bps: 0,
        time_ms: 12_345,
        session_time_ms: 12_400,
        group_id: "1b2c4620-aada-4e03-a3db-eddede95eac8".into(),
        background,
        upload_restr: 0,
        download_mode: DownloadMode::Simple,
        download_mode_src: "DefaultProvider".into(),
        download_mode_reason: 0x80D0_380A,
        vpn: false,
        encrypted: false,
        expire_at: Some(at("2026-11-26T17:30:53Z")),
        throttled: false,
    }
}

fn start() -> StartTrace {
    StartTrace {
        hr: 0,
        job_id: "{job}".into(),
        file_id: "8a81".into(),
        session_id: "{session}".into(),
        cdn_url: "http://dl.delivery.mp.microsoft.com/a".into(),
        cache_host: String::new(),
        bytes: 59_768_832,
        group_id: String::new(),
        background: true,
        download_mode: DownloadMode::Lan,
        download_mode_src: "RegistryProvider".into(),
        reason: 0,
        client_version: "10.0".into(),
        device_profile: 768,
        vpn: false,
        encrypted: false,
        set_configs: vec![
            ("DODownloadMode".into(), "1".into()),
            ("DOMinFileSizeToCache".into(), "1".into()),
        ],
    }
}

/// The places at which words stand in a line.
fn places(line: &str, list: &'static str) -> Vec<usize> {
    let mut from = 0;
    list.split_whitespace()
        .map(|word| {
            let found = line[from..].find(word);
            from += found.unwrap_or_else(|| panic!("`{word}` is not in `{}`", &line[from..]));
            from
        })
        .collect()
}

#[test]
fn the_traces_have_their_fields_in_the_observed_order() {
    let end = completion(FROM, false, 7).to_string();
    places(
        &end,
        "jobId fileId sessionId updateId caller cdnUrl cdnIp cacheHost bytes: File CDN DOINC
         rledbat LAN LinkLocal Group inet lcache req total peers local conns CDN DOINC LAN
         LinkLocal Group inet downBps upBps downUsageBps upUsageBps timeMs sessionTimeMs groupId
         background? uploadRestr downloadMode: downloadModeSrc downloadModeReason isVpn encrypted?
         expire isThrottled",
    );
    let start = start().to_string();
    places(
        &start,
        "hr jobId fileId sessionId cdnUrl cacheHost bytes groupId background? downloadMode:
         downloadModeSrc reason clientVersion deviceProfile isVpn encrypted? setConfigs",
    );
    insta::assert_snapshot!(format!("{start}\n\n{end}"));
}

fn connection(ip: [u8; 4], status: u32, received: u64) -> LogEntry {
    LogEntry::of(Trace::Connection(ConnectionTrace {
        file_id: "8a81".into(),
        ip: ip.into(),
        peer_type: PeerType::Lan,
        status,
        bytes_sent: 1,
        bytes_received: received,
    }))
}

#[test]
fn a_log_entry_has_the_cmdlets_fields_and_survives_a_file() {
    let entry = LogEntry::of(Trace::Completion(Box::new(completion(FROM, true, 3))));
    assert_eq!(
        names(&entry),
        words(
            "TimeCreated ProcessId ThreadId Level LevelName Message Function LineNumber ErrorCode"
        )
    );
    assert_eq!(entry.function, CompletionTrace::FUNCTION);
    let line = serde_json::to_string(&entry).unwrap();
    assert_eq!(serde_json::from_str::<LogEntry>(&line).unwrap(), entry);

    let failed = connection([10, 0, 0, 9], 0x80D0_6812, 0);
    assert_eq!(failed.level, Level::Warning);
    let code = failed.fields().pop().unwrap();
    assert_eq!(code.value, Value::Text("0x80D06812".into()));
}

#[test]
fn a_log_is_summed_up_as_the_cmdlet_does() {
    let group_only = ByClass {
        cdn: 1 << 20,
        group: 3 << 20,
        ..ByClass::default()
    };
    let http_only = ByClass {
        cdn: 4 << 20,
        ..ByClass::default()
    };
    let ends = [
        completion(FROM, false, 7),
        completion(group_only, true, 2),
        completion(http_only, true, 1),
        completion(http_only, true, 0),
    ];
    let mut log: Vec<_> = ends
        .into_iter()
        .map(|end| LogEntry::of(Trace::Completion(Box::new(end))))
        .collect();
    log.push(LogEntry::of(Trace::Start(Box::new(start()))));
    let sum = LogAnalysis::of(&log, 50 << 20);
    assert_eq!(
        (sum.files, sum.foreground_files, sum.eligible_files),
        (4, 1, 1)
    );
    assert_eq!((sum.files_with_peers, sum.peering_files), (3, 2));
    let (overall, peered) = (sum.overall_efficiency(), sum.peered_efficiency());
    assert!(overall.microsoft_percent < overall.all_percent);
    assert!(overall.all_percent < peered.all_percent);
    insta::assert_snapshot!(format_list(&[sum], &TimeZone::UTC));
}

#[test]
fn connections_of_a_log_are_added_up_by_peer_and_outcome() {
    let log = [
        connection([10, 0, 0, 2], 0, 5),
        connection([10, 0, 0, 3], 0x80D0_6811, 0),
        connection([10, 0, 0, 2], 0, 7),
        connection([10, 0, 0, 2], 0x80D0_6811, 1),
    ];
    let list = connections(&log);
    let received: Vec<_> = list.iter().map(|conn| conn.bytes_received).collect();
    assert_eq!((received, list[0].bytes_sent), (vec![12, 0, 1], 2));
    assert_eq!(
        names(&list[0]),
        words("DestinationIP PeerType StatusCode BytesSent BytesReceived FileId")
    );
    insta::assert_snapshot!(format_list(&list[..2], &TimeZone::UTC));
}
