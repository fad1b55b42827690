//! Descriptors: none is left behind, and to run out of them is survived. In a program of its own,
//! because both look at the whole process.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what a test did not expect shall fail it"
)]
#![cfg(target_os = "linux")]

mod common;

use std::sync::Arc;

use common::{Made, addr, log::Log, peer, told, until};
use dolab_content::Discard;
use dolab_peer::Event;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

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
        made.moved(&seed, &device, Arc::new(Discard)).await;
    }
    // In the middle of one: nobody waits for its end.
    let made = Made::new(99, 30_000_000, 1 << 18);
    made.shared_by(&seed).await;
    let mut events = device.subscribe();
    let _transfer = made.fetched_by(&device, Arc::new(Discard)).await;
    device.candidate(made.id(), addr(&seed)).await;
    told("it runs", &mut events, |event| {
        matches!(
            event,
            Event::Exchange(dolab_engine::Event::PieceStored { .. })
        )
    })
    .await;
    device.stop().await;
    seed.stop().await;
}

async fn running_out() {
    let log = Log::start();
    let seed = peer().await;
    let mut events = seed.subscribe();
    let made = Made::new(1, 1_000_000, 1 << 18);
    made.shared_by(&seed).await;
    let device = peer().await;
    // Each takes one here already, and will take one there: there is none for most of them.
    let callers: Vec<Socket> = (0..40)
        .map(|_| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap())
        .collect();
    let limits = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(open() as u64 + 10),
        maximum: limits.maximum,
    };
    setrlimit(Resource::Nofile, few).unwrap();
    // The kernel completes also the ones that the listener has no descriptor for.
    for caller in &callers {
        caller.connect(&addr(&seed).into()).unwrap();
    }
    log.has("the lack is said", |line| {
        line.contains("can not accept a connection")
    })
    .await;
    assert!(seed.snapshot().await.unwrap().counts.accept_errors > 0);
    setrlimit(Resource::Nofile, limits).unwrap();
    for caller in &callers {
        let ours = caller.local_addr().unwrap().as_socket().unwrap();
        told(
            "those that waited are accepted, in their order",
            &mut events,
            |event| matches!(event, Event::Accepted { remote, .. } if *remote == ours),
        )
        .await;
    }
    drop(callers);
    made.moved(&seed, &device, Arc::new(Discard)).await;
    seed.stop().await;
    device.stop().await;
}
