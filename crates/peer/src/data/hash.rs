use std::{sync::Arc, thread, time::Duration};

use dolab_engine::PieceOutcome;

use super::{Next, Piece, Queue};
use crate::shared::Reports;

/// Threads that hash pieces while they arrive, on other cores than the ones that read them.
#[derive(Debug)]
pub(crate) struct Hashers {
    queue: Arc<Queue<Arc<Piece>>>,
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
                .spawn(move || work(&queue, &reports))?;
        }
        Ok(hashers)
    }

    /// How many there are. A connection reads one piece further ahead than that: to read more wins
    /// nothing and costs the hash a fifth of its speed, because the bytes leave the processor's
    /// cache before their turn comes (measured).
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Hashes what has landed of a piece. A piece is in the queue at most once, so the pieces that
    /// are coming in bound its length.
    pub(crate) fn push(&self, piece: Arc<Piece>) {
        self.queue.push(piece);
    }
}

impl Drop for Hashers {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn work(queue: &Queue<Arc<Piece>>, reports: &Reports) {
    loop {
        let piece = match queue.next(Duration::from_secs(3600)) {
            Next::Item(piece) => piece,
            Next::Idle => continue,
            Next::Closed => return,
        };
        let Some(whole) = piece.hash_landed() else {
            continue;
        };
        if whole.is_good() {
            let content = whole.piece.content.clone();
            content.store(whole, reports);
        } else {
            let piece = whole.piece.clone();
            // First the buffer: the report may lead to the next piece.
            whole.release();
            reports.piece_done(&piece, PieceOutcome::Bad, None);
        }
    }
}
