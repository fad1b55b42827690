//! Everything that can go wrong, with the code that Windows would log and whose fault it is.

use std::net::SocketAddr;

use dolab_content::{Layout, PiecesHashFile};
use dolab_discovery::cloud::{CloudClient, CloudError, ContentName};
use dolab_http::{Fault, Trust};
use dolab_wire::{
    DoCode, DownloadMode,
    cloud::{Discovered, Document, GEO_HOST, Join, ReplyError},
    swarm::PeerId,
};
use serde_json::{Value, json};

use crate::stand_in::*;

/// Goes through all the steps until one fails.
async fn error_of(cloud: &StandIn) -> CloudError {
    run(&cloud.client(), &cloud.content()).await
}

async fn run(client: &CloudClient, content: &ContentName) -> CloudError {
    let steps = async {
        let endpoints = client.learn().await?;
        client.content(&endpoints, content).await?;
        let array = client.array(&endpoints, content).await?;
        let join = Join::new("content", PeerId([9; 20]), DownloadMode::Lan);
        client.join(&array, &join).await
    };
    steps.await.expect_err("a step that fails")
}

fn is(error: &CloudError, code: DoCode, fault: Fault) {
    assert_eq!((error.do_code(), error.fault()), (code, fault), "{error}");
}

/// The steps that answer with JSON.
const STEPS: [(&str, Document); 5] = [
    (GEO, Document::Geo),
    (KEY_VALUE, Document::KeyValue),
    (POLICY, Document::ContentPolicy),
    (DISCOVERY, Document::Discovery),
    (JOIN, Document::Joined),
];

#[tokio::test]
async fn nobody_listens() {
    let cloud = StandIn::start().await;
    let mut config = cloud.config();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody: SocketAddr = closed.local_addr().unwrap();
    drop(closed);
    config.http.names.insert((GEO_HOST.into(), 443), nobody);
    let error = run(&CloudClient::new(config), &cloud.content()).await;
    is(&error, DoCode::CLOUD_UNREACHABLE, Fault::Network);
    assert!(error.to_string().contains("geo service"), "{error}");
}

#[tokio::test]
async fn a_public_address_is_not_contacted() {
    let cloud = StandIn::start().await;
    let mut config = cloud.config();
    // An address for documentation, which nobody has; a refusal must not depend on that.
    let public: SocketAddr = "203.0.113.9:443".parse().unwrap();
    config.http.names.insert((GEO_HOST.into(), 443), public);
    let error = run(&CloudClient::new(config), &cloud.content()).await;
    is(&error, DoCode::CLOUD_UNREACHABLE, Fault::Caller);
    assert!(error.to_string().contains("--allow-public"), "{error}");
}

#[tokio::test]
async fn somebody_opens_tls_in_between() {
    let (cloud, other) = (StandIn::start().await, StandIn::start().await);
    let mut config = cloud.config();
    config.http.trust = other.config().http.trust;
    let error = run(&CloudClient::new(config), &cloud.content()).await;
    is(&error, DoCode::CERTIFICATE, Fault::Network);

    let mut config = cloud.config();
    config.http.trust = Trust::None;
    let error = run(&CloudClient::new(config), &cloud.content()).await;
    is(&error, DoCode::CLOUD_UNREACHABLE, Fault::Caller);
}

#[tokio::test]
async fn a_captive_portal_at_any_step() {
    for (what, step) in STEPS {
        for status in [200, 511] {
            let cloud = StandIn::start().await;
            let page = Answer {
                status,
                ..Answer::page()
            };
            cloud.set(what, page);
            let error = error_of(&cloud).await;
            is(&error, DoCode::CLOUD_UNREACHABLE, Fault::Network);
            let CloudError::Reply { source, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(source, &ReplyError::CaptivePortal(step));
        }
    }
}

#[tokio::test]
async fn empty_json_at_any_step() {
    for (what, step) in STEPS {
        for body in [&b""[..], b"{}", b"[]", b"null"] {
            let cloud = StandIn::start().await;
            let empty = Answer {
                body: body.to_vec(),
                ..Answer::json(&Value::Null)
            };
            cloud.set(what, empty);
            let error = error_of(&cloud).await;
            is(&error, DoCode::EMPTY_SERVICE_JSON, Fault::Server);
            assert!(error.to_string().contains(step.name()), "{error}");
        }
    }
}

#[tokio::test]
async fn a_field_is_missing_at_any_step() {
    let peer = json!({ "Peers": [{ "PeerType": 1 }] });
    for (what, value, field) in [
        (GEO, json!({ "Version": "1" }), "ExternalIpAddress"),
        (
            KEY_VALUE,
            json!({ "a": 1 }),
            "ContentPolicy_EndpointFullUri",
        ),
        (POLICY, json!({ "a": 1 }), "ContentId"),
        (DISCOVERY, json!([{ "a": 1 }]), "CollectiveArray"),
        (JOIN, peer, "Peers[0].PeerId"),
    ] {
        let cloud = StandIn::start().await;
        cloud.set(what, Answer::json(&value));
        let error = error_of(&cloud).await;
        is(&error, DoCode::EMPTY_SERVICE_JSON, Fault::Server);
        assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
    }
}

#[tokio::test]
async fn a_service_that_refuses_at_any_step() {
    for (what, step) in STEPS {
        for status in [403, 500, 503] {
            let cloud = StandIn::start().await;
            cloud.set(what, Answer::status(status));
            let error = error_of(&cloud).await;
            is(&error, DoCode::CLOUD_UNREACHABLE, Fault::Server);
            let step = if step == Document::Joined {
                "join"
            } else {
                step.name()
            };
            let said = error.to_string();
            assert!(
                said.contains(step) && said.contains(&status.to_string()),
                "{said}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_that_never_ends() {
    let cloud = StandIn::start().await;
    let long = Answer {
        body: vec![b' '; 2 << 20],
        ..Answer::json(&Value::Null)
    };
    cloud.set(GEO, long);
    is(
        &error_of(&cloud).await,
        DoCode::CLOUD_UNREACHABLE,
        Fault::Caller,
    );
}

#[tokio::test]
async fn a_caller_that_is_not_registered() {
    let mut cloud = StandIn::start().await;
    let mut config = cloud.config();
    config.caller = "winget".into();
    let error = run(&CloudClient::new(config), &cloud.content()).await;
    is(&error, DoCode::UNREGISTERED_CALLER, Fault::Caller);
    assert!(error.to_string().contains("`winget`"), "{error}");
    // Nothing more was asked.
    let asked: Vec<String> = cloud.all().into_iter().map(|asked| asked.what).collect();
    assert_eq!(asked, [GEO, KEY_VALUE]);
}

#[tokio::test]
async fn a_content_that_may_not_be_shared() {
    for mode in [
        DownloadMode::CdnOnly,
        DownloadMode::Simple,
        DownloadMode::Bypass,
    ] {
        let cloud = StandIn::start().await;
        let mut bound = policy(&cloud.hashes);
        bound["Policies"]["DownloadMode"] = mode.number().into();
        cloud.set(POLICY, Answer::json(&bound));
        let error = error_of(&cloud).await;
        is(&error, DoCode::MODE_BY_CONTENT_POLICY, Fault::Server);
    }
}

#[tokio::test]
async fn a_content_that_the_cloud_does_not_know() {
    let cloud = StandIn::start().await;
    cloud.set(POLICY, Answer::status(404));
    let error = error_of(&cloud).await;
    is(&error, DoCode::PIECES_HASH_FILE_UNSPECIFIED, Fault::Server);
    assert!(error.to_string().contains("DO-"), "{error}");
}

#[tokio::test]
async fn a_policy_by_which_nothing_can_be_verified() {
    for field in ["HashOfHashes", "PiecesHashFileCdnUrls"] {
        let cloud = StandIn::start().await;
        let mut without = policy(&cloud.hashes);
        without[field] = Value::Null;
        cloud.set(POLICY, Answer::json(&without));
        let error = error_of(&cloud).await;
        is(&error, DoCode::PIECES_HASH_FILE_UNSPECIFIED, Fault::Server);
    }
}

#[tokio::test]
async fn a_pieces_hash_file_that_can_not_be_had() {
    let cloud = StandIn::start().await;
    cloud.set(PHF, Answer::status(404));
    let error = error_of(&cloud).await;
    is(&error, DoCode::PIECES_HASH_FILE_MISSING, Fault::Server);
    assert!(error.to_string().contains("/files/a.phf"), "{error}");
}

#[tokio::test]
async fn a_pieces_hash_file_that_is_another() {
    let cloud = StandIn::start().await;
    let layout = Layout::new(2_000_000, 1 << 20).unwrap();
    let other = PiecesHashFile::from_hashes(layout, vec![[3; 32], [2; 32]]).unwrap();
    // What another content has; and the right one with a piece's hash replaced.
    let stated = other.to_json();
    let mut altered: Value = serde_json::from_slice(&cloud.hashes.to_json()).unwrap();
    let others: Value = serde_json::from_slice(&stated).unwrap();
    altered["Pieces"] = others["Pieces"].clone();
    for (body, code) in [
        (Answer::page().body, DoCode::PIECES_HASH_FILE_INVALID),
        (b"{}".to_vec(), DoCode::PIECES_HASH_FILE_INVALID),
        (Vec::new(), DoCode::PIECES_HASH_FILE_INVALID),
        (stated, DoCode::HASH_OF_HASHES_STATED),
        (
            serde_json::to_vec(&altered).unwrap(),
            DoCode::HASH_OF_HASHES_COMPUTED,
        ),
    ] {
        let answer = Answer {
            body,
            ..Answer::page()
        };
        cloud.set(PHF, answer);
        is(&error_of(&cloud).await, code, Fault::Network);
    }
}

#[tokio::test]
async fn a_leave_that_comes_too_late_is_no_error() {
    let cloud = StandIn::start().await;
    let (client, endpoints) = cloud.learned().await;
    let array = client.array(&endpoints, &cloud.content()).await.unwrap();
    let leave = dolab_wire::cloud::Leave {
        content_id: Some("content".into()),
        alt_catalog_id: None,
        peer_id: PeerId([9; 20]),
    };
    cloud.set(LEAVE, Answer::status(404));
    client.leave(&array, &leave).await.unwrap();
    cloud.set(LEAVE, Answer::status(500));
    let error = client.leave(&array, &leave).await.unwrap_err();
    is(&error, DoCode::CLOUD_UNREACHABLE, Fault::Server);
}

#[tokio::test]
async fn endpoints_that_are_none() {
    let cloud = StandIn::start().await;
    let mut elsewhere = key_value();
    elsewhere["Discovery_EndpointFullUri"] = "ftp://disc/{contentId}".into();
    cloud.set(KEY_VALUE, Answer::json(&elsewhere));
    is(
        &error_of(&cloud).await,
        DoCode::CLOUD_UNREACHABLE,
        Fault::Caller,
    );

    let client = cloud.client();
    let nowhere = Discovered {
        collective_array: "no url".into(),
    };
    let join = Join::new("content", PeerId([9; 20]), DownloadMode::Lan);
    let error = client.join(&nowhere, &join).await.unwrap_err();
    is(&error, DoCode::CLOUD_UNREACHABLE, Fault::Caller);
}
