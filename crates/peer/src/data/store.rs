use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use dolab_content::{Sink, StoreError};
use dolab_engine::PieceOutcome;

use super::{Next, Queue, Whole};
use crate::shared::Reports;

/// Threads that may write into one content at once. One writes as fast as the page cache takes it;
/// the kernel holds a lock on a file while it is written, and a second one was seen to spin for it.
const WIDTH: usize = 1;

/// How long a thread waits for the next piece before it ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way of one content's pieces to its sink. Each content has its own, on threads of its own,
/// so that a disk that hangs holds up nothing but itself.
#[derive(Debug)]
pub(crate) struct Lane {
    shared: Arc<Shared>,
}

struct Shared {
    sink: Arc<dyn Sink>,
    queue: Queue<Whole>,
    threads: AtomicUsize,
}

impl Lane {
    pub(crate) fn new(sink: Arc<dyn Sink>) -> Self {
        let shared = Shared {
            sink,
            queue: Queue::new(),
            threads: AtomicUsize::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Writes a piece, soon, on another thread, and reports it.
    pub(crate) fn push(&self, whole: Whole, reports: &Reports) {
        if self.shared.queue.push(whole) {
            return;
        }
        let more = |n| (n < WIDTH).then_some(n + 1);
        if self
            .shared
            .threads
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_err()
        {
            return;
        }
        let (shared, reports) = (self.shared.clone(), reports.clone());
        let started = thread::Builder::new()
            .name("dolab-store".to_owned())
            .spawn({
                let shared = shared.clone();
                let reports = reports.clone();
                move || work(&shared, &reports)
            });
        if let Err(error) = started {
            tracing::warn!(target: "dolab_peer", %error, "no thread to write with: writing where the hash runs");
            work(&shared, &reports);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

fn work(shared: &Shared, reports: &Reports) {
    loop {
        match shared.queue.next(PATIENCE) {
            Next::Item(whole) => write(shared, whole, reports),
            Next::Closed => return,
            Next::Idle => {
                shared.threads.fetch_sub(1, Ordering::SeqCst);
                // A piece may have come between the last look and the line above, and have found
                // this thread still counted.
                match shared.queue.next(Duration::ZERO) {
                    Next::Item(whole) => {
                        shared.threads.fetch_add(1, Ordering::SeqCst);
                        write(shared, whole, reports);
                    }
                    Next::Idle | Next::Closed => return,
                }
            }
        }
    }
}

fn write(shared: &Shared, whole: Whole, reports: &Reports) {
    let name = whole.name();
    let write = || shared.sink.write_piece(name.index, &whole.bytes);
    // Without a report the engine would wait for this piece for ever.
    let result = catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(|_| {
        Err(StoreError::Io {
            path: whole.piece.content.name.clone().into(),
            source: std::io::Error::other("the sink panicked"),
        })
    });
    whole.release();
    match result {
        Ok(()) => reports.piece_done(name, PieceOutcome::Good, None),
        Err(error) => reports.piece_done(name, PieceOutcome::StoreFailed, Some(error)),
    }
}
