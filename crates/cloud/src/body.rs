//! The bodies of answers.

use std::{io, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use dolab_content::Source;
use http_body_util::{
    BodyExt, Full,
    channel::{Channel, Sender},
    combinators::UnsyncBoxBody,
};
use tokio::time::{Instant, sleep_until, timeout};

use crate::cache::{FillError, Object};

/// The body of any answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the content can not be read: {0}")]
    Content(#[from] dolab_content::StoreError),
    #[error("cut on purpose")]
    Cut,
    #[error(transparent)]
    Cache(#[from] FillError),
    #[error(transparent)]
    Task(#[from] io::Error),
}

/// Bytes that are read, and sent, at once.
const CHUNK: u64 = 256 << 10;

/// Chunks that wait for the socket.
const AHEAD: usize = 2;

/// Where a long body is read from.
#[derive(Clone)]
pub(crate) enum Feed {
    /// What this host has.
    Content(Arc<dyn Source>),
    /// What the Connected Cache has, or fetches.
    Cached(Arc<Object>),
}

impl Feed {
    /// At least one byte from the start of `part`, and no more than `part`.
    async fn read(&self, part: Range<u64>) -> Result<Bytes, BodyError> {
        match self {
            Self::Content(source) => read(Arc::clone(source), part).await,
            Self::Cached(object) => Ok(object.read(part).await?),
        }
    }
}

/// What a long body is made of.
#[derive(Clone, Debug)]
pub(crate) enum Segment {
    Text(Bytes),
    Part(Range<u64>),
}

/// A body that is at hand.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// The end that a task fills a body from.
#[derive(Debug)]
pub(crate) struct Pen {
    sender: Sender<Bytes, BodyError>,
    stalled: Duration,
}

/// The caller is gone: nothing more has to be read for it.
#[derive(Debug)]
pub(crate) struct Gone;

impl Pen {
    /// Sends some, once the caller has taken what was sent before.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), Gone> {
        match timeout(self.stalled, self.sender.send_data(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// Ends the body before its end.
    pub(crate) fn abort(self, error: BodyError) {
        self.sender.abort(error);
    }
}

/// A body, and the end to fill it from. The body ends when the pen is dropped.
pub(crate) fn written(stalled: Duration) -> (Pen, Body) {
    let (sender, channel) = Channel::new(AHEAD);
    (Pen { sender, stalled }, channel.boxed_unsync())
}

/// A body that is read from a content while it is sent.
pub(crate) fn stream(feed: Feed, segments: Vec<Segment>, stalled: Duration) -> Body {
    let (mut pen, body) = written(stalled);
    tokio::spawn(async move {
        if let Err(Some(error)) = copy(&feed, segments, &mut pen).await {
            tracing::warn!(%error, "a body was cut short");
            pen.abort(error);
        }
    });
    body
}

/// Fails with `None` when the caller is gone.
async fn copy(feed: &Feed, segments: Vec<Segment>, pen: &mut Pen) -> Result<(), Option<BodyError>> {
    for segment in segments {
        let part = match segment {
            Segment::Text(text) => {
                pen.write(text).await.map_err(|Gone| None)?;
                continue;
            }
            Segment::Part(part) => part,
        };
        let mut at = part.start;
        while at < part.end {
            let end = (at + CHUNK).min(part.end);
            let read = feed.read(at..end).await?;
            at += read.len() as u64;
            pen.write(read).await.map_err(|Gone| None)?;
        }
    }
    Ok(())
}

async fn read(source: Arc<dyn Source>, part: Range<u64>) -> Result<Bytes, BodyError> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut buf = vec![0; (part.end - part.start) as usize];
        source.read_at(part.start, &mut buf)?;
        Ok::<_, BodyError>(Bytes::from(buf))
    });
    reading.await.map_err(io::Error::from)?
}

/// The same body, at `rate` bytes in a second, and ended after `cut` bytes.
pub(crate) fn hampered(body: Body, rate: Option<u64>, cut: Option<u64>, stalled: Duration) -> Body {
    if rate.is_none() && cut.is_none() {
        return body;
    }
    let (mut pen, hampered) = written(stalled);
    tokio::spawn(async move {
        if let Err(Some(error)) = hamper(body, rate, cut, &mut pen).await {
            pen.abort(error);
        }
    });
    hampered
}

async fn hamper(
    mut body: Body,
    rate: Option<u64>,
    cut: Option<u64>,
    pen: &mut Pen,
) -> Result<(), Option<BodyError>> {
    let begun = Instant::now();
    let mut sent = 0_u64;
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame?.into_data() else {
            continue;
        };
        while !data.is_empty() {
            let mut next = data.len();
            if let Some(rate) = rate {
                // A tenth of a second's worth at once, so that it trickles.
                next = next.min((rate / 10).max(1) as usize);
                let due = (sent as f64) / (rate as f64);
                sleep_until(begun + Duration::from_secs_f64(due)).await;
            }
            if let Some(cut) = cut {
                if sent >= cut {
                    return Err(Some(BodyError::Cut));
                }
                next = next.min((cut - sent).min(usize::MAX as u64) as usize);
            }
            sent += next as u64;
            pen.write(data.split_to(next)).await.map_err(|Gone| None)?;
        }
    }
    Ok(())
}
