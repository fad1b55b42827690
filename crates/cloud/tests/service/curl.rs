//! A device's whole way through the service, walked by curl.

use serde_json::Value;

use crate::common::{LENGTH, Lab, bytes};

const JOIN: &str = r#"{"ContentId":"CONTENT","PeerId":"PEER","ReportedIp":"192.168.1.HOST",
    "SubnetMask":"255.255.255.0","IsBackground":"0","ClientDialectVersionMajor":"10","Uploaded":"0",
    "Downloaded":"0","DownloadedCdn":"0","Left":"LEFT","JoinRequestEvent":"1","PeersWanted":"255",
    "GroupId":"","Scope":"1","Profile":"768","Seq":"0"}"#;

/// A whole join, as the service was seen to get it.
pub(crate) fn join(content: &str, peer: char, left: &str) -> String {
    let host = (peer as u32).to_string();
    let peer = peer.to_string().repeat(32) + "00000000";
    JOIN.replace("CONTENT", content)
        .replace("HOST", &host)
        .replace("PEER", &peer)
        .replace("LEFT", left)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field}: {value}"))
}

#[test]
fn curl_walks_from_geo_to_the_content() {
    for version in ["--http1.1", "--http2"] {
        let lab = Lab::new();
        let get = |url: &str| lab.curl(&[version, url]);
        let geo = get(&(lab.https() + "/geo?doClientVersion=10.1.0.13&profile=768&callId=1"));
        assert_eq!(geo.header("content-type"), "text/json");
        let expected = if version == "--http2" {
            "HTTP/2"
        } else {
            "HTTP/1.1"
        };
        assert_eq!(geo.version, expected);
        let geo = geo.json();
        assert_eq!(text(&geo, "ExternalIpAddress"), "127.0.0.1");
        assert_eq!(text(&geo, "Version").len(), 16);

        let kv = get(text(&geo, "KeyValue_EndpointFullUri")).json();
        let callers = kv["Client_RegisteredCallersFilterList"].as_array().unwrap();
        assert!(callers.contains(&"WU Client Download".into()));

        let policy = text(&kv, "ContentPolicy_EndpointFullUri")
            .replace("{contentId}", &lab.content.hashes.id().to_string());
        let policy = get(&policy).json();
        let id = text(&policy, "ContentId").to_owned();
        assert!(id.starts_with("DO-"), "{id}");
        assert_eq!(policy["Policies"]["BackgroundQosBps"], 2_621_440);

        let hashes = get(policy["PiecesHashFileCdnUrls"][0].as_str().unwrap()).json();
        assert_eq!(hashes["ContentLength"], LENGTH);
        assert_eq!(text(&hashes, "HashOfHashes"), text(&policy, "HashOfHashes"));

        let disc = text(&kv, "Discovery_EndpointFullUri").replace("{contentId}", &id);
        let disc = get(&disc).json();
        let array = text(&disc[0], "CollectiveArray").to_owned();
        let post = |verb: &str, body: &str| {
            let url = format!("{array}{verb}/");
            lab.curl(&[version, "--data", body, &url])
        };
        let first = post("join", &join(&id, 'a', "0")).json();
        assert_eq!(first["Peers"].as_array().unwrap().len(), 0);
        let second = post("join", &join(&id, 'b', "5")).json();
        assert_eq!(
            second["Peers"][0]["Addresses"][0], "192.168.1.97:7680",
            "{second}"
        );
        let left = post("leave", &join(&id, 'a', "0"));
        assert_eq!(left.status, 200, "{}", left.text());
        assert_eq!(post("leave", &join(&id, 'a', "0")).status, 404);

        let content = get(policy["ContentCdnUrls"][0].as_str().unwrap());
        assert_eq!(content.header("content-length"), LENGTH.to_string());
        assert!(content.body == bytes(0, LENGTH));
    }
}

#[test]
fn the_real_names_lead_from_one_to_the_next() {
    let lab = Lab::new();
    let (https, http) = (lab.https_addr(), lab.http_addr());
    let resolve = format!("*:{}:127.0.0.1", https.port());
    let geo = format!(
        "https://geo.prod.do.dsp.mp.microsoft.com:{}/geo",
        https.port()
    );
    let geo = lab.curl(&["--resolve", &resolve, &geo]).json();
    let kv = text(&geo, "KeyValue_EndpointFullUri");
    assert_eq!(
        kv,
        format!(
            "https://kv501.prod.do.dsp.mp.microsoft.com:{}/all",
            https.port()
        )
    );
    let kv = lab.curl(&["--resolve", &resolve, kv]).json();
    let policy = text(&kv, "ContentPolicy_EndpointFullUri");
    assert!(
        policy.starts_with("https://cp501.prod.do.dsp.mp.microsoft.com:"),
        "{policy}"
    );
    let policy = policy.replace("{contentId}", "unknown");
    let by_url = format!(
        "{policy}?altCatalogId=http://download.windowsupdate.com{}",
        lab.content.path()
    );
    let policy = lab.curl(&["--resolve", &resolve, &by_url]).json();
    let url = policy["ContentCdnUrls"][0].as_str().unwrap();
    assert_eq!(
        url,
        format!(
            "http://dl.delivery.mp.microsoft.com:{}{}",
            http.port(),
            lab.content.path()
        )
    );
    let resolve = format!("*:{}:127.0.0.1", http.port());
    let head = lab.curl(&["--resolve", &resolve, "--head", url]);
    assert_eq!(head.header("content-length"), LENGTH.to_string());
}

#[test]
fn curl_reads_ranges_over_both_versions() {
    let lab = Lab::new();
    let secure = lab.https() + &lab.content.path();
    for (version, url) in [
        ("--http1.1", &lab.url()),
        ("--http1.1", &secure),
        ("--http2", &secure),
    ] {
        let get = |range: &str| lab.curl(&[version, "--range", range, url]);
        let one = get("1000-1999999");
        assert_eq!(one.status, 206);
        assert_eq!(
            one.header("content-range"),
            format!("bytes 1000-1999999/{LENGTH}")
        );
        assert!(one.body == bytes(1000, 2_000_000));

        let end = get("-10");
        assert!(end.body == bytes(LENGTH - 10, LENGTH));

        let several = get("0-0,5-6");
        assert!(
            several
                .header("content-type")
                .starts_with("multipart/byteranges; boundary=")
        );
        assert_eq!(
            several.header("content-length"),
            several.body.len().to_string()
        );
        assert_eq!(several.text().matches("Content-Range: bytes ").count(), 2);

        let beyond = get("99999999999-");
        assert_eq!(beyond.status, 416);
        assert_eq!(beyond.header("content-range"), format!("bytes */{LENGTH}"));

        let overflow = get("99999999999999999999999-999999999999999999999999");
        assert_eq!(overflow.status, 416);
    }
}

#[test]
fn curl_asks_conditionally() {
    let lab = Lab::new();
    let url = lab.url();
    let head = lab.curl(&["--head", &url]);
    assert_eq!(head.header("accept-ranges"), "bytes");
    let (tag, date) = (head.header("etag"), head.header("last-modified"));
    let with = |header: &str| lab.curl(&["--range", "0-9", "--header", header, &url]);
    assert_eq!(with(&format!("If-None-Match: {tag}")).status, 304);
    assert_eq!(with(&format!("If-Modified-Since: {date}")).status, 304);
    assert_eq!(with("If-Match: \"other\"").status, 412);
    assert_eq!(with(&format!("If-Range: {tag}")).status, 206);
    assert_eq!(with(&format!("If-Range: {date}")).status, 206);
    assert_eq!(with("If-Range: \"other\"").status, 200);
}

#[test]
fn a_download_that_was_cut_is_resumed() {
    let lab = Lab::new();
    lab.fault("path=/filestreamingservice/*,cut=2m,times=1");
    let file = lab.dir.path().join("content");
    let args = ["-C", "-", "-o", file.to_str().unwrap(), &lab.url()];
    let run = || {
        std::process::Command::new("curl")
            .args(["--silent", "--noproxy", "*"])
            .args(args)
            .status()
            .unwrap()
    };
    // 18: the transfer ended early.
    assert_eq!(run().code(), Some(18));
    let len = std::fs::metadata(&file).unwrap().len();
    assert_eq!(len, 2 << 20);
    assert!(run().success());
    assert!(std::fs::read(&file).unwrap() == bytes(0, LENGTH));
}

#[test]
fn the_objects_of_microsofts_own_checks_are_there() {
    let lab = Lab::new();
    let get = |path: &str, range: &str| lab.curl(&["--range", range, &(lab.http() + path)]);
    let range = "/filestreamingservice/files/52fa8751-747d-479d-8f22-e32730cc0eb1";
    let answer = get(range, "0-9");
    assert_eq!(answer.header("content-range"), "bytes 0-9/25006511");
    let cache = "/filestreamingservice/files/7bc846e0-af9c-49be-a03d-bb04428c9bb5/Microsoft.png\
                 ?cacheHostOrigin=dl.delivery.mp.microsoft.com";
    for cached in ["MISS", "HIT"] {
        let answer = lab.curl(&[&(lab.http() + cache)]);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.body.len(), 302_341);
        assert_eq!(answer.header("x-cache"), cached);
    }
    let gif = "/mscomtest/wuidt.gif?cacheHostOrigin=au.download.windowsupdate.com";
    assert_eq!(lab.curl(&[&(lab.http() + gif)]).status, 200);
}
