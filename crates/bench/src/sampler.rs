//! Cuts a flow into slices, by looking at counters that only rise.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dolab_peer::TcpInfo;
use tokio::time::sleep_until;

use crate::{
    end::End,
    proto::{Ended, Part, Slice, Spec},
    stall::LOOK,
};

/// Between two looks before the first byte.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// What was read of a flow at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// Bytes of content that went or came, in all.
    pub(crate) bytes: u64,
    pub(crate) tcp: Tcp,
}

/// What the kernel knows of a flow's connections together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tcp {
    pub(crate) retransmits: Option<u64>,
    pub(crate) cwnd_bytes: Option<u64>,
    /// Mean of the connections' own, in milliseconds.
    pub(crate) rtt_ms: Option<f64>,
    pub(crate) congestion: Option<String>,
}

impl Tcp {
    pub(crate) fn sum(infos: impl Iterator<Item = TcpInfo>) -> Self {
        let mut sum = Self::default();
        let mut count = 0.0;
        for info in infos {
            count += 1.0;
            *sum.retransmits.get_or_insert(0) += u64::from(info.retransmits);
            *sum.cwnd_bytes.get_or_insert(0) += info.congestion_window;
            *sum.rtt_ms.get_or_insert(0.0) += info.round_trip.as_secs_f64() * 1e3;
            sum.congestion = Some(info.congestion);
        }
        sum.rtt_ms = sum.rtt_ms.map(|rtt| rtt / count);
        sum
    }
}

/// What has been recorded of a flow.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// When the first byte was seen.
    pub(crate) began: Option<Instant>,
    pub(crate) slices: Vec<Slice>,
    pub(crate) bytes: u64,
    pub(crate) congestion: Option<String>,
    pub(crate) ended: Option<Ended>,
}

/// A record that is still being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recording(Arc<Mutex<Record>>);

impl Recording {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at a flow until it ends, or until nobody wants to know any more.
pub(crate) async fn record(end: Arc<End>, spec: Spec, recording: Recording) {
    let mut ended = end.ended();
    let mut slicer = Slicer::new(&spec);
    slicer.restart(Reading::default(), cpu());
    let mut last_look = Instant::now();
    let mut began = None;
    let mut next = last_look;
    loop {
        let over = tokio::select! {
            biased;
            _ = ended.wait_for(Option::is_some) => true,
            () = sleep_until(next.into()) => false,
        };
        let reading = end.look(last_look.elapsed()).await;
        let now = Instant::now();
        let start = match began {
            Some(start) => start,
            None if reading.bytes == 0 && !over => {
                (last_look, next) = (now, now + FIRST_LOOK);
                slicer.restart(reading, cpu());
                continue;
            }
            None => *began.insert(last_look),
        };
        last_look = now;
        let at = now.duration_since(start);
        let mut record = recording.lock();
        record.began = Some(start);
        record.bytes = reading.bytes;
        if reading.tcp.congestion.is_some() {
            record.congestion.clone_from(&reading.tcp.congestion);
        }
        let step = slicer.see(at, reading, cpu());
        record.slices.extend(step.slice);
        if step.warmed_up {
            end.reset();
        }
        let how = ended.borrow().clone();
        // Who sends goes on until it is told to stop.
        let long_enough = step.long_enough && spec.part == Part::Receiver;
        if over || long_enough {
            record.slices.extend(slicer.cut());
            record.ended = Some(how.unwrap_or(Ended::Well));
            return;
        }
        drop(record);
        next = now + LOOK.min(slicer.until_boundary(at));
    }
}

/// Processor time of this process, in seconds.
fn cpu() -> f64 {
    // It can fail only where the clock does not exist.
    cpu_time::ProcessTime::try_now().map_or(0.0, |time| time.as_duration().as_secs_f64())
}

/// Where slices begin and end. Knows no clock.
#[derive(Debug)]
struct Slicer {
    warm_up: Duration,
    interval: Duration,
    end: Option<Duration>,
    /// Start of the slice that is open.
    start: Duration,
    before: (Reading, f64),
    /// What is in the slice that is open, so far.
    now: (Duration, Reading, f64),
}

/// What a look brought.
#[derive(Debug, Default, PartialEq)]
struct Step {
    slice: Option<Slice>,
    /// Whether the warm-up ended just now.
    warmed_up: bool,
    /// Whether the flow was long enough.
    long_enough: bool,
}

impl Slicer {
    fn new(spec: &Spec) -> Self {
        let duration = spec.duration_ms.map(Duration::from_millis);
        Self {
            warm_up: spec.warm_up(),
            interval: spec.interval(),
            end: duration.map(|duration| spec.warm_up() + duration),
            start: Duration::ZERO,
            before: (Reading::default(), 0.0),
            now: (Duration::ZERO, Reading::default(), 0.0),
        }
    }

    /// Nothing has come yet.
    fn restart(&mut self, reading: Reading, cpu: f64) {
        self.now = (Duration::ZERO, reading.clone(), cpu);
        self.before = (reading, cpu);
    }

    /// When the slice that is open is to end: an interval after its start, counted from the end of
    /// the warm-up, and at the latest with the warm-up or the flow.
    fn boundary(&self) -> Duration {
        let mut end = self.start + self.interval;
        if self.start < self.warm_up {
            end = end.min(self.warm_up);
        }
        self.end.map_or(end, |last| end.min(last))
    }

    fn until_boundary(&self, at: Duration) -> Duration {
        self.boundary().saturating_sub(at)
    }

    fn see(&mut self, at: Duration, reading: Reading, cpu: f64) -> Step {
        self.now = (at, reading, cpu);
        if at < self.boundary() {
            return Step::default();
        }
        let warming = self.start < self.warm_up;
        let slice = self.cut();
        Step {
            slice,
            warmed_up: warming && self.start >= self.warm_up,
            long_enough: self.end.is_some_and(|end| at >= end),
        }
    }

    /// Ends the slice that is open; `None` when it has no length.
    fn cut(&mut self) -> Option<Slice> {
        let (at, reading, cpu) = &self.now;
        let (before, cpu_before) = &self.before;
        let ms = (at.saturating_sub(self.start)).as_secs_f64() * 1e3;
        let retransmits = reading.tcp.retransmits.map(|now| {
            // A connection that has ended takes its count along.
            now.saturating_sub(before.tcp.retransmits.unwrap_or(0))
        });
        let slice = Slice {
            start_ms: self.start.as_secs_f64() * 1e3,
            ms,
            warm_up: self.start < self.warm_up,
            bytes: reading.bytes.saturating_sub(before.bytes),
            cpu_seconds: (cpu - cpu_before).max(0.0),
            retransmits,
            cwnd_bytes: reading.tcp.cwnd_bytes,
            rtt_ms: reading.tcp.rtt_ms,
        };
        self.start = *at;
        self.before = (reading.clone(), *cpu);
        (ms > 0.0).then_some(slice)
    }
}

#[cfg(test)]
#[path = "sampler_tests.rs"]
mod tests;
