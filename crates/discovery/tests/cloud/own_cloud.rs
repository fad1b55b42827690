//! Against dolab's own cloud.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use dolab_cloud::{Cloud, CloudConfig, CloudPorts, Content, ContentRules, HOSTS};
use dolab_content::{Layout, PieceHasher, PiecesHashFile, Source, Synthetic};
use dolab_discovery::{
    Event, Kind,
    cloud::{CloudClient, CloudClientConfig, CloudEvent, ContentName, Membership},
};
use dolab_http::{ClientConfig, Trust};
use dolab_wire::{DoCode, DownloadMode, PeerType, cloud::Join, swarm::PeerId};
use tokio::time::timeout;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn cloud(content: Content) -> Cloud {
    let config = CloudConfig {
        listen: vec![HERE],
        ports: CloudPorts::free(),
        contents: vec![content],
        ..CloudConfig::default()
    };
    Cloud::start(config).await.unwrap()
}

fn content() -> Content {
    let source = Synthetic::new(7, 3_000_000);
    let layout = Layout::new(source.length(), 1 << 20).unwrap();
    let hash = |piece| {
        let mut bytes = vec![0; layout.piece_len(piece).unwrap() as usize];
        source.read_at(layout.offset(piece), &mut bytes).unwrap();
        PieceHasher::hash(&bytes)
    };
    let hashes = (0..layout.pieces()).map(hash).collect();
    Content {
        name: "an update".into(),
        hashes: Arc::new(PiecesHashFile::from_hashes(layout, hashes).unwrap()),
        source: Arc::new(source),
        modified: None,
        rules: ContentRules::default(),
    }
}

/// A client that finds the real names at the lab's cloud.
fn client(cloud: &Cloud) -> CloudClient {
    let ports = cloud.ports();
    let at = |port: Option<u16>| SocketAddr::new(HERE, port.unwrap());
    let mut names = std::collections::BTreeMap::new();
    for (name, _) in HOSTS {
        let name = name.to_string();
        for port in [Some(443), ports.https] {
            names.insert((name.clone(), port.unwrap()), at(ports.https));
        }
        for port in [Some(80), ports.http] {
            names.insert((name.clone(), port.unwrap()), at(ports.http));
        }
    }
    CloudClient::new(CloudClientConfig {
        http: ClientConfig {
            trust: Trust::authorities_from_pem(cloud.authority_pem().as_bytes()).unwrap(),
            names,
            ..ClientConfig::default()
        },
        ..CloudClientConfig::default()
    })
}

fn join(content: &ContentName, n: u8, left: u64) -> Join {
    Join {
        reported_ip: Some([127, 0, 0, n].into()),
        subnet_mask: Some([255, 0, 0, 0].into()),
        left,
        ..Join::new(
            content.id.as_deref().unwrap(),
            PeerId([n; 20]),
            DownloadMode::Lan,
        )
    }
}

#[tokio::test]
async fn from_geo_to_a_peer() {
    let content = content();
    let hashes = content.hashes.clone();
    let cloud = cloud(content).await;
    let name = ContentName::of(hashes.id());
    let client = client(&cloud);
    let endpoints = client.learn().await.unwrap();
    assert_eq!(endpoints.geo.external_ip_address, HERE);
    let metadata = client.content(&endpoints, &name).await.unwrap();
    assert_eq!(metadata.hashes, *hashes);

    let mut seed = Membership::start(client.clone(), endpoints.clone(), join(&name, 1, 0));
    joined(&mut seed, 0).await;
    let mut leecher = Membership::start(client.clone(), endpoints.clone(), join(&name, 2, 9));
    joined(&mut leecher, 1).await;
    let event = timeout(Duration::from_secs(30), leecher.next())
        .await
        .unwrap();
    let Some(CloudEvent::Peer(event)) = event else {
        panic!("{event:?}");
    };
    let Event::Found(found) = *event else {
        panic!("{event:?}");
    };
    assert_eq!(
        (found.kind, found.peer_type),
        (Kind::Offered(PeerId([1; 20])), PeerType::Lan)
    );
    assert_eq!(found.addrs, ["127.0.0.1:7680".parse().unwrap()]);

    // Who left is offered no more.
    seed.leave().await;
    let mut late = Membership::start(client, endpoints, join(&name, 3, 9));
    joined(&mut late, 1).await;
    drop(late);
    leecher.leave().await;
}

async fn joined(membership: &mut Membership, peers: usize) {
    let event = timeout(Duration::from_secs(30), membership.next())
        .await
        .unwrap();
    let Some(CloudEvent::Joined { offered, .. }) = event else {
        panic!("{event:?}");
    };
    assert_eq!(offered, peers);
}

#[tokio::test]
async fn its_faults_are_told_by_their_codes() {
    for (fault, code) in [
        ("path=/geo,status=503", DoCode::CLOUD_UNREACHABLE),
        ("path=/geo,html", DoCode::CLOUD_UNREACHABLE),
        ("path=/all,empty-json", DoCode::EMPTY_SERVICE_JSON),
        ("certificate=authority", DoCode::CERTIFICATE),
        ("certificate=name", DoCode::CERTIFICATE),
        ("certificate=expired", DoCode::CERTIFICATE),
        (
            "path=*/contentpolicy,status=404",
            DoCode::PIECES_HASH_FILE_UNSPECIFIED,
        ),
        (
            "path=*/pieceshash,status=404",
            DoCode::PIECES_HASH_FILE_MISSING,
        ),
        ("path=*/pieceshash,html", DoCode::PIECES_HASH_FILE_INVALID),
        (
            "path=*/pieceshash,wrong-piece-hash",
            DoCode::HASH_OF_HASHES_COMPUTED,
        ),
        (
            "path=*/pieceshash,wrong-hash-of-hashes",
            DoCode::HASH_OF_HASHES_STATED,
        ),
    ] {
        let content = content();
        let name = ContentName::of(content.hashes.id());
        let cloud = cloud(content).await;
        cloud.faults().set(fault.parse().expect(fault)).unwrap();
        let client = client(&cloud);
        let steps = async {
            let endpoints = client.learn().await?;
            client.content(&endpoints, &name).await
        };
        let error = steps.await.expect_err(fault);
        assert_eq!(error.do_code(), code, "{fault}: {error}");
    }
}

#[tokio::test]
async fn what_it_does_not_allow() {
    let mut content = content();
    content.rules.peers = false;
    let name = ContentName::of(content.hashes.id());
    let cloud = cloud(content).await;
    let client = client(&cloud);
    let endpoints = client.learn().await.unwrap();
    let error = client.content(&endpoints, &name).await.unwrap_err();
    assert_eq!(error.do_code(), DoCode::MODE_BY_CONTENT_POLICY);

    let mut config = client.config().clone();
    config.caller = "winget".into();
    let error = CloudClient::new(config).content(&endpoints, &name).await;
    assert_eq!(error.unwrap_err().do_code(), DoCode::UNREGISTERED_CALLER);
}
