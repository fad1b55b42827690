//! The questions of one session.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use dolab_check::bench::{Answering, BenchSession, BenchToken};
use dolab_wire::session::{Digest, Refusal};
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

use super::Shared;
use crate::{
    about,
    flow::Flow,
    proto::{Part, Reply, Request, Spec},
    window::PIECE,
};

/// Time that a flow may take beside what its specification says.
const AROUND: Duration = Duration::from_secs(60);

/// Length of a slice, in milliseconds.
const INTERVAL_MS: RangeInclusive<u64> = 10..=60_000;

/// Bytes of a block.
const BLOCK: RangeInclusive<u32> = 1024..=PIECE;

/// Bytes of a socket's buffers.
const BUFFER: RangeInclusive<u32> = 4096..=(64 << 20);

/// The benchmarks of one session.
pub(super) struct Session {
    shared: Arc<Shared>,
    remote: IpAddr,
    flows: Arc<Mutex<Flows>>,
}

#[derive(Default)]
struct Flows {
    last: u64,
    running: BTreeMap<u64, Running>,
}

/// A flow, until it is finished or took too long.
struct Running {
    flow: Arc<Flow>,
    token: BenchToken,
    /// Ends it when its time is over.
    _deadline: AbortOnDropHandle<()>,
}

impl Session {
    /// One more session, which was counted.
    pub(super) fn new(shared: Arc<Shared>, remote: IpAddr) -> Self {
        Self {
            shared,
            remote,
            flows: Arc::default(),
        }
    }

    async fn reply(&self, request: Request) -> Result<Reply, Refusal> {
        match request {
            Request::About => {
                let shared = Arc::clone(&self.shared);
                let asking = move || about::about(&shared.store, &shared.limits);
                let about = tokio::task::spawn_blocking(asking).await;
                about.map(|about| Reply::About { about }).map_err(failed)
            }
            Request::Prepare { spec } => self.prepare(*spec).await,
            Request::Start { flow } => {
                self.flow(flow)?.start().await;
                Ok(Reply::Done)
            }
            Request::Read { flow, from } => {
                let state = self.flow(flow)?.state(from);
                Ok(Reply::State {
                    slices: state.slices,
                    bytes: state.bytes,
                    ended: state.ended,
                })
            }
            Request::Stop { flow } => {
                self.flow(flow)?.stop();
                Ok(Reply::Done)
            }
            Request::Finish { flow, from } => {
                let totals = self.flow(flow)?.finish(from).await;
                let gone = lock(&self.flows).running.remove(&flow);
                self.forget(gone);
                Ok(Reply::Finished { totals })
            }
            Request::Unknown => Err(Refusal::Unsupported),
        }
    }

    async fn prepare(&self, spec: Spec) -> Result<Reply, Refusal> {
        self.check(&spec)?;
        if lock(&self.flows).running.len() >= self.shared.limits.flows {
            return Err(Refusal::TooMany {
                limit: format!(
                    "{} flows of a benchmark at a time",
                    self.shared.limits.flows
                ),
                retry_seconds: 1,
            });
        }
        let window = match spec.part {
            Part::Sender => Some(self.shared.windows.of(spec.source).await),
            Part::Receiver => None,
        };
        let time = spec.longest(self.shared.limits.longest) + AROUND;
        let flow = Flow::prepare(spec, window, &self.shared.store)
            .await
            .map_err(failed)?;
        let (offer, flow) = (flow.offer(), Arc::new(flow));
        let token = random();
        let mut flows = lock(&self.flows);
        flows.last += 1;
        let number = flows.last;
        let deadline = tokio::spawn(end_after(time, number, Arc::downgrade(&self.flows)));
        flows.running.insert(
            number,
            Running {
                flow: Arc::clone(&flow),
                token,
                _deadline: AbortOnDropHandle::new(deadline),
            },
        );
        drop(flows);
        let expected = (self.remote, Arc::downgrade(&flow));
        self.shared.expected().insert(token, expected);
        Ok(Reply::Prepared {
            flow: number,
            token: Digest(token),
            offer,
        })
    }

    /// Whether a flow is one that is done for strangers.
    fn check(&self, spec: &Spec) -> Result<(), Refusal> {
        let limits = &self.shared.limits;
        if spec.length.is_some_and(|length| length > limits.length) {
            return Err(Refusal::TooLarge { max: limits.length });
        }
        let wrong = |why: String| Err(Refusal::Invalid { why });
        if spec.streams == 0 || spec.streams > limits.streams {
            return wrong(format!("1 to {} streams are served", limits.streams));
        }
        if spec.longest(Duration::ZERO) > limits.longest {
            return wrong(format!("{:?} are served at most", limits.longest));
        }
        if spec.length.is_none() && spec.duration_ms.is_none() {
            return wrong("neither a time nor a size ends it".into());
        }
        let numbers = [
            INTERVAL_MS.contains(&spec.interval_ms),
            spec.piece_bytes == PIECE,
            BLOCK.contains(&spec.block_bytes),
            spec.request_depth
                .is_none_or(|depth| (1..=4096).contains(&depth)),
            spec.buffer_bytes
                .is_none_or(|bytes| BUFFER.contains(&bytes)),
            spec.rate_limit
                .is_none_or(|rate| rate.is_finite() && rate >= 1e3),
            spec.length != Some(0),
        ];
        if numbers.contains(&false) {
            return wrong("a number is out of its range".into());
        }
        let offered = spec.offer.as_ref().map(|offer| offer.length);
        if spec.offer.is_some() && offered != spec.length {
            return wrong("two lengths were said".into());
        }
        spec.sockets().check().map_err(failed)
    }

    fn flow(&self, number: u64) -> Result<Arc<Flow>, Refusal> {
        let flows = lock(&self.flows);
        let running = flows.running.get(&number);
        running
            .map(|running| Arc::clone(&running.flow))
            .ok_or_else(|| Refusal::Invalid {
                why: "that flow is over".into(),
            })
    }

    fn forget(&self, gone: impl IntoIterator<Item = Running>) {
        let mut expected = self.shared.expected();
        for running in gone {
            expected.remove(&running.token);
        }
    }
}

impl BenchSession for Session {
    fn answer(&self, body: Value) -> Answering<'_> {
        Box::pin(async move {
            let invalid = |error: serde_json::Error| Refusal::Invalid {
                why: error.to_string(),
            };
            let request = serde_json::from_value(body).map_err(invalid)?;
            let reply = self.reply(request).await?;
            serde_json::to_value(reply).map_err(invalid)
        })
    }
}

impl Drop for Session {
    /// Frees everything, however the session ended.
    fn drop(&mut self) {
        let running = std::mem::take(&mut lock(&self.flows).running);
        self.forget(running.into_values());
        self.shared.sessions.send_modify(|sessions| *sessions -= 1);
    }
}

async fn end_after(time: Duration, number: u64, flows: Weak<Mutex<Flows>>) {
    tokio::time::sleep(time).await;
    if let Some(flows) = flows.upgrade() {
        // Its token leads nowhere from now on, and goes with the session.
        drop(lock(&flows).running.remove(&number));
    }
}

fn random() -> BenchToken {
    let mut token = BenchToken::default();
    getrandom::fill(&mut token).expect("every supported system has randomness");
    token
}

fn failed(error: impl std::fmt::Display) -> Refusal {
    Refusal::Failed {
        why: error.to_string(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
