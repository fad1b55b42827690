//! What is asked, in which order, and what follows from the answers.

use dolab_discovery::cloud::ContentName;
use dolab_wire::{
    DownloadMode,
    cloud::{Join, Leave, Query},
    swarm::PeerId,
};

use crate::stand_in::*;

#[tokio::test]
async fn each_step_goes_where_the_answer_before_said() {
    let mut cloud = StandIn::start().await;
    let (client, endpoints) = cloud.learned().await;
    let content = ContentName {
        url: Some("http://dl.example/files/a?P1=1".into()),
        ..cloud.content()
    };
    let metadata = client.content(&endpoints, &content).await.unwrap();
    assert_eq!(metadata.hashes, cloud.hashes);
    let array = client.array(&endpoints, &content).await.unwrap();
    let mut join = Join::new(
        content.id.as_deref().unwrap(),
        PeerId([9; 20]),
        DownloadMode::Lan,
    );
    join.left = 7;
    let joined = client.join(&array, &join).await.unwrap();
    assert_eq!(joined.peers.len(), 2);
    assert_eq!(
        joined.peers[0].addresses.as_slice(),
        ["10.0.0.1:7680".parse().unwrap()]
    );
    let leave = Leave {
        content_id: content.id.clone(),
        alt_catalog_id: None,
        peer_id: PeerId([9; 20]),
    };
    client.leave(&array, &leave).await.unwrap();

    let asked = cloud.all();
    let whats: Vec<&str> = asked.iter().map(|asked| &*asked.what).collect();
    assert_eq!(whats, [GEO, KEY_VALUE, POLICY, PHF, DISCOVERY, JOIN, LEAVE]);
    let said = |n: usize, name: &str| {
        let query = Query::parse(&asked[n].query);
        query.value(name).unwrap_or_default().to_owned()
    };
    for n in [0, 1, 2, 4] {
        assert_eq!(said(n, "doClientVersion"), "10.1.0.13");
        assert_eq!(said(n, "profile"), "768");
    }
    said(0, "callId").parse::<u32>().unwrap();
    assert_eq!(
        (said(1, "countryCode"), said(1, "CacheId")),
        ("DE".into(), "7".into())
    );
    assert_eq!(said(2, "altCatalogId"), "http://dl.example/files/a?P1=1");
    assert_eq!(
        (said(4, "partitionId"), said(4, "countryCode")),
        ("0".into(), "DE".into())
    );
    assert_eq!(Join::parse(asked[5].body.as_bytes()).unwrap(), join);
    assert_eq!(Leave::parse(asked[6].body.as_bytes()).unwrap(), leave);
}

#[tokio::test]
async fn a_group_is_stated_to_geo() {
    let mut cloud = StandIn::start().await;
    let mut config = cloud.config();
    config.group = Some("7bb8f4f0-1f0b-4a5e-9a83-5f0e6a6a2b11".into());
    dolab_discovery::cloud::CloudClient::new(config)
        .geo()
        .await
        .unwrap();
    let query = Query::parse(&cloud.next().await.query);
    assert_eq!(
        query.value("groupID"),
        Some("7bb8f4f0-1f0b-4a5e-9a83-5f0e6a6a2b11")
    );
}

#[tokio::test]
async fn a_second_place_is_tried_for_the_pieces_hash_file() {
    let cloud = StandIn::start().await;
    let mut two = policy(&cloud.hashes);
    two["PiecesHashFileCdnUrls"] = serde_json::json!([
        "https://cp601.prod.do.dsp.mp.microsoft.com/files/a.phf",
        "https://cp601.prod.do.dsp.mp.microsoft.com/files/b.phf"
    ]);
    cloud.set(POLICY, Answer::json(&two));
    cloud.set(PHF, Answer::page());
    let (client, endpoints) = cloud.learned().await;
    let metadata = client.content(&endpoints, &cloud.content()).await.unwrap();
    assert_eq!(metadata.hashes, cloud.hashes);
}
