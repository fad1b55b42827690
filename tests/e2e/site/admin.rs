//! What administrators read of a device: names, order, units and enums are those of section 5 of the
//! facts, in the text as in the JSON, and the JSON is what its schema says.

use std::path::Path;

use dolab_tests::{Campus, Finished, Lan, Process, repository, schema_errors};
use serde_json::Value;

use super::{Cloud, SIZE, peer};

/// 5.1
const STATUS: &str = "FileId FileSize FileSizeInCache TotalBytesDownloaded PercentPeerCaching \
    BytesFromPeers BytesFromHttp Status Priority BytesFromCacheServer BytesFromLanPeers \
    BytesFromLinkLocalPeers BytesFromGroupPeers BytesFromInternetPeers BytesToLanPeers \
    BytesToLinkLocalPeers BytesToGroupPeers BytesToInternetPeers DownloadDuration \
    HttpConnectionCount CacheServerConnectionCount LanConnectionCount LinkLocalConnectionCount \
    GroupConnectionCount InternetConnectionCount DownloadMode SourceURL CacheHost NumPeers \
    PredefinedCallerApplication ExpireOn IsPinned";
/// 5.2
const PEER: &str = "IP PeerType ConnectionEstablished BytesSent BytesReceived UploadRateBytes \
    DownloadRateBytes";
/// 5.3
const PERF: &str = "FilesDownloaded FilesUploaded Files TotalBytesDownloaded TotalBytesUploaded \
    AverageDownloadSize AverageUploadSize DownloadMode CacheSizeBytes TotalDiskBytes \
    AvailableDiskBytes CpuUsagePct MemUsageKB NumberOfPeers CacheHostConnections CdnConnections \
    LanConnections LinkLocalConnections GroupConnections InternetConnections DownlinkBps \
    DownlinkUsageBps UplinkBps UplinkUsageBps ForegroundDownloadRatePct \
    BackgroundDownloadRatePct UploadRatePct UploadCount ForegroundDownloadCount \
    ForegroundDownloadsPending BackgroundDownloadCount BackgroundDownloadsPending";
/// 5.4
const MONTH: &str = "UploadLanBytes UploadInternetBytes DownloadHttpBytes DownloadCacheHostBytes \
    DownloadLanBytes DownloadInternetBytes DownloadFgRateKbps DownloadBgRateKbps \
    UploadLimitReached MonthStartDate";
/// 5.5, each with its provider behind it.
const CONFIG: &str = "DownloadMode DownBackLimitBps DownloadForegroundLimitBps DownBackLimitPct \
    DownloadForegroundLimitPct MaxUploadRatePct UploadLimitMonthlyGB";
const VERBOSE: &str = "BatteryPctToSeed WorkingDirectory MinTotalDiskSize MinTotalRAM \
    VpnPeerCachingAllowed VpnKeywords SetHoursToLimitDownloadBackground \
    SetHoursToLimitDownloadForeground";
/// 5.6
const LOG: &str = "TimeCreated ProcessId ThreadId Level LevelName Message Function LineNumber \
    ErrorCode";
const COMPLETION: &str = "jobId fileId sessionId updateId caller cdnUrl cdnIp cacheHost bytes File \
    CDN DOINC rledbat LAN LinkLocal Group inet lcache req total peers conns CDN DOINC LAN \
    LinkLocal Group inet downBps upBps downUsageBps upUsageBps timeMs sessionTimeMs groupId \
    background? uploadRestr downloadMode downloadModeSrc downloadModeReason isVpn encrypted? \
    expire isThrottled";

#[test]
fn every_command_prints_what_the_cmdlet_does_and_both_percentages() {
    let Some(campus) = Campus::new() else { return };
    let cloud = Cloud::start(&campus.cloud, SIZE);
    let [first, second] = &campus.a1;
    let any = ("DORestrictPeerSelectionBy", "0");
    let seed = cloud.device(first, "seed", &[any], &["--share-for", "10m"]);
    seed.seeds();
    let wait = ("DODelayForegroundDownloadFromHttp", "60");
    let download = |name: &str, restriction| {
        let policies = [("DORestrictPeerSelectionBy", restriction), wait];
        let (finished, state) = cloud.device(second, name, &policies, &[]).ends();
        finished.assert_code(0);
        state
    };
    let by_lan = download("by-lan", "0");
    reads(&by_lan, &cloud, "LAN");
    let by_link = download("by-link", "2");
    reads(&by_link, &cloud, "LinkLocal");
    for state in [&by_lan, &by_link] {
        diagnoses(state, 0);
    }
}

/// The diagnosis of a device and the evidence that it rests on are as their schemas say, and the
/// same comes from the evidence on another machine.
fn diagnoses(state: &Path, code: i32) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let evidence = folder.path().join("evidence.jsonl");
    let evidence = evidence.to_str().expect("text");
    let here = say(&["diagnose", "--evidence-out", evidence], state, true);
    here.assert_code(code);
    let mut dolab = dolab_tests::dolab();
    dolab.args(["diagnose", "--json", "--evidence", evidence]);
    let elsewhere = Process::run(dolab);
    elsewhere.assert_code(code);
    assert_eq!(peer::document(&elsewhere), peer::document(&here));
    let diagnosis = here.stdout.lines().last().unwrap_or_default();
    let written = std::fs::read_to_string(evidence).expect("it was written");
    let devices = written.lines().map(|line| ("evidence", line));
    for (schema, line) in devices.chain([("diagnosis", diagnosis)]) {
        let path = repository().join(format!("docs/schema/{schema}-1.json"));
        assert_eq!(schema_errors(&path, line), [""; 0], "{line}");
    }
}

/// Reads all there is of a device that got everything from one peer of this type.
fn reads(state: &Path, cloud: &Cloud, kind: &str) {
    let all = cloud.bytes.to_string();
    let by_microsoft = if kind == "LAN" { "100" } else { "0" };

    let (text, json) = both(&["status"], state, "status");
    let status = object(&text[0], &words(STATUS));
    in_order(&json, &words(STATUS));
    for (name, value) in [
        ("FileSize", &*all),
        ("TotalBytesDownloaded", &all),
        ("PercentPeerCaching", by_microsoft),
        ("BytesFromHttp", "0"),
        (
            &format!("BytesFrom{}Peers", kind.replace("LAN", "Lan")),
            &all,
        ),
        ("Status", "Caching"),
        ("Priority", "Foreground"),
        ("DownloadMode", "Lan"),
        ("CacheHost", ""),
        ("NumPeers", "1"),
        ("PredefinedCallerApplication", "WU Client Download"),
        ("IsPinned", "False"),
    ] {
        assert_eq!(value_of(&status, name), value, "{name}");
    }
    let span = value_of(&status, "DownloadDuration");
    assert!(span.starts_with("00:0") && span.contains('.'), "{span}");
    let until = value_of(&status, "ExpireOn");
    assert!(until.ends_with(" AM") || until.ends_with(" PM"), "{until}");
    percentages(
        &text.join("\n"),
        &json["files"][0]["efficiency"],
        cloud,
        kind,
    );

    let (text, json) = both(&["status", "--peer-info"], state, "peer-info");
    let peer = object(&text[1], &words(PEER));
    in_order(&json, &words(PEER));
    for (name, value) in [
        ("IP", "10.1.1.10"),
        ("PeerType", kind),
        ("ConnectionEstablished", "True"),
        ("BytesSent", "0"),
        ("BytesReceived", &all),
    ] {
        assert_eq!(value_of(&peer, name), value, "{name}");
    }
    assert_eq!(json["files"][0]["TotalPeers"], 1);

    let (text, json) = both(&["perfsnap"], state, "perfsnap");
    let perf = object(&text[0], &words(PERF));
    in_order(&json, &words(PERF));
    for (name, value) in [
        ("FilesDownloaded", "1"),
        ("Files", "1"),
        ("TotalBytesDownloaded", &*all),
        ("AverageDownloadSize", &all),
        ("CacheSizeBytes", &all),
        ("DownloadMode", "Lan"),
    ] {
        assert_eq!(value_of(&perf, name), value, "{name}");
    }
    percentages(&text.join("\n"), &json["efficiency"], cloud, kind);

    let (text, json) = both(&["perfsnap", "--this-month"], state, "perfsnap-this-month");
    let month = object(&text[0], &words(MONTH));
    in_order(&json, &words(MONTH));
    // The cmdlet has no field for LinkLocal (documented).
    let from_lan = if kind == "LAN" { &*all } else { "0" };
    assert_eq!(value_of(&month, "DownloadLanBytes"), from_lan);
    assert_eq!(value_of(&month, "UploadLimitReached"), "False");
    percentages(&text.join("\n"), &json["efficiency"], cloud, kind);

    reads_log(state, cloud, kind);
    reads_config(state);
}

fn reads_log(state: &Path, cloud: &Cloud, kind: &str) {
    let (text, json) = both(&["log"], state, "log");
    for entry in &text {
        object(entry, &words(LOG));
    }
    in_order(&json, &words(LOG));
    let entries = json["entries"].as_array().expect("an array");
    let of = |function: &str| {
        let found = entries.iter().filter(|it| it["Function"] == function);
        let found: Vec<_> = found
            .map(|it| it["Message"].as_str().unwrap_or_default())
            .collect();
        assert_eq!(found.len(), 1, "{function}: {found:#?}");
        found[0].to_owned()
    };
    let start = of("CTelemetryLogger::_InternalTraceDownloadStart");
    assert!(
        start.contains("DODelayForegroundDownloadFromHttp: 60"),
        "{start}"
    );
    let end = of("CTelemetryLogger::TraceDownloadCompletedImpl");
    assert_eq!(names_of(&end), words(COMPLETION), "{end}");
    let bytes = cloud.bytes;
    for part in [
        format!("bytes: [File: {bytes}, CDN: 0, "),
        format!("{kind}: {bytes}, "),
        format!("req: {bytes}, total 1:{bytes}]"),
        "peers: 1 (local: 1), conns: [CDN: 0, DOINC: 0, ".to_owned(),
        "downloadMode: 1, downloadModeSrc: DefaultProvider, downloadModeReason: 0, ".to_owned(),
    ] {
        assert!(end.contains(&part), "{part} is missing in {end}");
    }
    let conns = end.split_once("conns: [").expect("it was just seen").1;
    let own = conns.split_once(&format!("{kind}: ")).expect("a class").1;
    assert!(
        !own.starts_with('0'),
        "who sent everything was connected: {end}"
    );

    let (text, json) = both(
        &["log", "--analysis", "--list-connections"],
        state,
        "log-analysis",
    );
    let sum = "FileCount ForegroundFileCount MinCacheableFileSize EligibleFileCount \
        FilesWithPeersCount PeeringFileCount OverallEfficiencyPct PeeredEfficiencyPct";
    let sum = object(&text[0], &words(sum));
    assert_eq!(value_of(&sum, "PeeringFileCount"), "1");
    assert_eq!(
        value_of(&sum, "MinCacheableFileSize"),
        (1 << 20).to_string()
    );
    assert!(json["connections"].is_array(), "{}", json.text);
    percentages(&text.join("\n"), &json["overall_efficiency"], cloud, kind);
}

fn reads_config(state: &Path) {
    let with_providers = |names: &str| -> Vec<String> {
        let names = words(names).into_iter();
        names
            .flat_map(|name| [name.clone(), format!("{name}Provider")])
            .collect()
    };
    let plain = with_providers(CONFIG);
    let verbose = [plain.clone(), with_providers(VERBOSE)].concat();
    for (arguments, names) in [(&["config"][..], &plain), (&["config", "-v"], &verbose)] {
        let (text, json) = both(arguments, state, "do-config");
        let config = object(&text[0], names);
        in_order(&json, names);
        assert_eq!(
            json["config"].as_object().map(|it| it.len()),
            Some(names.len())
        );
        for (name, value) in [
            ("DownloadMode", "Lan"),
            ("DownloadModeProvider", "DefaultProvider"),
            ("DownBackLimitPct", "45"),
            ("DownloadForegroundLimitPct", "90"),
            ("UploadLimitMonthlyGB", "20"),
        ] {
            assert_eq!(value_of(&config, name), value, "{name}");
        }
        if names.len() > plain.len() {
            assert_eq!(value_of(&config, "MinTotalRAM"), "1");
            assert_eq!(value_of(&config, "MinTotalRAMProvider"), "RegistryProvider");
            let keywords = "{VPN, Secure, Virtual Private Network}";
            assert_eq!(value_of(&config, "VpnKeywords"), keywords);
        }
    }
}

/// Microsoft's own percentage and the true one stand side by side, with a note where they differ.
fn percentages(text: &str, efficiency: &Value, cloud: &Cloud, kind: &str) {
    let bytes = cloud.bytes;
    let (counted, percent) = if kind == "LAN" { (bytes, 100) } else { (0, 0) };
    for line in [
        format!("from peers, by Microsoft's sum : {counted} of {bytes} bytes, {percent} %"),
        format!("from peers, of every class     : {bytes} of {bytes} bytes, 100 %"),
    ] {
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
    assert_eq!(efficiency["microsoft_percent"], f64::from(percent));
    assert_eq!(efficiency["all_percent"], 100.0);
    let differ = kind != "LAN";
    assert_eq!(efficiency["note"].is_string(), differ, "{efficiency}");
    assert_eq!(
        text.contains("\nnote: Microsoft's cmdlet"),
        differ,
        "{text}"
    );
}

#[test]
fn what_is_no_device_is_said_with_its_place() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let missing = home.path().join("missing");
    let damaged = home.path().join("damaged");
    let foreign = home.path().join("foreign");
    for (folder, text) in [(&damaged, "{\"schema\":"), (&foreign, "{}")] {
        std::fs::create_dir(folder).expect("a folder can be made");
        std::fs::write(folder.join("state.json"), text).expect("it can be written to");
    }
    for command in [
        &["status"][..],
        &["status", "--peer-info"],
        &["perfsnap"],
        &["perfsnap", "--this-month"],
        &["log"],
        &["log", "--analysis"],
        &["config"],
    ] {
        for (folder, code) in [(&missing, 2), (&damaged, 3), (&foreign, 3)] {
            let finished = say(command, folder, false);
            finished.assert_code(code);
            let first = finished.stderr.lines().next().unwrap_or_default();
            let place = folder.display().to_string();
            let named = first.starts_with("error: ") && first.contains(&place);
            assert!(named, "{command:?}: {}", finished.stderr);
            assert!(finished.stdout.is_empty(), "{}", finished.stdout);
            let json = peer::document(&say(command, folder, true));
            assert_eq!(json["exit_code"], code, "{json}");
        }
        assert!(!missing.exists(), "a question makes no folder");
    }
}

#[test]
fn a_content_that_nobody_knows_is_said_with_its_code() {
    let Some(lan) = Lan::cable() else { return };
    let [host, device] = &lan.hosts[..] else {
        panic!("a cable has two ends");
    };
    let cloud = Cloud::start(host, SIZE);
    let id = "a".repeat(64);
    let unknown = Cloud { url: id, ..cloud };
    let (finished, state) = unknown.device(device, "unknown", &[], &[]).ends();
    finished.assert_code(1);
    let document = peer::document(&finished);
    assert_eq!(document["do_error"], "0x80D02016", "{document}");
    let (text, json) = both(&["status"], &state, "status");
    assert!(text.concat().is_empty(), "{text:?}");
    assert_eq!(json["files"], Value::Array(Vec::new()));
    let (_, log) = both(&["log"], &state, "log");
    assert!(log.text.contains("\"ErrorCode\":\"0x80D0"), "{}", log.text);
    diagnoses(&state, 4);
}

/// What a command says as text, object by object, and as JSON, held against its schema.
fn both(command: &[&str], state: &Path, schema: &str) -> (Vec<String>, Json) {
    let text = say(command, state, false);
    text.assert_code(0);
    let objects = text.stdout.split("\n\n").filter(|it| !it.trim().is_empty());
    let json = say(command, state, true);
    json.assert_code(0);
    let line = json.stdout.lines().last().unwrap_or_default();
    let path = repository().join(format!("docs/schema/{schema}-1.json"));
    let errors = schema_errors(&path, line);
    assert!(errors.is_empty(), "{command:?}: {errors:#?}\n{line}");
    let json = Json {
        text: line.to_owned(),
        value: peer::document(&json),
    };
    (objects.map(str::to_owned).collect(), json)
}

/// A document, and how it was written.
struct Json {
    text: String,
    value: Value,
}

impl std::ops::Index<&str> for Json {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        &self.value[name]
    }
}

fn say(command: &[&str], state: &Path, json: bool) -> Finished {
    let mut dolab = dolab_tests::dolab();
    dolab.args(command).arg("--state").arg(state);
    if json {
        dolab.arg("--json");
    }
    Process::run(dolab)
}

fn words(names: &str) -> Vec<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

/// An object as PowerShell's Format-List prints it: exactly these fields, their names padded to the
/// longest.
fn object(text: &str, names: &[String]) -> Vec<(String, String)> {
    let width = names.iter().map(String::len).max().unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty())
        .take(names.len());
    let fields: Vec<_> = lines
        .map(|line| {
            let (name, value) = line.split_once(" :").unwrap_or_else(|| panic!("{line}"));
            assert_eq!(name.len(), width, "{line}");
            (name.trim_end().to_owned(), value.trim().to_owned())
        })
        .collect();
    let found: Vec<_> = fields.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(found, names, "{text}");
    fields
}

fn value_of<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let found = fields.iter().find(|(it, _)| it == name);
    &found.unwrap_or_else(|| panic!("{name} is missing")).1
}

/// A document's object with these names has them in this order.
fn in_order(document: &Json, names: &[String]) {
    let text = &document.text;
    let mut from = 0;
    for name in names {
        let key = format!("\"{name}\":");
        let at = text[from..].find(&key);
        from += at.unwrap_or_else(|| panic!("{name} is not where it belongs in {text}"));
    }
}

/// The names of a trace, those within its brackets too.
fn names_of(message: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in message.split([',', '[']) {
        let part = part.trim().trim_end_matches(']');
        let name = part.split([':', ' ']).next().unwrap_or_default();
        if !name.is_empty() {
            names.push(name.to_owned());
        }
    }
    names
}
