use std::{sync::Arc, thread, time::Duration};

use dolab_content::PieceHasher;
use dolab_engine::PieceOutcome;

use super::{Queue, Whole};
use crate::{Verify, shared::Reports};

/// How long the pieces that are there wait for the next one to be hashed together with. On a link
/// that is so slow that none lands in this time, the hash is no bottleneck.
const COMPANY: Duration = Duration::from_millis(1);

/// Threads that hash pieces, on other cores than the ones that read them.
#[derive(Debug)]
pub(crate) struct Hashers {
    queue: Arc<Queue<Whole>>,
    threads: usize,
}

impl Hashers {
    /// Starts `threads` threads, which end when this is dropped and the queue is empty.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(threads: usize, reports: &Reports) -> std::io::Result<Self> {
        let hashers = Self {
            queue: Arc::new(Queue::new()),
            threads: threads.max(1),
        };
        for n in 0..hashers.threads {
            let (queue, reports) = (hashers.queue.clone(), reports.clone());
            thread::Builder::new()
                .name(format!("dolab-hash-{n}"))
                .spawn(move || {
                    queue.batches(PieceHasher::lanes(), COMPANY, |pieces| {
                        verify(pieces, &reports);
                    });
                })?;
        }
        Ok(hashers)
    }

    /// How many pieces of one connection may be landing or waiting for their hash: as many as are
    /// hashed at once, and as many again that land meanwhile. More wins nothing, and the bytes
    /// leave the processor's cache before their turn comes (measured).
    pub(crate) fn ahead(&self) -> usize {
        2 * self.threads * PieceHasher::lanes()
    }

    /// Verifies a piece and sends it on its way. The pool's buffers bound the queue's length.
    pub(crate) fn push(&self, whole: Whole) {
        self.queue.push(whole);
    }
}

impl Drop for Hashers {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Hashes pieces together, and hands on the good ones.
fn verify(pieces: &mut Vec<Whole>, reports: &Reports) {
    let mut good = vec![true; pieces.len()];
    let (at, bytes): (Vec<usize>, Vec<&[u8]>) = pieces
        .iter()
        .enumerate()
        .filter(|(_, whole)| whole.piece.content.measurement.verify == Verify::On)
        .map(|(at, whole)| (at, &whole.bytes[..]))
        .unzip();
    PieceHasher::hash_each(&bytes, |turn, hash| {
        let piece = &pieces[at[turn]].piece;
        good[at[turn]] = piece.content.hashes.hash(piece.index) == Some(&hash);
    });
    for (mut whole, good) in pieces.drain(..).zip(good) {
        whole.hashed();
        if good {
            let content = whole.piece.content.clone();
            content.store(whole, reports);
        } else {
            let name = whole.name();
            // First the buffer: the report may lead to the next piece.
            whole.release();
            reports.piece_done(name, PieceOutcome::Bad, None);
        }
    }
}
