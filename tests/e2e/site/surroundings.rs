//! What a site tells a device beside the cloud: the group and caches by DHCP, and whose group a
//! device on the link is in.

use std::{io::ErrorKind, process::Command, time::Instant};

use dolab_tests::{Lan, Namespace, PATIENCE, Process, note};

use super::{Cloud, SIZE, ask, peer};
use crate::dns_sd::avahi;

const GROUP: &str = "11111111-2222-4333-8444-555555555555";
const OTHER: &str = "99999999-2222-4333-8444-555555555555";

/// A DHCP server on a host, with these options: dnsmasq where it is installed, else an answerer of
/// our own making, written after RFC 2131 in another language than the client.
fn dhcp_server(host: &Namespace, group: &str, caches: &str) -> Process {
    let there = Command::new("dnsmasq").arg("--version").output();
    if there.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        note("dnsmasq is not installed: a script answers in its place");
        let mut python = host.command("python3");
        python.args(["-u", "-c", ANSWERER, group, caches]);
        let process = Process::start(python);
        process.error_line(|line| line == "ready");
        return process;
    }
    let mut dnsmasq = host.command("dnsmasq");
    dnsmasq.args(["--no-daemon", "--conf-file=/dev/null", "--port=0"]);
    dnsmasq.args([
        "--user=root",
        "--leasefile-ro",
        "--no-ping",
        "--interface=eth0",
    ]);
    dnsmasq.arg("--dhcp-range=10.50.0.0,static");
    for option in [format!("234,{group}"), format!("235,{caches}")] {
        dnsmasq.arg(format!("--dhcp-option-force={option}"));
    }
    let process = Process::start(dnsmasq);
    process.error_line(|line| line.contains("static leases only"));
    process
}

/// Answers DHCPINFORM with options 234 and 235, in two parts each.
const ANSWERER: &str = r#"
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
server.bind(("0.0.0.0", 67))
print("ready", file=sys.stderr)
def option(code, text):
    half = len(text) // 2
    return b"".join(bytes([code, len(it)]) + it for it in (text[:half], text[half:]))
while True:
    asked, (address, port) = server.recvfrom(2048)
    options = asked[240:]
    if asked[236:240] != bytes([99, 130, 83, 99]) or options[:3] != bytes([53, 1, 8]):
        continue
    print("DHCPINFORM(eth0)", address, file=sys.stderr)
    assert port == 68 and asked[12:16] == socket.inet_aton(address), "ciaddr and port"
    assert bytes([55, 2, 234, 235]) in options and options[-1] == 255, options
    answer = bytes([2]) + asked[1:240] + bytes([53, 1, 5, 54, 4, 10, 50, 0, 1])
    answer += option(234, sys.argv[1].encode()) + option(235, sys.argv[2].encode()) + bytes([255])
    server.sendto(answer, (address, 68))
"#;

/// The first trace of a download: which group and which cache it goes by.
fn start_trace(state: &std::path::Path) -> String {
    let log = ask(&["log"], state);
    let entries = log["entries"].as_array().expect("an array");
    let start = entries
        .iter()
        .find(|it| it["Function"] == "CTelemetryLogger::_InternalTraceDownloadStart");
    let start = start.expect("a download was begun");
    start["Message"].as_str().expect("a text").to_owned()
}

#[test]
fn group_and_cache_come_by_dhcp_where_a_policy_asks_for_them() {
    let Some(lan) = Lan::cable() else { return };
    let [host, device] = &lan.hosts[..] else {
        panic!("a cable has two ends");
    };
    // With a port it is no address to dnsmasq, which would send four bytes.
    let server = dhcp_server(host, GROUP, "10.50.0.1:80");
    let caching = ["--cache-origin", "10.50.0.1=10.50.0.1:80"];
    let assigned = ["--cache-host", "cloud.example"];
    let cloud = Cloud::start_with(host, SIZE, &[caching, assigned].concat());
    let mode = ("DODownloadMode", "2");
    let source = ("DOGroupIdSource", "3");
    let set = ("DOCacheHost", "\"set.example\"");
    let row = |name: &str, policies: &[(&str, &str)]| {
        let (finished, state) = cloud.device(device, name, policies, &[]).ends();
        finished.assert_code(0);
        (start_trace(&state), ask(&["status"], &state))
    };

    let forced = [mode, source, set, ("DOCacheHostSource", "2")];
    let (start, status) = row("forced", &forced);
    assert!(start.contains("cacheHost: DHCP:10.50.0.1:80,"), "{start}");
    assert!(start.contains(&format!("groupId: {GROUP},")), "{start}");
    let status = &status["files"][0]["status"];
    assert_eq!(status["BytesFromCacheServer"], cloud.bytes, "{status}");

    let unforced = [mode, source, ("DOCacheHostSource", "1")];
    let (start, _) = row("unforced", &unforced);
    assert!(start.contains("cacheHost: DHCP:10.50.0.1:80,"), "{start}");
    let (start, _) = row("set", &[set, ("DOCacheHostSource", "1")]);
    assert!(start.contains("cacheHost: set.example,"), "{start}");
    let (start, _) = row(
        "id-wins",
        &[mode, source, ("DOGroupId", &format!("\"{OTHER}\""))],
    );
    assert!(start.contains(&format!("groupId: {OTHER},")), "{start}");
    let said = server.errors_so_far();
    let informs = said.matches("DHCPINFORM").count();
    assert!(informs > 0, "{said}");

    // Where no policy asks, DHCP is not asked either.
    let (start, _) = row("unasked", &[("DODownloadMode", "1")]);
    assert!(
        start.contains("cacheHost: Services:cloud.example,"),
        "{start}"
    );
    assert_eq!(
        server.errors_so_far().matches("DHCPINFORM").count(),
        informs
    );

    // Without a server the device goes on, and says what it missed.
    server.kill();
    let (start, _) = row("alone", &[mode, source, ("DOCacheHostSource", "1")]);
    assert!(
        start.contains("cacheHost: Services:cloud.example,"),
        "{start}"
    );
    assert!(start.contains("groupId: ,"), "{start}");
    row("alone-in-a-group", &[mode, source]);
    for name in ["alone", "alone-in-a-group"] {
        let log = ask(&["log"], &cloud.folder.path().join(name)).to_string();
        assert!(
            log.contains("no dhcp server tells option 234 or 235"),
            "{name}: {log}"
        );
    }
}

#[test]
fn a_cache_that_the_link_tells_of_is_used_where_nothing_else_names_one() {
    let Some(lan) = Lan::cable() else { return };
    let [host, device] = &lan.hosts[..] else {
        panic!("a cable has two ends");
    };
    let publish = ["avahi-publish-service", "mcc", "_microsoft_mcc._tcp", "80"];
    let Some(publisher) = avahi(host, &publish) else {
        return;
    };
    publisher.error_line(|line| line.starts_with("Established"));
    let cloud = Cloud::start_with(host, SIZE, &["--cache-origin", "10.50.0.1=10.50.0.1:80"]);
    let row = |name: &str, policies: &[(&str, &str)]| {
        let (finished, state) = cloud.device(device, name, policies, &[]).ends();
        finished.assert_code(0);
        let status = ask(&["status"], &state)["files"][0]["status"].clone();
        (start_trace(&state), status)
    };
    let deadline = Instant::now() + PATIENCE;
    // It is looked for once, and a question can be lost.
    for run in 0.. {
        let (start, status) = row(&format!("found-{run}"), &[]);
        if start.contains("cacheHost: DNS-SD:10.50.0.1,") {
            assert_eq!(status["BytesFromCacheServer"], cloud.bytes, "{status}");
            break;
        }
        assert!(Instant::now() < deadline, "{start}");
    }
    // 0: it is not looked for (documented).
    let (start, status) = row("off", &[("DOCacheHostSource", "0")]);
    assert!(start.contains("cacheHost: ,"), "{start}");
    assert_eq!(status["BytesFromCacheServer"], 0, "{status}");
    // Even an empty list of hosts is one (documented).
    let (start, _) = row("none", &[("DOCacheHost", "\"\"")]);
    assert!(start.contains("cacheHost: ,"), "{start}");
}

#[test]
fn on_the_link_a_device_in_group_mode_takes_peers_of_its_group_only() {
    let Some(lan) = Lan::switch(4) else { return };
    let [host, own, other, device] = &lan.hosts[..] else {
        panic!("four hosts were asked for");
    };
    let cloud = Cloud::start(host, SIZE);
    let group = |id: &str| format!("\"{id}\"");
    let (ours, theirs) = (group(GROUP), group(OTHER));
    let link = ("DORestrictPeerSelectionBy", "2");
    let mode = ("DODownloadMode", "2");
    let share = ["--share-for", "10m"];
    let seeds = [(own, "own", &ours), (other, "other", &theirs)].map(|(host, name, group)| {
        let seed = cloud.device(host, name, &[mode, link, ("DOGroupId", group)], &share);
        seed.process
            .line(|line| peer::parse(line, "whole").is_some());
        seed
    });
    let wait = ("DODelayForegroundDownloadFromHttp", "60");
    let policies = [mode, link, ("DOGroupId", &ours), wait];
    let (finished, state) = cloud.device(device, "taker", &policies, &[]).ends();
    finished.assert_code(0);
    let peers = ask(&["status", "--peer-info"], &state);
    let peers = peers["files"][0]["Peers"].as_array().expect("an array");
    let peers: Vec<_> = peers
        .iter()
        .map(|it| (&it["IP"], &it["BytesReceived"]))
        .collect();
    let expected = (
        serde_json::json!("10.50.0.2"),
        serde_json::json!(cloud.bytes),
    );
    assert_eq!(peers, [(&expected.0, &expected.1)]);

    // Nobody of a third group is there: HTTP, when its time has come.
    let third = group("33333333-2222-4333-8444-555555555555");
    let short = ("DODelayForegroundDownloadFromHttp", "3");
    let policies = [mode, link, ("DOGroupId", &third), short];
    let (finished, state) = cloud.device(device, "alone", &policies, &[]).ends();
    finished.assert_code(0);
    let status = &ask(&["status"], &state)["files"][0]["status"];
    assert_eq!(status["BytesFromHttp"], cloud.bytes, "{status}");
    assert_eq!(status["NumPeers"], 0, "{status}");
    drop(seeds);
}
