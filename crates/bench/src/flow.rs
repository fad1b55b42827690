use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    end::{End, Side},
    proto::{Ended, Slice, Spec, Totals},
    sampler::{self, Recording},
    swarm::SwarmError,
    window::{Offer, Window},
};

/// Time that the last look may take.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// A flow as one side has it. Dropped, it ends without a word.
#[derive(Debug)]
pub(crate) struct Flow {
    spec: Spec,
    end: Arc<End>,
    connections: AtomicU32,
    recording: Recording,
    recorder: Mutex<Option<AbortOnDropHandle<()>>>,
}

/// How a flow goes.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// When its first byte was seen.
    pub(crate) began: Option<Instant>,
    /// Slices from the one that was asked for.
    pub(crate) slices: Vec<Slice>,
    /// Bytes in all.
    pub(crate) bytes: u64,
    /// How it ended, once it has.
    pub(crate) ended: Option<Ended>,
}

impl Flow {
    /// Gets ready.
    pub(crate) async fn prepare(
        spec: Spec,
        window: Option<Window>,
        store: &Path,
    ) -> Result<Self, SwarmError> {
        Ok(Self {
            end: Arc::new(End::prepare(&spec, window, store).await?),
            spec,
            connections: AtomicU32::new(0),
            recording: Recording::default(),
            recorder: Mutex::default(),
        })
    }

    pub(crate) fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What this side is going to send.
    pub(crate) fn offer(&self) -> Option<Offer> {
        self.end.offer()
    }

    /// Takes a place for a connection; false when all are taken.
    pub(crate) fn expect_one(&self) -> bool {
        let next = |taken| (taken < self.spec.streams).then_some(taken + 1);
        self.connections
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next)
            .is_ok()
    }

    /// Adds a connection for which there is a place.
    pub(crate) fn attach(&self, stream: TcpStream, side: Side) {
        self.end.attach(stream, side);
    }

    /// Begins, once.
    pub(crate) async fn start(&self) {
        {
            let mut recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
            if recorder.is_some() {
                return;
            }
            let end = Arc::clone(&self.end);
            let record = sampler::record(end, self.spec.clone(), self.recording.clone());
            *recorder = Some(AbortOnDropHandle::new(tokio::spawn(record)));
        }
        self.end.start(&self.spec).await;
    }

    /// How it goes, without the first `from` slices.
    pub(crate) fn state(&self, from: usize) -> State {
        let record = self.recording.lock();
        State {
            began: record.began,
            slices: record.slices.get(from..).unwrap_or_default().to_vec(),
            bytes: record.bytes,
            ended: record.ended.clone(),
        }
    }

    /// Sends no more.
    pub(crate) fn stop(&self) {
        self.end.stop();
    }

    /// Ends it in order. Yields what is known only now, without the first `from` slices.
    pub(crate) async fn finish(&self, from: usize) -> Totals {
        let totals = self.end.finish().await;
        let recorder = self
            .recorder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(recorder) = recorder {
            // It has been told that this is the end, and takes a last look.
            drop(timeout(LAST_LOOK, recorder).await);
        }
        Totals {
            slices: self.state(from).slices,
            congestion_control: self.recording.lock().congestion.clone(),
            ..totals
        }
    }
}
