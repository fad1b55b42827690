//! What a station shares, as others see it.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod common;

use std::{net::SocketAddr, sync::Arc};

use common::{REMOTE, station, station_with};
use dolab_check::{
    FetchHashesError, Key, SessionError, Station, fetch_contents, fetch_hashes, report::PathId,
};
use dolab_content::{ContentId, Layout, PiecesHashFile, Synthetic, hash_source};

fn addr(station: &Station) -> SocketAddr {
    SocketAddr::new(REMOTE, station.port(PathId::Tcp7680).unwrap())
}

/// Shares made-up content of so many pieces.
async fn share(station: &Station, name: &str, pieces: u64) -> Arc<PiecesHashFile> {
    let layout = Layout::new(pieces * 1024 - 1, 1024).unwrap();
    let source = Synthetic::new(pieces, layout.length());
    let hashes = Arc::new(hash_source(&source, layout, 2, &|_| ()).unwrap());
    let shared = dolab_peer::Shared {
        name: name.into(),
        hashes: Arc::clone(&hashes),
        source: Arc::new(source),
    };
    assert_eq!(station.share(shared).await.unwrap(), hashes.id());
    hashes
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_of_any_number_of_pieces_are_fetched_and_verified() {
    let station = station(REMOTE).await;
    // More than one answer holds.
    let large = share(&station, "large.bin", 20_000).await;
    let small = share(&station, "small.bin", 1).await;
    for (hashes, name) in [(&large, "large.bin"), (&small, "small.bin")] {
        let offered = fetch_hashes(addr(&station), hashes.id(), None)
            .await
            .unwrap();
        assert_eq!((&offered.hashes, offered.name.as_str()), (hashes, name));
    }
    let names: Vec<String> = fetch_contents(addr(&station), None)
        .await
        .unwrap()
        .into_iter()
        .map(|c| c.name)
        .collect();
    assert_eq!(names.len(), 2);
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_hashes_are_not_to_be_had_is_said() {
    let key = Some(Key::new("s3cret").unwrap());
    let station = station_with(REMOTE, |config| config.key = key.clone()).await;
    let hashes = share(&station, "secret.bin", 3).await;
    let at = addr(&station);
    let none = fetch_hashes(at, hashes.id(), None).await.unwrap_err();
    assert!(
        matches!(
            none,
            FetchHashesError::Session {
                error: SessionError::Refused(_),
                ..
            }
        ),
        "{none}"
    );
    assert!(none.to_string().contains("demands a key"), "{none}");
    let wrong = Key::new("guess").unwrap();
    let wrong = fetch_hashes(at, hashes.id(), Some(&wrong))
        .await
        .unwrap_err();
    assert!(wrong.to_string().contains("the keys differ"), "{wrong}");
    let other = fetch_hashes(at, ContentId([7; 32]), key.as_ref())
        .await
        .unwrap_err();
    assert!(
        matches!(other, FetchHashesError::NotShared { .. }),
        "{other}"
    );
    assert!(fetch_hashes(at, hashes.id(), key.as_ref()).await.is_ok());
    station.stop().await;
    let gone = fetch_hashes(at, hashes.id(), key.as_ref())
        .await
        .unwrap_err();
    assert!(
        matches!(
            gone,
            FetchHashesError::Session {
                error: SessionError::Io(_),
                ..
            }
        ),
        "{gone}"
    );
}
