//! Pieces through the whole way, block by block in any order.

use std::sync::{Arc, Mutex};

use bytes::BufMut;
use dolab_content::{Layout, PieceHasher, PiecesHashFile, Sink, StoreError};
use dolab_engine::{ConnId, PieceOutcome};
use proptest::prelude::*;
use tokio::sync::{Semaphore, mpsc};

use super::{Hashers, Incoming, Pool};
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

fn fill(incoming: &mut Incoming, offset: u32, bytes: &[u8], hashers: &Hashers) -> bool {
    let mut block = incoming
        .take(offset, bytes.len() as u32)
        .expect("that part is free");
    assert_eq!(block.capacity(), bytes.len());
    block.put(bytes);
    incoming.landed(offset, block, hashers)
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
            for (n, &(from, to)) in blocks.iter().enumerate() {
                let last = fill(&mut incoming, from as u32, &sent[from..to], &way.hashers);
                prop_assert_eq!(last, n + 1 == blocks.len());
                prop_assert!(incoming.take(from as u32, (to - from) as u32).is_none(), "twice");
            }
            drop(incoming);
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
    let mut incoming = way.incoming().await;
    fill(&mut incoming, 0, &[7; 10], &way.hashers);
    fill(&mut incoming, 50, &[7; 10], &way.hashers);
    drop(incoming);
    // A hash thread may still hold it for a moment. Only a loan of everything proves the return.
    let everything = way.pool.lease(way.content.id, 1 << 20);
    drop(
        tokio::time::timeout(std::time::Duration::from_secs(30), everything)
            .await
            .unwrap(),
    );
}
