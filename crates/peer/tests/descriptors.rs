//! Descriptors: none is left behind, and to run out of them is survived. In a program of its own,
//! because both look at the whole process.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what a test did not expect shall fail it"
)]
#![cfg(target_os = "linux")]

mod common;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::{Made, addr, peer, until, within};
use dolab_content::Discard;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// One test, so that nothing else opens descriptors meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn descriptors_come_back_and_their_lack_is_survived() {
    // The first use opens what the runtime keeps.
    transfers(2).await;
    let before = open();
    transfers(5).await;
    until("every descriptor is closed", || async { open() == before }).await;
    running_out().await;
    until("every descriptor is closed", || async { open() == before }).await;
}

fn open() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn transfers(count: u64) {
    let (seed, device) = (peer().await, peer().await);
    for n in 0..count {
        let made = Made::new(n, 3_000_000, 1 << 18);
        made.shared_by(&seed).await;
        let transfer = made.fetched_by(&device, Arc::new(Discard)).await;
        device.candidate(made.id(), addr(&seed)).await;
        within("the transfer", transfer.finished()).await.unwrap();
    }
    // In the middle of one: nobody waits for its end.
    let made = Made::new(99, 30_000_000, 1 << 18);
    made.shared_by(&seed).await;
    let transfer = made.fetched_by(&device, Arc::new(Discard)).await;
    device.candidate(made.id(), addr(&seed)).await;
    until("it runs", || async { transfer.progress().pieces > 0 }).await;
    device.stop().await;
    seed.stop().await;
}

async fn running_out() {
    let seed = peer().await;
    let made = Made::new(1, 1_000_000, 1 << 18);
    made.shared_by(&seed).await;
    let device = peer().await;
    let limits = getrlimit(Resource::Nofile);
    let few = Some(open() as u64 + 10);
    let few = Rlimit {
        current: few,
        maximum: limits.maximum,
    };
    setrlimit(Resource::Nofile, few).unwrap();
    // Each takes one here, and one there. The kernel completes also the one that the listener has
    // no descriptor for.
    let mut taken = Vec::new();
    until("the lack is noticed", || {
        taken.extend(std::net::TcpStream::connect(addr(&seed)));
        async { seed.snapshot().await.unwrap().counts.accept_errors > 0 }
    })
    .await;
    // It asks again a few times a second, and does not spin.
    let errors = async || seed.snapshot().await.unwrap().counts.accept_errors;
    let (began, before) = (Instant::now(), errors().await);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (after, elapsed) = (errors().await, began.elapsed());
    let most = elapsed.as_millis() as u64 / 100 + 2;
    assert!(after - before <= most, "it spins");
    setrlimit(Resource::Nofile, limits).unwrap();
    until("those that waited are accepted", || async {
        seed.snapshot().await.unwrap().counts.accepted >= taken.len() as u64
    })
    .await;
    drop(taken);
    let transfer = made.fetched_by(&device, Arc::new(Discard)).await;
    device.candidate(made.id(), addr(&seed)).await;
    within("the transfer", transfer.finished()).await.unwrap();
    seed.stop().await;
    device.stop().await;
}
