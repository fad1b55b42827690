use dolab_device::{Request, View, report::Status};
use dolab_policy::{Name, Raw};
use dolab_wire::{DoCode, DownloadMode};

use crate::common::*;

#[tokio::test]
async fn the_second_device_gets_most_from_the_first_and_everything_is_accounted_for() {
    let content = content(1, SIZE);
    let id = content.hashes.id();
    let cloud = cloud(vec![content.clone()]).await;
    let home = tempfile::tempdir().unwrap();
    let (first_state, second_state) = (home.path().join("first"), home.path().join("second"));
    // The second waits for peers, so that what it takes from HTTP is none of chance.
    let wait = (Name::DelayForegroundDownloadFromHttp, Raw::Number(60));
    let first = start(config(&cloud, &first_state, policies(&[]))).await;
    let done = first
        .download(Request::url(url(&cloud, &content)))
        .await
        .unwrap();
    assert_eq!(done.status.status, Status::Caching);
    assert_eq!(
        (done.status.from.cdn, done.status.from.total()),
        (SIZE, SIZE)
    );
    assert_eq!((done.mode, done.reason), (DownloadMode::Lan, None));
    let out = home.path().join("out.bin");
    first.deliver(&done, &out).unwrap();
    assert_same(&out, 1, SIZE);
    assert!(done.path.exists(), "the cache keeps its own");
    assert!(first.is_offered(id).await);

    let second = start(config(&cloud, &second_state, policies(&[wait]))).await;
    let done = second.download(Request::id(id)).await.unwrap();
    assert_eq!(done.status.from.lan, SIZE, "{:?}", done.sources);
    assert_eq!(done.status.from.total(), SIZE);
    assert_eq!(done.status.num_peers, 1);
    assert_eq!(done.status.efficiency().all_percent, 100.0);
    let out = home.path().join("second.bin");
    second.deliver(&done, &out).unwrap();
    assert_same(&out, 1, SIZE);

    first.stop().await;
    let view = View::read(&first_state).unwrap();
    assert!(!view.running);
    let file = &view.state.files[0];
    assert_eq!(file.status.to.lan, SIZE);
    assert_eq!(view.state.month.snap(0).to.lan, SIZE);
    assert_eq!(view.state.perf.files_uploaded, 1);
    second.stop().await;
    let view = View::read(&second_state).unwrap();
    let peers = &view.state.files[0].peers;
    assert_eq!(peers.len(), 1);
    assert!(peers[0].connection_established && peers[0].bytes_received == SIZE);
    cloud.stop().await;
}

#[tokio::test]
async fn without_a_cloud_it_is_a_simple_download_with_its_reason() {
    let content = content(2, SIZE);
    let cloud = cloud(vec![content.clone()]).await;
    let home = tempfile::tempdir().unwrap();
    let mut config = config(&cloud, home.path(), policies(&[]));
    config.cloud.as_mut().unwrap().geo = "https://127.0.0.1:9/geo".into();
    let device = start(config).await;
    let done = device
        .download(Request::url(url(&cloud, &content)))
        .await
        .unwrap();
    assert_eq!(done.mode, DownloadMode::Simple);
    assert_eq!(done.reason, Some(DoCode::CLOUD_UNREACHABLE));
    assert_eq!(done.status.status, Status::Complete);
    assert_eq!(done.status.from.cdn, SIZE);
    let out = home.path().join("out.bin");
    device.deliver(&done, &out).unwrap();
    assert_same(&out, 2, SIZE);
    assert!(!done.path.exists(), "nothing is kept of it");
    device.stop().await;
    cloud.stop().await;
}
