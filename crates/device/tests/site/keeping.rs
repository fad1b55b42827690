//! The cache: pinned, too old; and the port of a device with nothing to do.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use dolab_device::{Device, PinError, Request, report::Status};
use dolab_policy::{Name, Raw};
use tokio::net::TcpStream;

use crate::common::*;

const SECOND: Duration = Duration::from_secs(1);

/// What is in a device's cache.
fn kept(device: &Device) -> usize {
    let files = device.view().state.files;
    let cached = files
        .iter()
        .filter(|file| file.status.status == Status::Caching);
    cached.count()
}

#[tokio::test]
async fn what_is_too_old_leaves_the_cache_unless_it_is_pinned() {
    let contents = [content(3, SIZE), content(4, SIZE)];
    let cloud = cloud(contents.to_vec()).await;
    let home = tempfile::tempdir().unwrap();
    let policies = policies(&[(Name::MaxCacheAge, Raw::Number(3))]);
    let device = start(config(&cloud, home.path(), policies)).await;
    let [old, pinned] = &contents;
    let never_had = content(5, SIZE).hashes.id();
    assert!(matches!(
        device.pin(never_had, SECOND),
        Err(PinError::NotPinnable(it)) if it == never_had
    ));
    let year = Duration::from_secs(365 * 86_400);
    for content in &contents {
        let done = device
            .download(Request::url(url(&cloud, content)))
            .await
            .unwrap();
        assert!(done.path.exists());
    }
    assert!(matches!(
        device.pin(pinned.hashes.id(), year + SECOND),
        Err(PinError::TooLong)
    ));
    device.pin(pinned.hashes.id(), year).unwrap();
    until("the old one to go", || kept(&device) == 1).await;
    let file = device.view().state.files.remove(0);
    assert_eq!(file.content, Some(pinned.hashes.id()));
    assert!(file.status.is_pinned);
    assert!(!device.is_offered(old.hashes.id()).await);
    assert!(device.is_offered(pinned.hashes.id()).await);
    let cache = home.path().join("cache");
    let gone = cache.join(old.hashes.id().to_string());
    assert!(!gone.exists() && cache.join(pinned.hashes.id().to_string()).exists());

    // It is pinned also for the next run.
    device.stop().await;
    let policies = crate::common::policies(&[(Name::MaxCacheAge, Raw::Number(3))]);
    let device = start(config(&cloud, home.path(), policies)).await;
    assert_eq!(kept(&device), 1);
    assert!(device.is_offered(pinned.hashes.id()).await);
    device.stop().await;
    cloud.stop().await;
}

#[tokio::test]
async fn a_pin_that_has_run_out_protects_nothing() {
    let content = content(6, SIZE);
    let cloud = cloud(vec![content.clone()]).await;
    let home = tempfile::tempdir().unwrap();
    let device = start(config(&cloud, home.path(), policies(&[]))).await;
    device
        .download(Request::url(url(&cloud, &content)))
        .await
        .unwrap();
    device.pin(content.hashes.id(), SECOND).unwrap();
    until("the pin to run out", || kept(&device) == 0).await;
    device.stop().await;
    cloud.stop().await;
}

#[tokio::test]
async fn the_port_is_open_while_something_is_transferred_and_closed_before_and_after() {
    let content = content(7, SIZE);
    let cloud = cloud(vec![content.clone()]).await;
    let slowly = "path=/filestreamingservice/*,slow=3m".parse().unwrap();
    cloud.faults().set(slowly).unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut config = config(&cloud, home.path(), policies(&[]));
    // Free a moment ago: a port that is not always open can not be any free one.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = port.local_addr().unwrap();
    drop(port);
    config.peer.listen = vec![addr];
    config.idle_port_closed = true;
    let device = start(config).await;
    assert!(
        TcpStream::connect(addr).await.is_err(),
        "nothing goes on yet"
    );
    let request = Request::url(url(&cloud, &content));
    let open = async {
        until("the port to open", || !device.local_addrs().is_empty()).await;
        assert_eq!(device.local_addrs(), [addr]);
        TcpStream::connect(addr).await.expect("it is open now");
    };
    let (done, ()) = tokio::join!(device.download(request), open);
    assert_eq!(done.unwrap().status.status, Status::Caching);
    until("the port to close", || device.local_addrs().is_empty()).await;
    until("the system to close it", || refuses(addr)).await;
    device.stop().await;
    cloud.stop().await;
}

fn refuses(addr: SocketAddr) -> bool {
    std::net::TcpStream::connect(addr).is_err()
}
