//! One side of a flow, whichever layer it is in.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dolab_engine::ConnId;
use tokio::{net::TcpStream, sync::watch};

use crate::{
    proto::{Ended, Part, Spec, Totals},
    raw::Raw,
    report::Layer,
    sampler::Reading,
    stall::{Seen, Stalls},
    swarm::{Swarm, SwarmError},
    window::{Offer, Window},
};

/// Which side opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// This one.
    Dialled,
    /// The other one.
    Accepted,
}

/// One side of a flow.
#[derive(Debug)]
pub(crate) struct End {
    part: Part,
    work: Work,
    stalls: Mutex<Stalls>,
}

#[derive(Debug)]
enum Work {
    Raw { raw: Raw, window: Option<Window> },
    Swarm(Swarm),
}

impl End {
    /// Gets ready. A sender needs its window; a receiver of content has its offer in the spec, and
    /// in the stored layer a folder.
    pub(crate) async fn prepare(
        spec: &Spec,
        window: Option<Window>,
        store: &Path,
    ) -> Result<Self, SwarmError> {
        let work = match spec.layer {
            Layer::Raw => Work::Raw {
                raw: Raw::new(),
                window,
            },
            Layer::Exchange | Layer::Verified | Layer::Stored => {
                Work::Swarm(Swarm::prepare(spec, window, store).await?)
            }
        };
        Ok(Self {
            part: spec.part,
            work,
            stalls: Mutex::new(Stalls::new(spec.layer, spec.rate_limit.is_some())),
        })
    }

    /// What is going to be sent.
    pub(crate) fn offer(&self) -> Option<Offer> {
        match &self.work {
            Work::Raw { .. } => None,
            Work::Swarm(swarm) => swarm.offer(),
        }
    }

    /// Adds a connection. Nothing moves over it before the start.
    pub(crate) fn attach(&self, stream: TcpStream, side: Side) {
        match &self.work {
            Work::Raw { raw, .. } => raw.attach(stream),
            Work::Swarm(swarm) => swarm.attach(stream, side),
        }
    }

    /// Begins.
    pub(crate) async fn start(&self, spec: &Spec) {
        match &self.work {
            Work::Raw { raw, window } => raw.start(spec, window.clone()),
            Work::Swarm(swarm) => swarm.start().await,
        }
    }

    /// Tells when there is nothing more to do, for good or bad.
    pub(crate) fn ended(&self) -> watch::Receiver<Option<Ended>> {
        match &self.work {
            Work::Raw { raw, .. } => raw.ended(),
            Work::Swarm(swarm) => swarm.ended(),
        }
    }

    /// Reads the counters, and looks whether anything stands still; the last look was so long ago.
    pub(crate) async fn look(&self, passed: Duration) -> Reading {
        match &self.work {
            Work::Raw { raw, .. } => {
                let reading = raw.read();
                if self.part == Part::Receiver {
                    let seen = Seen {
                        received: reading.bytes,
                        full: false,
                        exchanging: true,
                        unchoked: true,
                        asked: true,
                    };
                    self.stalls().look(ConnId::accepted(0), seen, passed);
                }
                reading
            }
            Work::Swarm(swarm) => {
                let (reading, connections) = swarm.read().await;
                if self.part == Part::Receiver {
                    let mut stalls = self.stalls();
                    for view in &connections {
                        stalls.look(view.exchange.conn, view.into(), passed);
                    }
                }
                reading
            }
        }
    }

    /// The warm-up is over: what was counted so far does not count.
    pub(crate) fn reset(&self) {
        self.stalls().reset();
        if let Work::Swarm(swarm) = &self.work {
            swarm.reset();
        }
    }

    /// Sends no more.
    pub(crate) fn stop(&self) {
        match &self.work {
            Work::Raw { raw, .. } => raw.stop(),
            // The receiver closes.
            Work::Swarm(_) => {}
        }
    }

    /// Ends it in order.
    pub(crate) async fn finish(&self) -> Totals {
        let (moved, latency_ms) = match &self.work {
            Work::Raw { raw, .. } => (raw.finish().await, None),
            Work::Swarm(swarm) => swarm.finish().await,
        };
        Totals {
            moved,
            slices: Vec::new(),
            stalls: self.stalls().sums(),
            latency_ms,
            congestion_control: None,
        }
    }

    fn stalls(&self) -> MutexGuard<'_, Stalls> {
        self.stalls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
