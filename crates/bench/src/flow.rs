use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, sync::watch, time::timeout};
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
    connections: watch::Sender<Connections>,
    recording: Recording,
    recorder: Mutex<Option<AbortOnDropHandle<()>>>,
}

/// Those that the other side opens.
#[derive(Clone, Copy, Debug, Default)]
struct Connections {
    /// Have a place.
    expected: u32,
    /// Are there.
    attached: u32,
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
            connections: watch::Sender::default(),
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
        self.connections.send_if_modified(|connections| {
            let has_place = connections.expected < self.spec.streams;
            connections.expected += u32::from(has_place);
            has_place
        })
    }

    /// Gives a place back: the connection has ended before it was attached.
    pub(crate) fn expect_one_less(&self) {
        self.connections.send_modify(|it| it.expected -= 1);
    }

    /// Adds a connection for which there is a place.
    pub(crate) fn attach(&self, stream: TcpStream, side: Side) {
        self.end.attach(stream, side);
        self.connections.send_modify(|it| it.attached += 1);
    }

    /// Begins, once, with all connections that have a place: who was welcomed may ask for the start
    /// before his connection is attached here.
    pub(crate) async fn start(&self) {
        let mut connections = self.connections.subscribe();
        let all = |it: &Connections| it.attached >= it.expected;
        connections
            .wait_for(all)
            .await
            .expect("the sender is this flow's own");
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
