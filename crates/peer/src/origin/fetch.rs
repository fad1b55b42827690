//! One request over HTTP: its body goes into the buffers of its pieces as it comes.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{BufMut, Bytes};
use dolab_engine::{ConnId, FetchFailure, Input};
use dolab_http::{Client, Error, Request, Response};
use tokio::sync::{Semaphore, mpsc};
use tracing::info;

use super::{PacedBody, Pacer};
use crate::{
    data::{Hashers, Incoming, Pool},
    shared::{Content, Report, Reports},
};

/// How often the engine is told of bytes that came, at most.
const TELL: Duration = Duration::from_millis(100);

/// What becomes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Keep the piece that was reached.
    Keep(u32),
    /// Drop what comes of a piece.
    Skip(u32),
}

/// What a request's task works with.
pub(crate) struct Fetch {
    pub(crate) fetch: ConnId,
    pub(crate) content: Arc<Content>,
    pub(crate) url: String,
    pub(crate) pieces: Range<u32>,
    /// Whether just their range is asked for, as against the whole.
    pub(crate) ranged: bool,
    pub(crate) client: Client,
    pub(crate) reports: Reports,
    pub(crate) pool: Arc<Pool>,
    pub(crate) hashers: Arc<Hashers>,
    /// At most two for each piece.
    pub(crate) verdicts: mpsc::UnboundedReceiver<Verdict>,
    pub(crate) skipped: BTreeSet<u32>,
    /// Pieces that may be landing or waiting for their hash.
    pub(crate) ahead: Arc<Semaphore>,
}

/// The body of an answer while it is read.
struct Reading {
    body: PacedBody,
    /// Came, and not used yet.
    rest: Bytes,
    /// Bytes that the engine was not told of.
    untold: u64,
    told: Instant,
}

impl Fetch {
    /// Carries the request out, and tells the engine what came of it.
    pub(crate) async fn run(mut self) {
        let fetch = self.fetch;
        let end = match self.carry_out().await {
            Ok(()) => Input::OriginDone { fetch },
            Err(error) => {
                let why = failure(&error);
                info!(target: "dolab_peer", %fetch, url = %self.url, %error, code = ?error.do_code(), "an HTTP source failed");
                Input::OriginFailed { fetch, why }
            }
        };
        self.tell(end).await;
    }

    async fn carry_out(&mut self) -> Result<(), Error> {
        let pacer = Pacer::new(self.content.throttle.clone());
        let response = self.ask(&pacer).await?;
        let (fetch, remote) = (self.fetch, response.remote);
        self.tell(Input::OriginAnswered { fetch, remote }).await;
        let mut reading = Reading {
            body: pacer.body(response.body, remote),
            rest: Bytes::new(),
            untold: 0,
            told: Instant::now(),
        };
        let read = self.read(&mut reading).await;
        self.tell_progress(&mut reading).await;
        read
    }

    async fn ask(&self, pacer: &Pacer) -> Result<Response, Error> {
        let layout = self.content.layout;
        let request = pacer.request(Request::get(&self.url)?);
        if self.ranged {
            let end = layout.offset(self.pieces.end).min(layout.length());
            let range = layout.offset(self.pieces.start)..end;
            let response = self.client.send(request.range(range)).await?;
            return response.ranged(Some(layout.length()));
        }
        self.client.send(request).await?.whole(layout.length())
    }

    async fn read(&mut self, reading: &mut Reading) -> Result<(), Error> {
        for piece in self.pieces.clone() {
            let len = self.content.layout.piece_len(piece).unwrap_or(0);
            match self.is_wanted(piece, reading).await {
                true => self.keep(piece, len, reading).await?,
                false => self.drop_bytes(len, reading).await?,
            }
        }
        // To its end, so that the connection can be used again.
        reading.end().await
    }

    /// Whether a piece that is about to come is to be kept.
    async fn is_wanted(&mut self, piece: u32, reading: &mut Reading) -> bool {
        if self.ranged {
            return !self.is_skipped(piece);
        }
        self.tell_progress(reading).await;
        let fetch = self.fetch;
        self.tell(Input::OriginReached { fetch, piece }).await;
        loop {
            match self.verdicts.recv().await {
                Some(Verdict::Keep(kept)) if kept == piece => return true,
                Some(Verdict::Skip(skipped)) if skipped == piece => return false,
                // Of a piece that landed meanwhile.
                Some(_) => {}
                // The actor is gone, and this task about to be.
                None => std::future::pending().await,
            }
        }
    }

    /// Whether the engine said of a piece that it is of no use any more. What was said of others
    /// is kept: it is about pieces that are still to come.
    fn is_skipped(&mut self, piece: u32) -> bool {
        while let Ok(verdict) = self.verdicts.try_recv() {
            if let Verdict::Skip(skipped) = verdict {
                self.skipped.insert(skipped);
            }
        }
        self.skipped.contains(&piece)
    }

    async fn keep(&mut self, piece: u32, len: u32, reading: &mut Reading) -> Result<(), Error> {
        let size = self.content.layout.piece_size() as usize;
        let lease = self.pool.lease(self.content.id, size).await;
        let ahead = self.ahead.clone().acquire_owned().await;
        let ahead = ahead.expect("the semaphore is never closed");
        let mut incoming =
            Incoming::new(self.fetch, self.content.clone(), piece, len, lease, ahead);
        let mut buffer = incoming.take(0, len).unwrap_or_default();
        let mut left = len as usize;
        while left > 0 {
            let bytes = reading.next(left).await?;
            left -= bytes.len();
            buffer.put(bytes);
            if reading.is_due() {
                self.tell_progress(reading).await;
            }
            if self.is_skipped(piece) {
                drop((buffer, incoming));
                return self.drop_bytes(left as u32, reading).await;
            }
        }
        self.tell_progress(reading).await;
        let fetch = self.fetch;
        self.tell(Input::OriginLanded { fetch, piece }).await;
        if let Ok(whole) = incoming.landed(0, buffer) {
            self.hashers.push(whole);
        }
        Ok(())
    }

    async fn drop_bytes(&self, len: u32, reading: &mut Reading) -> Result<(), Error> {
        let mut left = len as usize;
        while left > 0 {
            left -= reading.next(left).await?.len();
            if reading.is_due() {
                self.tell_progress(reading).await;
            }
        }
        Ok(())
    }

    async fn tell_progress(&self, reading: &mut Reading) {
        let bytes = std::mem::take(&mut reading.untold);
        if bytes > 0 {
            reading.told = Instant::now();
            let fetch = self.fetch;
            self.tell(Input::OriginProgress { fetch, bytes }).await;
        }
    }

    async fn tell(&self, input: Input) {
        let fetch = self.fetch;
        self.reports.send(Report::Origin { fetch, input }).await;
    }
}

impl Reading {
    /// The next bytes, at most so many of them.
    async fn next(&mut self, most: usize) -> Result<Bytes, Error> {
        while self.rest.is_empty() {
            match self.body.chunk().await? {
                Some(chunk) => {
                    self.untold += chunk.len() as u64;
                    self.rest = chunk;
                }
                None => return Err(self.body.size_error()),
            }
        }
        let len = self.rest.len().min(most);
        Ok(self.rest.split_to(len))
    }

    /// Nothing may come any more.
    async fn end(&mut self) -> Result<(), Error> {
        match self.body.chunk().await? {
            None if self.rest.is_empty() => Ok(()),
            _ => Err(self.body.size_error()),
        }
    }

    /// Whether it is time to tell of what came.
    fn is_due(&self) -> bool {
        self.told.elapsed() >= TELL
    }
}

/// What an error means to the engine.
fn failure(error: &Error) -> FetchFailure {
    #[expect(clippy::wildcard_enum_match_arm, reason = "errors may be added")]
    match error {
        Error::Name { .. } => FetchFailure::Name,
        Error::Connect { .. } | Error::Tls { .. } => FetchFailure::Connect,
        Error::ConnectTimeout { .. } | Error::ResponseTimeout { .. } => FetchFailure::TimedOut,
        Error::Certificate { .. } | Error::CertificateDate { .. } => FetchFailure::Certificate,
        Error::Status { status, .. } => FetchFailure::Status(status.as_u16()),
        Error::OddSuccess { status, .. } => FetchFailure::OddSuccess(status.as_u16()),
        Error::NoRanges { .. } => FetchFailure::NoRanges,
        Error::BadRange { .. } => FetchFailure::BadRange,
        Error::Size { .. } => FetchFailure::Size,
        Error::WebPage { .. } => FetchFailure::WebPage,
        Error::Stalled { .. } => FetchFailure::Stalled,
        Error::Broken { .. } => FetchFailure::Broken,
        Error::Url { .. }
        | Error::Header(_)
        | Error::Authority(_)
        | Error::NoAuthority { .. }
        | Error::Public { .. } => FetchFailure::Forbidden,
        // What else comes is no answer to what was asked.
        _ => FetchFailure::NotHttp,
    }
}
