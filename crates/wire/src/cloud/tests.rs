use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{DoCode, DownloadMode, PeerType, swarm::PeerId};

/// The join that is public.
const JOIN: &str = r#"{
    "AltCatalogId": "http://tlu.dl.delivery.mp.microsoft.com/filestreamingservice/files/c6b8cf6e",
    "PeerId": "e08e8e26fd833d4097b3a62b66adc67b00000000", "ReportedIp": "192.168.1.8",
    "SubnetMask": "255.255.255.0", "Ipv6": "fe80::240c:cca8:88ed:fdce", "IsBackground": "0",
    "ClientDialectVersionMajor": "10", "ClientDialectVersionMinor": "1",
    "ClientDialectVersionBuild": "0", "ClientDialectVersionRevision": "12", "Uploaded": "0",
    "Downloaded": "0", "DownloadedCdn": "0", "DownloadedDoinc": "0", "Left": "73473792",
    "JoinRequestEvent": "1", "RestrictedUpload": "0", "PeersWanted": "255", "GroupId": "",
    "Scope": "1", "Profile": "768", "Seq": "0"
}"#;

fn geo() -> Value {
    json!({
        "ExternalIpAddress": "203.0.113.7", "CountryCode": "DE",
        "KeyValue_EndpointFullUri": "https://kv601.prod.do.dsp.mp.microsoft.com/all",
        "Version": "26A6D4D6994E8DA5", "CompactVersion": "1", "CacheId": "7",
        "ContentCert": false, "DownloadModeFailSafe": "", "CacheHost": null,
        "SomethingNew": { "a": [1] }
    })
}

/// The content policy that is public, its nulls and empty texts as PowerShell shows them.
fn content_policy() -> Value {
    json!({
        "ContentId": "DO-pnfBh6zEGx3sxf6WBId825S6VQpwJTWIaAWU-cBsHD0=",
        "HashOfHashes": "pnfBh6zEGx3sxf6WBId825S6VQpwJTWIaAWU/cBsHD0=",
        "PiecesHashFileCdnUrls": ["https://swdd02.manage.microsoft.com/a.phf"],
        "ContentCdnUrls": null, "IsSecure": false, "IsInternal": false,
        "Policies": {
            "ForegroundQosBps": 6_710_886, "BackgroundQosBps": 2_621_440,
            "MaxCacheAgeSecs": "86400", "ExpireAtSecsSinceEpoch": "", "DownloadToExpire": 86400
        },
        "Rank": 0
    })
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// The document without a field, or with another value in it.
fn with(mut document: Value, field: &str, value: Value) -> Vec<u8> {
    document[field] = value;
    bytes(&document)
}

#[test]
fn the_public_join_is_read() {
    let join = Join::parse(JOIN.as_bytes()).unwrap();
    assert_eq!(join.scope, DownloadMode::Lan);
    assert_eq!(
        join.peer_id.to_string(),
        "e08e8e26fd833d4097b3a62b66adc67b00000000"
    );
    assert_eq!(join.reported_ip, Some([192, 168, 1, 8].into()));
    assert_eq!(join.subnet_mask, Some([255, 255, 255, 0].into()));
    assert_eq!(
        (join.left, join.peers_wanted, join.profile),
        (73_473_792, 255, 768)
    );
    assert_eq!(join.dialect.to_string(), "10.1.0.12");
    assert_eq!(
        (join.group_id.as_deref(), join.content_id.as_deref()),
        (None, None)
    );
    assert!(join.content().ends_with("/c6b8cf6e"));
    // What the sample lacks has the values of a Windows client.
    assert_eq!(
        (join.port, join.restrict, join.is_server),
        (7680, PeerSelection::Any, false)
    );
}

#[test]
fn every_value_of_a_join_is_a_text_and_the_sample_is_in_it() {
    let join = Join::parse(JOIN.as_bytes()).unwrap();
    let written: Value = serde_json::from_slice(&join.to_json()).unwrap();
    let written = written.as_object().unwrap();
    assert!(written.values().all(Value::is_string));
    let sample: Value = serde_json::from_str(JOIN).unwrap();
    for (field, value) in sample.as_object().unwrap() {
        assert_eq!(&written[field], value, "{field}");
    }
    assert_eq!(
        written.len(),
        sample.as_object().unwrap().len() + 3,
        "ours are three"
    );
}

#[test]
fn geo_as_observed() {
    let geo = Geo::parse(Some("text/json"), &bytes(&geo())).unwrap();
    assert_eq!(
        geo.external_ip_address,
        std::net::Ipv4Addr::new(203, 0, 113, 7)
    );
    assert_eq!(geo.cache_id.as_deref(), Some("7"));
    assert_eq!(
        (geo.content_cert, geo.cache_host.as_deref()),
        (Some(false), None)
    );
    let again = serde_json::to_vec(&geo).unwrap();
    assert_eq!(
        Geo::parse(Some("text/json; charset=utf-8"), &again),
        Ok(geo)
    );
}

#[test]
fn what_geo_must_have() {
    for field in ["Version", "KeyValue_EndpointFullUri", "ExternalIpAddress"] {
        for nothing in [Value::Null, json!("")] {
            let error = Geo::parse(None, &with(geo(), field, nothing)).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the geo document has no `{field}`")
            );
            assert_eq!(error.do_code(), DoCode::EMPTY_SERVICE_JSON);
        }
        let error = Geo::parse(None, &with(geo(), field, json!([1]))).unwrap_err();
        assert!(
            matches!(&error, ReplyError::Field { field: f, .. } if f == field),
            "{error}"
        );
    }
    for address in ["0.0.0.0", "::", "10.0.0.256", "geo"] {
        let error = Geo::parse(None, &with(geo(), "ExternalIpAddress", json!(address)));
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("`ExternalIpAddress` of the geo document is "),
            "{error}"
        );
    }
    for field in ["CountryCode", "CacheId", "CompactVersion"] {
        Geo::parse(None, &with(geo(), field, Value::Null)).unwrap();
    }
}

#[test]
fn a_web_page_is_told_from_broken_json() {
    let page = b" <!DOCTYPE html><html>Please sign in</html>";
    for (kind, body) in [
        (Some("text/html; charset=utf-8"), &b"{}"[..]),
        (Some("TEXT/HTML"), b""),
        (Some("text/json"), page),
        (None, page),
    ] {
        let error = Geo::parse(kind, body).unwrap_err();
        assert_eq!(error, ReplyError::CaptivePortal(Document::Geo));
        assert_eq!(error.do_code(), DoCode::CLOUD_UNREACHABLE);
    }
    for body in ["", "  ", "null", "{}", "[]"] {
        let error = KeyValue::parse(Some("text/json"), body.as_bytes()).unwrap_err();
        assert_eq!(error, ReplyError::Empty(Document::KeyValue));
        assert_eq!(error.do_code(), DoCode::EMPTY_SERVICE_JSON);
    }
    for body in ["{", "{\"a\":}", "[1]", "7", "\u{1}"] {
        let error = KeyValue::parse(None, body.as_bytes()).unwrap_err();
        assert!(matches!(error, ReplyError::Json { .. }), "{body}: {error}");
    }
    let long = vec![b' '; MAX_REPLY_LEN + 1];
    let error = KeyValue::parse(None, &long).unwrap_err();
    assert!(matches!(error, ReplyError::TooLong { .. }), "{error}");
    // A byte order mark is what some proxies put before it.
    let marked = [b"\xEF\xBB\xBF", &*bytes(&geo())].concat();
    Geo::parse(None, &marked).unwrap();
}

#[test]
fn callers_are_matched_as_the_observed_list_needs_it() {
    let document = json!({
        "ContentPolicy_EndpointFullUri": "https://cp/content/{contentId}/contentpolicy",
        "Discovery_EndpointFullUri": "https://disc/{contentId}",
        "Client_RegisteredCallersFilterList":
            ["BeginLoadRange.*", ".*CheckReachable", "WU Client Download", ".*Job.*"]
    });
    let kv = KeyValue::parse(Some("text/json"), &bytes(&document)).unwrap();
    for caller in [
        "BeginLoadRange",
        "BeginLoadRange 7",
        "xCheckReachable",
        "WU Client Download",
        "MDMSW Job",
    ] {
        assert!(kv.is_registered(caller), "{caller}");
    }
    for caller in [
        "",
        "winget",
        "wu client download",
        "WU Client Download 2",
        "CheckReachable2",
        "xBeginLoadRange",
    ] {
        assert!(!kv.is_registered(caller), "{caller}");
    }
    let open = with(document, "Client_RegisteredCallersFilterList", Value::Null);
    assert!(
        KeyValue::parse(None, &open)
            .unwrap()
            .is_registered("winget")
    );
}

#[test]
fn the_public_content_policy_is_read() {
    let policy = ContentPolicy::parse(Some("text/json"), &bytes(&content_policy())).unwrap();
    let hash = policy.hash_of_hashes.unwrap();
    assert_eq!(ContentPolicy::content_id_of(&hash), policy.content_id);
    assert_eq!(ContentPolicy::hash_in(&policy.content_id), Some(hash));
    assert_eq!(policy.policies.background_qos_bps, Some(2_621_440));
    assert_eq!(policy.policies.max_cache_age_secs, Some(86_400));
    assert_eq!(policy.policies.expire_at_secs_since_epoch, None);
    assert_eq!(policy.policies.download_mode, None);
    assert!(policy.content_cdn_urls.is_empty());
    let again = serde_json::to_vec(&policy).unwrap();
    assert_eq!(ContentPolicy::parse(None, &again), Ok(policy));
}

#[test]
fn an_error_names_the_field_with_its_path() {
    let error = |field: &str, value| {
        let policy = with(content_policy(), field, value);
        ContentPolicy::parse(None, &policy).unwrap_err().to_string()
    };
    let hash = error("HashOfHashes", json!("cA=="));
    assert_eq!(
        hash,
        "`HashOfHashes` of the content policy document is `cA==`: it must be a SHA-256 in base64"
    );
    let inner = error("Policies", json!({ "ForegroundQosBps": "fast" }));
    assert!(
        inner.starts_with("`Policies.ForegroundQosBps` of"),
        "{inner}"
    );
    let list = error("PiecesHashFileCdnUrls", json!(["a", 7]));
    assert!(list.contains("is 7: it must be a list of texts"), "{list}");
    let mode = error("Policies", json!({ "DownloadMode": 4 }));
    assert!(
        mode.contains("is `4`: it must be a download mode"),
        "{mode}"
    );
    let terminal = error("IsSecure", json!("\u{1b}[2J"));
    assert!(terminal.contains("\\u{1b}"), "{terminal}");
}

#[test]
fn arrays_have_urls() {
    let two = json!([{ "CollectiveArray": "https://array1/x/", "Rank": 1 }, { "CollectiveArray": "https://array2" }]);
    let arrays = Discovered::parse(Some("text/json"), &bytes(&two)).unwrap();
    assert_eq!(arrays[0].join_url(), "https://array1/x/join/");
    assert_eq!(arrays[1].leave_url(), "https://array2/leave/");
    let wrong = Discovered::parse(None, b"[{}]").unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "the discovery document has no `CollectiveArray`"
    );
    assert!(Discovered::parse(None, b"{\"a\":1}").is_err());
    assert_eq!(
        Discovered::parse(None, b"[]"),
        Err(ReplyError::Empty(Document::Discovery))
    );
}

#[test]
fn what_a_join_must_have() {
    let sample: Value = serde_json::from_str(JOIN).unwrap();
    for (field, document) in [
        ("PeerId", "PeerId"),
        ("Scope", "Scope"),
        ("AltCatalogId", "ContentId"),
    ] {
        let error = Join::parse(&with(sample.clone(), field, Value::Null)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the join document has no `{document}`")
        );
    }
    for (field, value) in [
        ("PeerId", json!("e08e8e26")),
        ("PeerId", json!("ge8e8e26fd833d4097b3a62b66adc67b00000000")),
        ("Scope", json!("4")),
        ("ReportedIp", json!("fe80::1")),
        ("SubnetMask", json!("/24")),
        ("Ipv6", json!("10.0.0.1")),
        ("Left", json!("-1")),
        ("Left", json!("18446744073709551616")),
        ("Left", json!({ "bytes": 1 })),
        ("IsBackground", json!("yes")),
        ("PeersWanted", json!("many")),
        ("Port", json!("65536")),
        ("RestrictPeerSelectionBy", json!("3")),
        ("GroupId", json!("x".repeat(MAX_ID_LEN + 1))),
        ("AltCatalogId", json!("x".repeat(MAX_ID_LEN + 1))),
    ] {
        let error = Join::parse(&with(sample.clone(), field, value)).unwrap_err();
        assert!(
            matches!(&error, ReplyError::Field { field: f, .. } if f == field),
            "{error}"
        );
    }
    // Numbers are as good as texts.
    Join::parse(&with(sample, "Left", json!(7))).unwrap();
    let long = [JOIN.as_bytes(), &[b' '; MAX_JOIN_LEN]].concat();
    assert!(matches!(
        Join::parse(&long),
        Err(ReplyError::TooLong { .. })
    ));
}

#[test]
fn a_leave_goes_both_ways() {
    let leave = Leave {
        content_id: Some("a".into()),
        alt_catalog_id: None,
        peer_id: PeerId([7; 20]),
    };
    assert_eq!(Leave::parse(&leave.to_json()), Ok(leave));
    let error = Leave::parse(b"{\"ContentId\":\"a\"}").unwrap_err();
    assert_eq!(error.to_string(), "the leave document has no `PeerId`");
}

#[test]
fn an_answer_to_a_join_is_bounded() {
    let joined = Joined {
        interval: std::time::Duration::from_secs(7),
        peers: vec![
            OfferedPeer {
                peer_id: PeerId([1; 20]),
                addresses: ["10.0.0.1:7680".parse().unwrap(); 5].into_iter().collect(),
                peer_type: PeerType::Lan,
            };
            300
        ],
    };
    let read = Joined::parse(None, &joined.to_json()).unwrap();
    assert_eq!(read.interval, joined.interval);
    assert_eq!((read.peers.len(), read.peers[0].addresses.len()), (255, 3));
    let alone = Joined::parse(None, b"{\"IntervalSecs\":\"60\",\"Peers\":[]}").unwrap();
    assert!(alone.peers.is_empty());
    let error = Joined::parse(None, br#"{"Peers":[{"PeerId":"7","PeerType":1}]}"#).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`Peers[0].PeerId` of the join answer"),
        "{error}"
    );
}

#[test]
fn parameters_are_escaped_and_found_in_any_case() {
    let url = with_query(
        &with_content_id("https://cp/content/{contentId}/contentpolicy", "a/b c"),
        &[
            ("altCatalogId", "http://x/?a=1&b=ü"),
            ("CacheHost", ""),
            ("countryCode", "DE"),
        ],
    );
    let (path, query) = url.split_once('?').unwrap();
    assert_eq!(path, "https://cp/content/a%2Fb%20c/contentpolicy");
    assert_eq!(
        query,
        "altCatalogId=http%3A%2F%2Fx%2F%3Fa%3D1%26b%3D%C3%BC&countryCode=DE"
    );
    let query = Query::parse(query);
    assert_eq!(query.value("AltCatalogID"), Some("http://x/?a=1&b=ü"));
    assert_eq!(query.value("CacheHost"), None);
    assert_eq!(
        with_query("https://x/?a=1", &[("b", "2")]),
        "https://x/?a=1&b=2"
    );
    let many = "a=1&".repeat(1000) + "z=1";
    assert_eq!(Query::parse(&many).value("z"), None);
    assert_eq!(Query::parse("a&b=&c=%zz+x").value("c"), Some("%zz x"));
}

#[test]
fn parameters_beyond_the_limit_are_passed_over() {
    let many: Vec<String> = (0..=Query::MAX).map(|n| format!("p{n}={n}")).collect();
    let query = Query::parse(&many.join("&"));
    let last = Query::MAX - 1;
    let (within, beyond) = (format!("p{last}"), format!("p{}", Query::MAX));
    assert_eq!(query.value(&within), Some(&*last.to_string()));
    assert_eq!(query.value(&beyond), None);
}

#[test]
fn client_versions() {
    let version: ClientVersion = "10.1.0.13".parse().unwrap();
    assert_eq!(version, ClientVersion::default());
    for text in [
        "",
        "10.1.0",
        "10.1.0.13.1",
        "10.1.0.x",
        "10.1.0.-1",
        "99999999999.1.0.1",
    ] {
        assert!(text.parse::<ClientVersion>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn an_answer_to_a_join_is_json(
        seconds: u32, id: [u8; 20], v4: u32, v6: u128, port: u16, kind in 0..PeerType::ALL.len(),
        peers in 0..3usize,
    ) {
        let addresses: [std::net::SocketAddr; 2] = [
            (std::net::Ipv4Addr::from_bits(v4), port).into(),
            (std::net::Ipv6Addr::from_bits(v6), port).into(),
        ];
        let peer = OfferedPeer {
            peer_id: PeerId(id),
            addresses: addresses.into_iter().collect(),
            peer_type: PeerType::ALL[kind],
        };
        let joined = Joined {
            interval: std::time::Duration::from_secs(seconds.into()),
            peers: vec![peer; peers],
        };
        let expected = json!({
            "PeerId": PeerId(id).to_string(),
            "Addresses": addresses.map(|address| address.to_string()),
            "PeerType": PeerType::ALL[kind].number(),
        });
        let written: Value = serde_json::from_slice(&joined.to_json()).unwrap();
        prop_assert_eq!(
            written,
            json!({ "IntervalSecs": seconds, "Peers": vec![expected; peers] })
        );
    }

    #[test]
    fn any_join_goes_both_ways(
        id in prop::option::of(".{1,40}"), url in ".{1,40}", peer: [u8; 20],
        addresses: (Option<u32>, Option<u32>, Option<u128>), numbers: [u64; 6],
        small: (u32, u32, u32, u16), flags: [bool; 3], mode in 0..6usize, restrict in 0..3usize,
        group in prop::option::of(".{1,40}"),
    ) {
        let join = Join {
            content_id: id,
            alt_catalog_id: Some(url),
            reported_ip: addresses.0.map(Into::into),
            subnet_mask: addresses.1.map(Into::into),
            ipv6: addresses.2.map(Into::into),
            is_background: flags[0],
            restricted_upload: flags[1],
            is_server: flags[2],
            uploaded: numbers[0],
            downloaded: numbers[1],
            downloaded_cdn: numbers[2],
            downloaded_doinc: numbers[3],
            left: numbers[4],
            seq: numbers[5],
            event: small.0,
            peers_wanted: small.1,
            profile: small.2,
            port: small.3,
            group_id: group,
            restrict: [PeerSelection::Any, PeerSelection::Subnet, PeerSelection::LocalDiscovery][restrict],
            ..Join::new("", PeerId(peer), DownloadMode::ALL[mode])
        };
        prop_assert_eq!(Join::parse(&join.to_json()), Ok(join));
    }

    #[test]
    fn no_bytes_make_a_parser_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Geo::parse(None, &body);
        let _ = KeyValue::parse(None, &body);
        let _ = ContentPolicy::parse(None, &body);
        let _ = Discovered::parse(None, &body);
        let _ = Joined::parse(None, &body);
        let _ = Join::parse(&body);
        let _ = Leave::parse(&body);
        let _ = Query::parse(&String::from_utf8_lossy(&body));
    }

    #[test]
    fn no_value_in_a_field_makes_a_parser_panic(field in 0..30usize, value in values()) {
        let sample: Value = serde_json::from_str(JOIN).unwrap();
        let fields: Vec<String> = sample.as_object().unwrap().keys().cloned().collect();
        let field = &fields[field % fields.len()];
        let _ = Join::parse(&with(sample, field, value.clone()));
        let policy = content_policy();
        let fields: Vec<String> = policy.as_object().unwrap().keys().cloned().collect();
        let _ = ContentPolicy::parse(None, &with(policy, &fields[field.len() % fields.len()], value));
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..3).prop_map(Value::from),
        Just(json!({ "a": { "b": [] } })),
    ]
}
