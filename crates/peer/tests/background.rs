//! Downloads in the background, over loopback: what is fetched so is whole, and said to be so.

#![allow(
    clippy::unwrap_used,
    reason = "what a test did not expect shall fail it"
)]

mod common;

use common::{Made, Memory, addr, peer, within};
use dolab_peer::{Download, Priority, TcpInfo};

fn in_the_background(download: Download) -> Download {
    Download {
        priority: Priority::Background,
        ..download
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_background_download_arrives_whole_from_two_peers_beside_a_foreground_one() {
    if !TcpInfo::is_known() {
        return;
    }
    let (one, two, device) = (peer().await, peer().await, peer().await);
    let slow = Made::new(1, 20_000_000, 1 << 20);
    let fast = Made::new(2, 20_000_000, 1 << 20);
    for sharer in [&one, &two] {
        slow.shared_by(sharer).await;
    }
    fast.shared_by(&one).await;
    assert_eq!(device.background(), None);

    let memory = Memory::new(&slow);
    let download = in_the_background(slow.download(memory.clone()));
    let background = device.download(download).await.unwrap();
    let foreground = fast.fetched_by(&device, Memory::new(&fast)).await;
    for sharer in [&one, &two] {
        device.candidate(slow.id(), addr(sharer)).await;
    }
    device.candidate(fast.id(), addr(&one)).await;
    let mut seen = None;
    let finished = async {
        let mut finished = std::pin::pin!(background.finished());
        loop {
            tokio::select! {
                report = &mut finished => break report.unwrap(),
                () = tokio::task::yield_now() => seen = device.background().or(seen),
            }
        }
    };
    let report = within("the background transfer", finished).await;
    within("the foreground transfer", foreground.finished())
        .await
        .unwrap();
    assert_eq!(memory.bytes(), slow.bytes());
    assert_eq!((report.bytes, report.bad_pieces), (20_000_000, 0));
    let seen = seen.expect("it was told while it went on");
    assert!(seen.rate > 0 && seen.connections > 0, "{seen:?}");
    for peer in [one, two, device] {
        peer.stop().await;
    }
}

#[tokio::test]
async fn a_system_that_tells_no_round_trips_says_so() {
    let device = peer().await;
    let made = Made::new(3, 1_000_000, 1 << 20);
    let download = in_the_background(made.download(Memory::new(&made)));
    let added = device.download(download).await;
    assert_eq!(added.is_ok(), TcpInfo::is_known(), "{added:?}");
    device.stop().await;
}
