//! What was asked and answered: for the log, for a file, for the metrics.

use std::{
    fs::File,
    io::{BufWriter, Write},
    net::{IpAddr, SocketAddr},
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    task::{Context, Poll},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    Version,
    body::{Body as _, Frame, SizeHint},
};
use serde::Serialize;

use crate::{
    body::{Body, BodyError},
    metrics::Metrics,
};

/// Lines that wait for the disk; more are dropped, and counted.
const QUEUE: usize = 16_384;

/// A request and its answer, as one line of JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    /// When the request came (RFC 3339).
    #[serde(serialize_with = "time")]
    pub(crate) time: SystemTime,
    /// Where the connection came from.
    pub(crate) remote: SocketAddr,
    /// The address that the service saw.
    pub(crate) external: IpAddr,
    pub(crate) tls: bool,
    #[serde(serialize_with = "debug")]
    pub(crate) version: Version,
    pub(crate) method: String,
    pub(crate) host: String,
    /// Path and parameters, made safe for terminals and cut.
    pub(crate) target: String,
    /// What the caller calls itself, in the same form.
    pub(crate) agent: String,
    /// Part of the service.
    pub(crate) part: &'static str,
    pub(crate) status: u16,
    /// Bytes of the body that were sent.
    pub(crate) bytes: u64,
    /// Whether the body was sent to its end.
    pub(crate) whole: bool,
    /// Until the last byte was handed to the system.
    pub(crate) seconds: f64,
}

fn time<S: serde::Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_rfc3339_millis(*time))
}

fn debug<S: serde::Serializer>(version: &Version, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{version:?}"))
}

/// Where records go.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) metrics: Metrics,
    lines: Option<SyncSender<Vec<u8>>>,
    writer: Option<JoinHandle<()>>,
    dropped: AtomicU64,
}

impl Access {
    /// Counts only, or writes to a file too, behind what is there.
    pub(crate) fn new(path: Option<&Path>) -> std::io::Result<Self> {
        let mut access = Self {
            metrics: Metrics::new(),
            lines: None,
            writer: None,
            dropped: AtomicU64::new(0),
        };
        if let Some(path) = path {
            let file = File::options().create(true).append(true).open(path)?;
            let (lines, queue) = sync_channel(QUEUE);
            access.lines = Some(lines);
            access.writer = Some(std::thread::spawn(move || write(file, &queue)));
        }
        Ok(access)
    }

    fn ended(&self, record: &Record) {
        self.metrics
            .answered(record.part, record.status, record.bytes, record.seconds);
        tracing::info!(
            target: "dolab_cloud::access",
            remote = %record.remote,
            method = record.method,
            host = record.host,
            target = record.target,
            status = record.status,
            bytes = record.bytes,
            whole = record.whole,
            seconds = record.seconds,
            "answered"
        );
        let Some(lines) = &self.lines else { return };
        let mut line = serde_json::to_vec(record).expect("a record always serialises");
        line.push(b'\n');
        if lines.try_send(line).is_err() && self.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(
                "the access log is not written as fast as requests come: lines are missing"
            );
        }
    }
}

impl Drop for Access {
    /// What was handed over is written first.
    fn drop(&mut self) {
        self.lines = None;
        if let Some(writer) = self.writer.take() {
            // It does not panic; and if it did, there would be nothing left to do.
            let _ = writer.join();
        }
    }
}

fn write(file: File, queue: &Receiver<Vec<u8>>) {
    let mut file = BufWriter::new(file);
    let mut told = false;
    while let Ok(line) = queue.recv() {
        let more = std::iter::once(line).chain(queue.try_iter());
        let written = more
            .take(QUEUE)
            .try_for_each(|line| file.write_all(&line))
            .and_then(|()| file.flush());
        if let Err(error) = written
            && !std::mem::replace(&mut told, true)
        {
            tracing::error!(%error, "the access log can not be written");
        }
    }
}

/// The same body; when it has ended, however it did, its record is written down.
///
/// `length`: bytes that were announced. A body whose last byte was taken is asked for no more.
pub(crate) fn recorded(
    body: Body,
    length: Option<u64>,
    record: Record,
    began: Instant,
    access: Arc<Access>,
) -> Body {
    Recorded {
        whole: body.is_end_stream(),
        length,
        body,
        record: Some(record),
        began,
        access,
        bytes: 0,
    }
    .boxed_unsync()
}

struct Recorded {
    body: Body,
    record: Option<Record>,
    began: Instant,
    access: Arc<Access>,
    bytes: u64,
    length: Option<u64>,
    whole: bool,
}

impl hyper::body::Body for Recorded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
                self.whole = self.body.is_end_stream() || Some(self.bytes) == self.length;
            }
            Poll::Ready(None) => self.whole = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let Some(mut record) = self.record.take() else {
            return;
        };
        record.bytes = self.bytes;
        record.whole = self.whole;
        record.seconds = Duration::as_secs_f64(&self.began.elapsed());
        self.access.ended(&record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_the_disk_is_too_slow_for_are_dropped_and_counted() {
        let (lines, queue) = sync_channel(QUEUE);
        let access = Access {
            metrics: Metrics::new(),
            lines: Some(lines),
            writer: None,
            dropped: AtomicU64::new(0),
        };
        let record = Record {
            time: SystemTime::now(),
            remote: ([127, 0, 0, 1], 7).into(),
            external: [127, 0, 0, 1].into(),
            tls: false,
            version: Version::HTTP_11,
            method: "GET".into(),
            host: "x".into(),
            target: "/".into(),
            agent: String::new(),
            part: "content",
            status: 200,
            bytes: 0,
            whole: true,
            seconds: 0.0,
        };
        for _ in 0..QUEUE + 3 {
            access.ended(&record);
        }
        assert_eq!(access.dropped.load(Ordering::Relaxed), 3);
        drop(access);
        assert_eq!(queue.iter().count(), QUEUE);
    }
}
