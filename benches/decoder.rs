//! How fast heads are read: small messages back to back, and pieces whose bodies are skipped as a
//! driver would.

use std::hint::black_box;

use bytes::{Buf, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dolab_wire::swarm::{Block, Head, HeadDecoder, PIECE_SIZE};

fn stream(heads: &[Head]) -> BytesMut {
    let mut bytes = BytesMut::new();
    for head in heads {
        head.encode(&mut bytes);
        bytes.resize(bytes.len() + head.body_len() as usize, 0xA5);
    }
    bytes
}

fn decode_all(mut bytes: BytesMut) -> usize {
    let decoder = HeadDecoder::new(1 << 10);
    let mut heads = 0;
    while let Some(head) = decoder
        .decode(&mut bytes)
        .expect("the stream is well formed")
    {
        bytes.advance(head.body_len() as usize);
        black_box(head);
        heads += 1;
    }
    heads
}

fn benches(c: &mut Criterion) {
    let block = |piece, len| Block {
        piece,
        offset: 0,
        len,
    };
    let small: Vec<Head> = (0..1_000)
        .map(|n| {
            if n % 2 == 0 {
                Head::Have(n)
            } else {
                Head::Request(block(n, PIECE_SIZE))
            }
        })
        .collect();
    let blocks: Vec<Head> = (0..64).map(|n| Head::Piece(block(n, 16 << 10))).collect();
    let pieces: Vec<Head> = (0..4).map(|n| Head::Piece(block(n, PIECE_SIZE))).collect();

    let mut group = c.benchmark_group("decoder");
    for (name, heads) in [
        ("small", small),
        ("blocks of 16 KiB", blocks),
        ("pieces", pieces),
    ] {
        let bytes = stream(&heads);
        group.throughput(Throughput::Elements(heads.len() as u64));
        group.bench_function(name, |b| {
            b.iter_batched(|| bytes.clone(), decode_all, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(decoder, benches);
criterion_main!(decoder);
