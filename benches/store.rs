//! The store without a network: pieces written, on which the journal is kept, and a download of
//! 10,000 pieces found again.
//!
//! In memory where `/dev/shm` is there, else in the folder for temporary files: what is measured
//! is the store and not a disk. "write" includes what the journal costs, "write, tiny pieces" is
//! little else.

use std::{path::Path, sync::Arc};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dolab_content::{Existing, Layout, PieceHasher, PiecesHashFile, Sink, Store};
use tempfile::TempDir;

/// Bytes of a piece that costs little beside its record.
const TINY: u32 = 4 << 10;

/// Zeros, of which every piece has the same hash.
fn zeros(pieces: u32, piece_size: u32) -> Arc<PiecesHashFile> {
    let layout = Layout::new(u64::from(pieces) * u64::from(piece_size), piece_size)
        .expect("the sizes are in range");
    let hash = PieceHasher::hash(&vec![0; piece_size as usize]);
    let hashes = PiecesHashFile::from_hashes(layout, vec![hash; pieces as usize]);
    Arc::new(hashes.expect("one hash for each piece"))
}

fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    folder.expect("a folder can be made")
}

fn open(folder: &TempDir, hashes: &Arc<PiecesHashFile>) -> Store {
    let path = folder.path().join("content");
    Store::open(path, Arc::clone(hashes), Existing::Keep).expect("the folder is empty or ours")
}

fn write(c: &mut Criterion) {
    let mut group = c.benchmark_group("store");
    group.sample_size(10);
    for (name, pieces, piece_size) in [
        ("write 128 pieces of 1 MiB", 128, 1 << 20),
        ("write 10,000 tiny pieces", 10_000, TINY),
    ] {
        let hashes = zeros(pieces, piece_size);
        let bytes = vec![0; piece_size as usize];
        group.throughput(Throughput::Bytes(hashes.layout().length()));
        group.bench_function(name, |b| {
            let fresh = || {
                let folder = folder();
                let store = open(&folder, &hashes);
                (folder, store)
            };
            let fill = |(folder, store): (TempDir, Store)| {
                for piece in 0..pieces {
                    store.write_piece(piece, &bytes).expect("there is room");
                }
                (folder, store)
            };
            b.iter_batched(fresh, fill, BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn resume(c: &mut Criterion) {
    let mut group = c.benchmark_group("store");
    group.sample_size(10);
    let pieces = 10_000;
    let hashes = zeros(pieces, TINY);
    let folder = folder();
    let bytes = vec![0; TINY as usize];
    let store = open(&folder, &hashes);
    // Every other one, in no order that a journal could shorten.
    for piece in (0..pieces).step_by(2) {
        let write = store.write_piece(piece * 7 % pieces, &bytes);
        write.expect("there is room");
    }
    store.sync().expect("it can be synced");
    drop(store);
    group.throughput(Throughput::Elements(pieces.into()));
    group.bench_function("resume 10,000 pieces", |b| {
        b.iter(|| open(&folder, &hashes));
    });
    group.finish();
}

criterion_group!(store, write, resume);
criterion_main!(store);
