//! A device that stays registered.

use std::time::Duration;

use dolab_discovery::{
    Candidate, Event, Kind, Source,
    cloud::{CloudEvent, Membership},
};
use dolab_wire::{DoCode, DownloadMode, PeerType, cloud::Join, swarm::PeerId};
use tokio::time::timeout;

use crate::stand_in::*;

fn join(cloud: &StandIn) -> Join {
    Join {
        left: 5,
        ..Join::new(
            &cloud.content().id.unwrap(),
            PeerId([9; 20]),
            DownloadMode::Lan,
        )
    }
}

async fn start(cloud: &StandIn) -> Membership {
    let (client, endpoints) = cloud.learned().await;
    Membership::start(client, endpoints, join(cloud))
}

async fn next(membership: &mut Membership) -> CloudEvent {
    let event = timeout(Duration::from_secs(30), membership.next()).await;
    event
        .expect("an event within 30 s")
        .expect("a membership that goes on")
}

async fn next_peer(membership: &mut Membership) -> Event {
    loop {
        if let CloudEvent::Peer(event) = next(membership).await {
            return *event;
        }
    }
}

fn body(asked: &Asked) -> Join {
    Join::parse(asked.body.as_bytes()).unwrap()
}

#[tokio::test]
async fn what_the_cloud_offers_becomes_candidates() {
    let cloud = StandIn::start().await;
    let mut membership = start(&cloud).await;
    let first = next(&mut membership).await;
    assert!(
        matches!(first, CloudEvent::Joined { offered: 2, again_in, .. } if again_in.as_secs() == 900)
    );
    let Event::Found(candidate) = next_peer(&mut membership).await else {
        panic!();
    };
    let Candidate {
        source,
        kind,
        peer_type,
        addrs,
        ..
    } = candidate;
    assert_eq!(
        (source, source.name(), peer_type),
        (Source::Cloud, "cloud", PeerType::Lan)
    );
    assert_eq!(kind, Kind::Offered(PeerId([1; 20])));
    assert_eq!(addrs, ["10.0.0.1:7680".parse().unwrap()]);
}

#[tokio::test]
async fn it_joins_again_when_the_cloud_wants_it_to_and_tells_what_is_new() {
    let mut cloud = StandIn::start().await;
    cloud.set(JOIN, Answer::json(&joined(0, &[(1, 7680), (2, 7680)])));
    let mut membership = start(&cloud).await;
    for _ in 0..2 {
        assert!(matches!(next_peer(&mut membership).await, Event::Found(_)));
    }
    assert_eq!(body(&cloud.next_of(JOIN).await).seq, 0);
    membership.update(|join| join.downloaded = 4);
    cloud.set(JOIN, Answer::json(&joined(1, &[(2, 9), (3, 7680)])));
    let again = body(&cloud.next_of(JOIN).await);
    assert_eq!((again.seq, again.downloaded), (1, 4));
    let moved = next_peer(&mut membership).await;
    assert!(
        matches!(&moved, Event::Changed(it) if it.addrs[0].port() == 9),
        "{moved:?}"
    );
    let new = next_peer(&mut membership).await;
    assert!(
        matches!(&new, Event::Found(it) if it.kind == Kind::Offered(PeerId([3; 20]))),
        "{new:?}"
    );
}

#[tokio::test]
async fn one_that_has_everything_says_so_at_once() {
    let mut cloud = StandIn::start().await;
    let membership = start(&cloud).await;
    assert_eq!(body(&cloud.next_of(JOIN).await).left, 5);
    membership.update(|join| join.left = 0);
    // The interval is 15 minutes.
    assert_eq!(body(&cloud.next_of(JOIN).await).left, 0);
}

#[tokio::test]
async fn it_leaves_at_the_end() {
    let mut cloud = StandIn::start().await;
    let mut membership = start(&cloud).await;
    assert!(matches!(
        next(&mut membership).await,
        CloudEvent::Joined { .. }
    ));
    membership.leave().await;
    // The answer to `leave` came only after the cloud had heard of it.
    let last = cloud.all().pop().unwrap();
    assert_eq!(last.what, LEAVE);
    let leave = dolab_wire::cloud::Leave::parse(last.body.as_bytes()).unwrap();
    assert_eq!(leave.peer_id, PeerId([9; 20]));

    // Dropped, it does so too.
    let mut membership = start(&cloud).await;
    assert!(matches!(
        next(&mut membership).await,
        CloudEvent::Joined { .. }
    ));
    drop(membership);
    cloud.next_of(LEAVE).await;
}

#[tokio::test]
async fn a_leave_that_nobody_answers_keeps_nobody_waiting() {
    let cloud = StandIn::start().await;
    cloud.set(LEAVE, Answer::status(500));
    let mut membership = start(&cloud).await;
    assert!(matches!(
        next(&mut membership).await,
        CloudEvent::Joined { .. }
    ));
    timeout(Duration::from_secs(30), membership.leave())
        .await
        .unwrap();
}

#[tokio::test]
async fn after_a_failure_it_begins_anew_and_keeps_what_it_knows() {
    let mut cloud = StandIn::start().await;
    cloud.set(JOIN, Answer::json(&joined(1, &[(1, 7680)])));
    let mut membership = start(&cloud).await;
    assert!(matches!(next_peer(&mut membership).await, Event::Found(_)));
    cloud.set(JOIN, Answer::status(503));
    let failed = loop {
        match next(&mut membership).await {
            CloudEvent::Failed(error) => break error,
            CloudEvent::Joined { .. } => {}
            other @ (CloudEvent::Peer(_) | _) => panic!("{other:?}"),
        }
    };
    assert_eq!(failed.do_code(), DoCode::CLOUD_UNREACHABLE);
    cloud.all();
    cloud.set(JOIN, Answer::json(&joined(900, &[(1, 7680)])));
    // It asks from the beginning: the array may be another one now.
    cloud.next_of(GEO).await;
    cloud.next_of(DISCOVERY).await;
    loop {
        match next(&mut membership).await {
            CloudEvent::Joined { offered, .. } => break assert_eq!(offered, 1),
            CloudEvent::Failed(_) | CloudEvent::Learned(_) => {}
            other @ (CloudEvent::Peer(_) | _) => panic!("nothing is new: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_geo_says_is_asked_again_when_its_version_changed() {
    let mut cloud = StandIn::start().await;
    cloud.set(JOIN, Answer::json(&joined(1, &[])));
    let mut membership = start(&cloud).await;
    cloud.next_of(GEO).await;
    // As long as the version is the same, geo is left alone.
    let asked = cloud.next_of(GEO_VERSION).await;
    assert!(asked.query.contains("doClientVersion=10."), "{asked:?}");
    assert!(asked.query.contains("profile=768"), "{asked:?}");
    assert_eq!(cloud.next().await.what, JOIN);
    assert_eq!(cloud.next().await.what, GEO_VERSION);
    assert_eq!(cloud.next().await.what, JOIN);

    cloud.set(GEO, Answer::json(&geo("203.0.113.8", "1234567890ABCDEF")));
    let version = serde_json::json!({ "Version": "1234567890ABCDEF" });
    cloud.set(GEO_VERSION, Answer::json(&version));
    // What was under way when that was set comes first.
    cloud.next_of(LEAVE).await;
    for what in [GEO, KEY_VALUE, DISCOVERY, JOIN, GEO_VERSION, JOIN] {
        assert_eq!(cloud.next().await.what, what);
    }
    let learned = loop {
        if let CloudEvent::Learned(endpoints) = next(&mut membership).await {
            break endpoints;
        }
    };
    assert_eq!(learned.geo.external_ip_address.to_string(), "203.0.113.8");
}

#[tokio::test]
async fn a_version_that_nobody_tells_changes_nothing() {
    for answer in [
        Answer::status(404),
        Answer::page(),
        Answer::json(&serde_json::json!({})),
    ] {
        let mut cloud = StandIn::start().await;
        cloud.set(JOIN, Answer::json(&joined(1, &[])));
        cloud.set(GEO_VERSION, answer);
        let _membership = start(&cloud).await;
        cloud.next_of(GEO_VERSION).await;
        for what in [JOIN, GEO_VERSION, JOIN] {
            assert_eq!(cloud.next().await.what, what);
        }
    }
}
