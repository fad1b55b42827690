//! One whole transfer on loopback: synthetic content, every piece verified and then dropped, so
//! that neither a disk nor the content's making is in the figure more than it has to be.

use std::{net::Ipv4Addr, sync::Arc};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use dolab_content::{Discard, Layout, PieceMap, PiecesHashFile, Synthetic, hash_source};
use dolab_peer::{Download, Peer, PeerConfig, Priority, Shared};
use dolab_wire::swarm::PIECE_SIZE;

const SIZE: u64 = 256 << 20;

async fn peer() -> Peer {
    let config = PeerConfig {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        ..PeerConfig::default()
    };
    Peer::start(config).await.expect("loopback has free ports")
}

async fn fetch(from: &Peer, hashes: Arc<PiecesHashFile>) -> u64 {
    let to = peer().await;
    let download = Download {
        name: "bench".into(),
        have: PieceMap::empty(hashes.layout().pieces()),
        hashes,
        sink: Arc::new(Discard),
        source: None,
        priority: Priority::Foreground,
        sources: None,
    };
    let transfer = to.download(download).await.expect("it is not there yet");
    to.candidate(transfer.content(), from.local_addrs()[0])
        .await;
    let report = transfer.finished().await.expect("nothing is in the way");
    to.stop().await;
    report.bytes
}

fn benches(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let content = Synthetic::new(7, SIZE);
    let layout = Layout::new(SIZE, PIECE_SIZE).expect("the sizes are in range");
    let hashes = hash_source(&content, layout, 2, &|_| {}).expect("nothing can fail here");
    let hashes = Arc::new(hashes);
    let seed = runtime.block_on(async {
        let seed = peer().await;
        let shared = Shared {
            name: "bench".into(),
            hashes: Arc::clone(&hashes),
            source: Arc::new(content),
        };
        seed.share(shared).await.expect("it is not there yet");
        seed
    });

    let mut group = c.benchmark_group("transfer");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.throughput(Throughput::Bytes(SIZE));
    group.bench_function("loopback, verified", |b| {
        b.iter(|| runtime.block_on(fetch(&seed, Arc::clone(&hashes))));
    });
    group.finish();
    runtime.block_on(seed.stop());
}

criterion_group!(transfer, benches);
criterion_main!(transfer);
