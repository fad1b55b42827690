//! One device, driven by bytes from nowhere. What it does is of no interest; that the linker has
//! to keep all of the core for it is. Built for wasm32, its imports are what the core asks of the
//! world: `cargo test --package dolab-tests --test e2e wasm` sees that there are none.

use std::{hint::black_box, net::SocketAddr};

use bytes::BytesMut;
use dolab_content::{Layout, PieceHasher, PieceMap, PiecesHashFile, Source, Synthetic};
use dolab_directory::Directory;
use dolab_engine::{
    BodyOutcome, Command, Config, ConnId, Engine, Input, Instant, Output, PieceOutcome,
};
use dolab_wire::{
    DownloadMode, PeerType,
    cloud::Join,
    swarm::{Handshake, HeadDecoder, PIECE_SIZE, PeerId, SwarmHash},
};

fn main() {
    black_box(run(black_box(1), black_box(&[0; 256])));
    black_box(meet(black_box(1), black_box(b"{}")));
}

/// A directory whose joins are bytes from nowhere.
fn meet(seed: u64, from_device: &[u8]) -> usize {
    let mut directory = Directory::new(dolab_directory::Config::default(), seed);
    let own = Join::new("content", PeerId::from_random([9; 16]), DownloadMode::Lan);
    let stranger = Join::parse(from_device).unwrap_or_else(|_| own.clone());
    let mut offered = 0;
    for join in [own, stranger] {
        let joined = directory.join(Instant(1), [10, 0, 0, 9].into(), &join);
        offered += joined.map_or(0, |joined| joined.peers.len());
    }
    let config = dolab_directory::Config::default();
    let since = std::time::Duration::from_secs(1);
    let bytes = directory.export();
    let directory = Directory::import(config, seed, Instant(2), since, &bytes);
    offered + directory.map_or(0, |directory| directory.counts().registrations)
}

fn run(seed: u64, from_peer: &[u8]) -> usize {
    let synthetic = Synthetic::new(seed, 3 * u64::from(PIECE_SIZE));
    let layout = Layout::new(synthetic.length(), PIECE_SIZE).expect("three pieces are a content");
    let hashes = (0..layout.pieces())
        .map(|piece| hash(&synthetic, &layout, piece))
        .collect();
    let file = PiecesHashFile::from_hashes(layout, hashes).expect("there is a hash for each piece");
    let file = PiecesHashFile::from_json_of(file.id(), &file.to_json()).expect("it was just made");
    let content = file.id();

    let mut engine = Engine::new(Config::default(), PeerId::from_random([7; 16]), seed);
    let remote: SocketAddr = ([10, 0, 0, 2], 7680).into();
    let conn = ConnId::accepted(1);
    let handshake = Handshake {
        piece_size: PIECE_SIZE.into(),
        swarm: SwarmHash(content.0),
        peer: PeerId::from_random([8; 16]),
    };
    let have = PieceMap::empty(layout.pieces());
    let mut inputs = vec![
        Input::Command(Command::Add {
            content,
            layout,
            have,
            share: true,
        }),
        Input::Command(Command::Candidate {
            content,
            addr: remote,
            kind: PeerType::Lan,
        }),
        Input::Accepted { conn, remote },
        Input::Handshake { conn, handshake },
    ];
    let decoder = HeadDecoder::new(PieceMap::byte_len(layout.pieces()) as u32);
    let mut buffer = BytesMut::from(from_peer);
    loop {
        match decoder.decode(&mut buffer) {
            Ok(Some(head)) => inputs.push(Input::Head { conn, head }),
            Ok(None) => break,
            Err(error) => {
                inputs.push(Input::Malformed { conn, error });
                break;
            }
        }
    }
    inputs.push(Input::BodyDone {
        conn,
        outcome: BodyOutcome::Landed,
    });
    inputs.push(Input::PieceDone {
        conn,
        content,
        piece: 0,
        outcome: PieceOutcome::Good,
    });
    inputs.push(Input::Command(Command::Stop));

    let mut now = Instant(0);
    let mut sent = BytesMut::new();
    for input in inputs {
        // Bytes from nowhere make no sense, and the engine may say so.
        let _ = black_box(engine.handle(now, input));
        while let Some(output) = engine.poll_output() {
            if let Output::Send { head, .. } = &output {
                head.encode(&mut sent);
            }
        }
        if let Some((then, _why)) = engine.poll_timeout() {
            now = then;
            let _ = black_box(engine.handle(now, Input::Timeout));
        }
    }
    sent.len()
}

fn hash(source: &Synthetic, layout: &Layout, piece: u32) -> [u8; 32] {
    let mut bytes = vec![0; layout.piece_len(piece).unwrap_or(0) as usize];
    source
        .read_at(layout.offset(piece), &mut bytes)
        .expect("the piece is in the content");
    PieceHasher::hash(&bytes)
}
