//! One flow with one remote, at both ends.

use std::{
    ops::Range,
    path::Path,
    sync::Mutex,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio::sync::mpsc;

use crate::{
    end::Side,
    error::BenchError,
    flow::{Flow, State},
    merge::Recorded,
    proto::{Ended, Part, Slice, Spec, Totals},
    remote::{Prepared, Remote},
    report::{BothEnds, Direction, Event, Figures, Layer, RunId},
    window::Window,
};

/// Between two looks at the other side, at most.
const READ: Duration = Duration::from_millis(200);

/// Between two round trips over the session while content moves.
const ECHO: Duration = Duration::from_millis(50);

/// Longest time without a byte.
const SILENCE: Duration = Duration::from_secs(15);

/// A flow that is ready to start.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    id: RunId,
    remote: &'a Remote,
    near: Flow,
    far: u64,
}

/// What a flow came to.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) figures: Figures,
    /// Processor time of both processes while it ran.
    pub(crate) cpu_seconds: BothEnds,
}

/// Why a flow came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PairError {
    #[error(transparent)]
    Bench(#[from] BenchError),
    #[error("this host: {0}")]
    Near(String),
    #[error("{host}: {why}")]
    Far { host: String, why: String },
    #[error("no byte came for {SILENCE:?}")]
    Silence,
    #[error("{sent} bytes were sent, and {received} came")]
    Lost { sent: u64, received: u64 },
}

/// Slices of both ends, as far as they are known.
#[derive(Default)]
struct Known {
    near: Vec<Slice>,
    far: Vec<Slice>,
    began: Option<Instant>,
    near_bytes: u64,
    far_bytes: u64,
}

impl Known {
    /// A flow that was over within its warm-up counts as a whole.
    fn count_all_if_warm_up_is_all(&mut self) {
        for slices in [&mut self.near, &mut self.far] {
            if slices.iter().all(|slice| slice.warm_up) {
                slices.iter_mut().for_each(|slice| slice.warm_up = false);
            }
        }
    }
}

impl<'a> Pair<'a> {
    /// Prepares both ends and opens the connections. `spec` is that of this side.
    pub(crate) async fn prepare(
        id: RunId,
        spec: Spec,
        remote: &'a Remote,
        window: Option<Window>,
        store: &Path,
    ) -> Result<Self, PairError> {
        let near = |error: crate::swarm::SwarmError| PairError::Near(error.to_string());
        let (flow, prepared) = match spec.part {
            Part::Sender => {
                let flow = Flow::prepare(spec, window, store).await.map_err(near)?;
                let spec = Spec {
                    offer: flow.offer(),
                    ..flow.spec().mirrored()
                };
                let prepared = remote.prepare(spec).await?;
                (flow, prepared)
            }
            Part::Receiver => {
                let mut prepared = remote.prepare(spec.mirrored()).await?;
                let offer = prepared.offer.take();
                let spec = Spec { offer, ..spec };
                let flow = Flow::prepare(spec, None, store).await.map_err(near)?;
                (flow, prepared)
            }
        };
        let Prepared {
            flow: far, token, ..
        } = prepared;
        let spec = flow.spec();
        let dials = (0..spec.streams).map(|_| remote.dial(spec, token));
        for stream in try_join_all(dials).await? {
            flow.attach(stream, Side::Dialled);
        }
        Ok(Self {
            id,
            remote,
            near: flow,
            far,
        })
    }

    /// Runs it to its end.
    pub(crate) async fn run(
        &self,
        idle_ms: &[f64],
        events: &mpsc::UnboundedSender<Event>,
    ) -> Result<Measured, PairError> {
        let echoes = Mutex::default();
        let mut known = Known::default();
        let result = tokio::select! {
            result = self.move_content(&mut known, &echoes, events) => result,
            () = self.echo(&echoes) => unreachable!("it never ends"),
        };
        let (receiver, sender) = result?;
        let echoes = echoes.into_inner().unwrap_or_default();
        let echoes = since(&echoes, known.began);
        let recorded = self.recorded(&known, &echoes);
        if self.id.layer == Layer::Raw && receiver.moved != sender.moved {
            return Err(PairError::Lost {
                sent: sender.moved,
                received: receiver.moved,
            });
        }
        Ok(Measured {
            figures: recorded.figures(idle_ms, &receiver, &sender),
            cpu_seconds: recorded.cpu_seconds(),
        })
    }

    /// Yields what the receiver and the sender say at the end.
    async fn move_content(
        &self,
        known: &mut Known,
        echoes: &Mutex<Vec<(Instant, f64)>>,
        events: &mpsc::UnboundedSender<Event>,
    ) -> Result<(Totals, Totals), PairError> {
        self.remote.start(self.far).await?;
        self.near.start().await;
        let interval = self.near.spec().interval();
        let pause = (interval / 2).clamp(Duration::from_millis(20), READ);
        let mut told = 0;
        let mut moved = (0, Instant::now());
        loop {
            tokio::time::sleep(pause).await;
            if self.update(known).await? {
                break;
            }
            let both = known.near.len().min(known.far.len());
            self.tell(known, echoes, told..both, events);
            told = told.max(both);
            let bytes = known.near_bytes + known.far_bytes;
            if bytes > moved.0 {
                moved = (bytes, Instant::now());
            } else if moved.1.elapsed() > SILENCE {
                return Err(PairError::Silence);
            }
        }
        let (near, far) = self.end(known.near.len(), known.far.len()).await?;
        known.near.extend(&near.slices);
        known.far.extend(&far.slices);
        known.count_all_if_warm_up_is_all();
        self.tell(known, echoes, told..usize::MAX, events);
        Ok(match self.id.direction {
            Direction::Receive => (near, far),
            Direction::Send => (far, near),
        })
    }

    /// Tells what these intervals came to, as far as the receiver has them.
    fn tell(
        &self,
        known: &Known,
        echoes: &Mutex<Vec<(Instant, f64)>>,
        numbers: Range<usize>,
        events: &mpsc::UnboundedSender<Event>,
    ) {
        let echoes = echoes.lock().map(|echoes| since(&echoes, known.began));
        let echoes = echoes.unwrap_or_default();
        let recorded = self.recorded(known, &echoes);
        for interval in numbers.map_while(|n| recorded.interval(n)) {
            let run = self.id.clone();
            // Nobody may be listening.
            drop(events.send(Event::Interval { run, interval }));
        }
    }

    /// Reads what is new of both ends. Returns whether the receiver is done.
    async fn update(&self, known: &mut Known) -> Result<bool, PairError> {
        let near = self.near.state(known.near.len());
        let far = self.remote.read(self.far, known.far.len()).await?;
        let over = match self.id.direction {
            Direction::Receive => near.ended.is_some(),
            Direction::Send => far.ended.is_some(),
        };
        if let Some(Ended::Failed { why }) = &near.ended {
            return Err(PairError::Near(why.clone()));
        }
        if let Some(Ended::Failed { why }) = &far.ended {
            return Err(PairError::Far {
                host: self.id.remote.clone(),
                why: why.clone(),
            });
        }
        let State {
            began,
            slices,
            bytes,
            ..
        } = near;
        known.began = began;
        known.near_bytes = bytes;
        known.near.extend(slices);
        known.far_bytes = far.bytes;
        known.far.extend(far.slices);
        Ok(over)
    }

    /// First the sender stops, then the receiver has the last of it, then the sender goes. Yields
    /// what this side and the other say, without the slices that are known.
    async fn end(&self, near: usize, far: usize) -> Result<(Totals, Totals), PairError> {
        Ok(match self.id.direction {
            Direction::Receive => {
                self.remote.stop(self.far).await?;
                let near = self.near.finish(near).await;
                (near, self.remote.finish(self.far, far).await?)
            }
            Direction::Send => {
                self.near.stop();
                let far = self.remote.finish(self.far, far).await?;
                (self.near.finish(near).await, far)
            }
        })
    }

    fn recorded<'k>(&self, known: &'k Known, echoes: &'k [(f64, f64)]) -> Recorded<'k> {
        let (receiver, sender) = match self.id.direction {
            Direction::Receive => (&known.near, &known.far),
            Direction::Send => (&known.far, &known.near),
        };
        Recorded {
            direction: self.id.direction,
            receiver,
            sender,
            echoes,
        }
    }

    async fn echo(&self, echoes: &Mutex<Vec<(Instant, f64)>>) {
        loop {
            let at = Instant::now();
            if let (Some(took), Ok(mut echoes)) = (self.remote.echo().await, echoes.lock()) {
                echoes.push((at, took));
            }
            tokio::time::sleep(ECHO).await;
        }
    }
}

/// Round trips by the time since the first byte.
fn since(echoes: &[(Instant, f64)], began: Option<Instant>) -> Vec<(f64, f64)> {
    let Some(began) = began else {
        return Vec::new();
    };
    let since = |at: Instant| at.saturating_duration_since(began).as_secs_f64() * 1e3;
    echoes.iter().map(|&(at, took)| (since(at), took)).collect()
}
