//! Two peers on loopback: one shares a content, the other fetches it and verifies every piece.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{net::Ipv4Addr, sync::Arc};

use dolab_content::{Discard, Layout, PieceMap, Synthetic, hash_source};
use dolab_peer::{Download, Peer, PeerConfig, Priority, Shared};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A content made up from a seed; a `SharedFile` would be one of the user's files.
    let content = Synthetic::new(7, 64 << 20);
    let layout = Layout::new(content.length(), 1 << 20)?;
    let hashes = Arc::new(hash_source(&content, layout, 2, &|_| {})?);
    println!("content {}: {} pieces", hashes.id(), layout.pieces());

    // Port 0 takes any free port. The default is Delivery Optimization's, 7680.
    let on_loopback = || PeerConfig {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        ..PeerConfig::default()
    };
    let seed = Peer::start(on_loopback()).await?;
    let shared = Shared {
        name: "example".into(),
        hashes: Arc::clone(&hashes),
        source: Arc::new(content),
    };
    seed.share(shared).await?;

    let leecher = Peer::start(on_loopback()).await?;
    let download = Download {
        name: "example".into(),
        have: PieceMap::empty(layout.pieces()),
        hashes,
        // A `Store` would keep the pieces in a file.
        sink: Arc::new(Discard),
        source: None,
        priority: Priority::Foreground,
        sources: None,
    };
    let transfer = leecher.download(download).await?;
    leecher
        .candidate(transfer.content(), seed.local_addrs()[0])
        .await;
    let report = transfer.finished().await?;
    for sender in &report.senders {
        println!(
            "{}: {} pieces, {} bad",
            sender.addr, sender.pieces, sender.bad_pieces
        );
    }
    let rate = report.bytes as f64 / 1e6 / report.elapsed.as_secs_f64();
    println!("{} bytes, verified, at {rate:.0} MB/s", report.bytes);
    anyhow::ensure!(report.bytes == layout.length(), "not all of it came");

    leecher.stop().await;
    seed.stop().await;
    Ok(())
}
