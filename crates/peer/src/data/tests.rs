//! Pieces through the whole way, block by block in any order.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::BufMut;
use dolab_content::{Layout, PieceHasher, PiecesHashFile, Sink, StoreError};
use dolab_engine::{ConnId, PieceOutcome};
use proptest::prelude::*;
use tokio::sync::{Semaphore, mpsc};

use super::{Hashers, Incoming, Next, Pool, Queue, Whole};
use crate::shared::{Content, Report, Reports};

#[derive(Default)]
struct Kept(Mutex<Vec<(u32, Vec<u8>)>>);

impl Sink for Kept {
    fn write_piece(&self, piece: u32, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.lock().unwrap().push((piece, bytes.to_vec()));
        Ok(())
    }
}

struct Way {
    pool: Arc<Pool>,
    hashers: Hashers,
    reports: mpsc::Receiver<Report>,
    kept: Arc<Kept>,
    content: Arc<Content>,
}

/// A content of one piece.
fn way(bytes: &[u8], spare: u32) -> Way {
    let len = bytes.len() as u32;
    let layout = Layout::new(len.into(), len + spare).unwrap();
    let hashes = PiecesHashFile::from_hashes(layout, vec![PieceHasher::hash(bytes)]).unwrap();
    let kept = Arc::new(Kept::default());
    let content = Content::new("test".into(), hashes.into(), None, Some(kept.clone()), None);
    let (reports, reported) = mpsc::channel(16);
    let hashers = Hashers::start(2, &Reports(reports)).unwrap();
    Way {
        pool: Pool::new(1 << 20),
        hashers,
        reports: reported,
        kept,
        content: content.into(),
    }
}

impl Way {
    async fn incoming(&self) -> Incoming {
        let (len, size) = (
            self.content.layout.length(),
            self.content.layout.piece_size(),
        );
        let lease = self.pool.lease(self.content.id, size as usize).await;
        let ahead = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        Incoming::new(
            ConnId::accepted(0),
            self.content.clone(),
            0,
            len as u32,
            lease,
            ahead,
        )
    }

    async fn outcome(&mut self) -> PieceOutcome {
        let report = self.reports.recv().await.unwrap();
        let Report::Piece {
            index: 0, outcome, ..
        } = report
        else {
            panic!("{report:?}")
        };
        outcome
    }
}

fn fill(mut incoming: Incoming, offset: u32, bytes: &[u8]) -> Result<Whole, Box<Incoming>> {
    let mut block = incoming
        .take(offset, bytes.len() as u32)
        .expect("that part is free");
    assert_eq!(block.capacity(), bytes.len());
    block.put(bytes);
    incoming.landed(offset, block)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn blocks_in_any_order_make_the_piece(
        bytes in proptest::collection::vec(any::<u8>(), 1..5000),
        spare in 0..100_u32,
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        order in any::<u64>(),
        wrong in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut way = way(&bytes, spare);
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            ends.extend([0, bytes.len()]);
            ends.sort_unstable();
            ends.dedup();
            let mut blocks: Vec<(usize, usize)> = ends.windows(2).map(|two| (two[0], two[1])).collect();
            // Any order that the number says.
            let mut order = order;
            for left in (1..blocks.len()).rev() {
                blocks.swap(left, (order % (left as u64 + 1)) as usize);
                order = order.rotate_left(7) ^ 0x9E37_79B9;
            }
            let mut sent = bytes.clone();
            sent[bytes.len() / 2] ^= u8::from(wrong);
            let mut incoming = way.incoming().await;
            let (&(from, to), others) = blocks.split_last().expect("there are two ends");
            for &(from, to) in others {
                incoming = *fill(incoming, from as u32, &sent[from..to]).expect_err("more is missing");
                prop_assert!(incoming.take(from as u32, (to - from) as u32).is_none(), "twice");
            }
            let whole = fill(incoming, from as u32, &sent[from..to]).expect("it was the last");
            way.hashers.push(whole);
            let outcome = way.outcome().await;
            let kept = way.kept.0.lock().unwrap().clone();
            if wrong {
                prop_assert_eq!(outcome, PieceOutcome::Bad);
                prop_assert!(kept.is_empty());
            } else {
                prop_assert_eq!(outcome, PieceOutcome::Good);
                prop_assert_eq!(kept, vec![(0, bytes.clone())]);
            }
            prop_assert_eq!(way.pool.used(), 0);
            // The whole buffer came back, also the part that a short piece did not need.
            let mut lease = way.pool.lease(way.content.id, bytes.len() + spare as usize).await;
            prop_assert!(lease.take().capacity() >= bytes.len() + spare as usize);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn what_lies_outside_is_not_given() {
    let way = way(&[7; 100], 28);
    let mut incoming = way.incoming().await;
    assert!(incoming.take(0, 101).is_none());
    assert!(incoming.take(100, 1).is_none());
    assert!(incoming.take(u32::MAX, u32::MAX).is_none());
    assert!(incoming.take(40, 20).is_some());
    assert!(incoming.take(50, 1).is_none());
    assert!(incoming.take(30, 11).is_none());
    assert!(incoming.take(0, 40).is_some());
    assert!(incoming.take(60, 40).is_some());
}

#[tokio::test]
async fn an_abandoned_piece_gives_its_memory_back() {
    let way = way(&[7; 100], 0);
    let incoming = way.incoming().await;
    let incoming = *fill(incoming, 0, &[7; 10]).unwrap_err();
    let incoming = fill(incoming, 50, &[7; 10]).unwrap_err();
    drop(incoming);
    assert_eq!(way.pool.used(), 0);
}

/// Pieces that are hashed together are judged one by one.
#[tokio::test]
async fn a_bad_piece_among_good_ones_is_found() {
    let (mut way, count) = (way(&[7; 5000], 0), 23);
    for n in 0..count {
        let mut bytes = [7; 5000];
        bytes[n * 200] ^= u8::from(n % 3 == 0);
        let incoming = way.incoming().await;
        way.hashers.push(fill(incoming, 0, &bytes).unwrap());
    }
    let mut bad = 0;
    for _ in 0..count {
        bad += usize::from(way.outcome().await == PieceOutcome::Bad);
    }
    assert_eq!((bad, way.kept.0.lock().unwrap().len()), (8, 15));
}

#[test]
fn one_worker_collects_a_batch_and_others_get_the_next() {
    const LONG: Duration = Duration::from_secs(3600);
    let queue = Arc::new(Queue::new());
    let (tell, told) = std::sync::mpsc::channel();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (queue, tell) = (queue.clone(), tell.clone());
            std::thread::spawn(move || {
                queue.batches(4, LONG, |batch| {
                    tell.send(std::mem::take(batch)).unwrap();
                });
            })
        })
        .collect();
    for n in 0..42 {
        queue.push(n);
    }
    let mut whole: Vec<Vec<i32>> = (0..10).map(|_| told.recv().unwrap()).collect();
    whole.sort();
    let expected: Vec<Vec<i32>> = (0..40)
        .collect::<Vec<_>>()
        .chunks(4)
        .map(<[_]>::to_vec)
        .collect();
    assert_eq!(whole, expected);
    // What is there is taken when nothing will come any more.
    queue.close();
    assert_eq!(told.recv().unwrap(), [40, 41]);
    for worker in workers {
        worker.join().unwrap();
    }
    drop(tell);
    assert!(told.recv().is_err());
}

#[test]
fn a_batch_is_not_waited_for_for_ever() {
    let queue = Queue::new();
    queue.push(1);
    queue.push(2);
    let mut batches = Vec::new();
    queue.batches(4, Duration::from_millis(1), |batch| {
        batches.push(std::mem::take(batch));
        queue.close();
    });
    assert_eq!(batches, [[1, 2]]);
    assert_eq!(queue.next(Duration::ZERO), Next::Closed);
}
