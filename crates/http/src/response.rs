use std::{
    net::SocketAddr,
    ops::Range,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::{
    HeaderMap, StatusCode,
    body::{Body as _, Incoming},
    header::{CONTENT_RANGE, CONTENT_TYPE, HeaderName},
};
use serde::de::DeserializeOwned;
use socket2::Socket;
use tokio::time::timeout;

use crate::{ContentRange, Error, pool::Place};

/// Bytes of JSON that are taken from a server.
const MAX_JSON: usize = 4 << 20;

/// The answer to a request. Its body is still on its way.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The server's address.
    pub remote: SocketAddr,
    /// When what happened.
    pub timing: Timing,
    /// The body.
    pub body: Body,
    pub(crate) host: String,
    pub(crate) asked: Option<Range<u64>>,
}

/// When what happened, from the beginning of the request on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The connection stood, TLS included; `None` when it stood already.
    pub connected: Option<Duration>,
    /// The head of the answer was there.
    pub first_byte: Duration,
}

impl Response {
    /// A header's value, where it is there and text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Bytes of the body, where the server says so.
    pub fn length(&self) -> Option<u64> {
        self.body.length()
    }

    /// The same, when the status is 200.
    ///
    /// # Errors
    /// [`Error::Status`] when the server refused or could not, [`Error::OddSuccess`] for any other
    /// status of success.
    pub fn ok(self) -> Result<Self, Error> {
        let (host, status) = (self.host.clone(), self.status);
        match status {
            StatusCode::OK => Ok(self),
            _ if status.is_success() => Err(Error::OddSuccess { host, status }),
            _ => Err(Error::Status { host, status }),
        }
    }

    /// The same, when the body is the range that was asked for, of a whole of `of` bytes if that is
    /// known. A server may send the whole when that is what was asked for.
    ///
    /// # Errors
    /// [`Error::NoRanges`] when the whole comes instead, [`Error::BadRange`] when another range
    /// does, [`Error::Size`] when the whole has another length, [`Error::WebPage`] when a page
    /// comes, and as [`Self::ok`].
    pub fn ranged(mut self, of: Option<u64>) -> Result<Self, Error> {
        let Some(asked) = self.asked.clone() else {
            return self.ok();
        };
        self.body.expected = Some(asked.end.saturating_sub(asked.start));
        let host = || self.host.clone();
        let (range, length) = (self.header(&CONTENT_RANGE), self.length());
        let bad = |answer: String| Error::BadRange {
            host: host(),
            asked: asked.clone(),
            answer,
        };
        match self.status {
            StatusCode::PARTIAL_CONTENT => {
                let parsed = range.and_then(ContentRange::parse);
                let right = parsed
                    .as_ref()
                    .is_some_and(|it| it.bytes.as_ref() == Some(&asked));
                if !right {
                    return Err(bad(range.unwrap_or("no range").to_owned()));
                }
                if let (Some(of), Some(got)) = (of, parsed.and_then(|it| it.of))
                    && of != got
                {
                    let (host, expected) = (host(), of);
                    return Err(Error::Size {
                        host,
                        expected,
                        got,
                    });
                }
                let expected = asked.end - asked.start;
                if let Some(got) = length.filter(|&got| got != expected) {
                    return Err(Error::Size {
                        host: host(),
                        expected,
                        got,
                    });
                }
                Ok(self)
            }
            StatusCode::OK if self.is_web_page() => Err(Error::WebPage { host: host() }),
            StatusCode::OK if asked.start == 0 && length == Some(asked.end) => Ok(self),
            StatusCode::OK => Err(Error::NoRanges {
                host: host(),
                length,
            }),
            StatusCode::RANGE_NOT_SATISFIABLE => Err(bad(format!(
                "{}: {}",
                self.status,
                range.unwrap_or("no range")
            ))),
            _ => self.ok(),
        }
    }

    /// The same, when the body is the whole of a content of so many bytes.
    ///
    /// # Errors
    /// [`Error::Size`] when it says that it has another length, [`Error::WebPage`] when a page
    /// comes, and as [`Self::ok`].
    pub fn whole(mut self, expected: u64) -> Result<Self, Error> {
        if self.status == StatusCode::OK && self.is_web_page() {
            return Err(Error::WebPage { host: self.host });
        }
        if let Some(got) = self.length().filter(|&got| got != expected)
            && self.status == StatusCode::OK
        {
            return Err(Error::Size {
                host: self.host,
                expected,
                got,
            });
        }
        self.body.expected = Some(expected);
        self.ok()
    }

    /// The body as JSON, at most 4 MiB of it, when the status is 200.
    ///
    /// # Errors
    /// As [`Self::ok`], [`Error::WebPage`] when a page comes instead, [`Error::Json`], and as
    /// [`Body::chunk`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let page = self.is_web_page();
        let response = self.ok()?;
        let host = response.host;
        if page {
            return Err(Error::WebPage { host });
        }
        let body = response.body.collect(MAX_JSON).await?;
        serde_json::from_slice(&body).map_err(|source| Error::Json { host, source })
    }

    /// Whether a web page came.
    pub fn is_web_page(&self) -> bool {
        self.header(&CONTENT_TYPE).is_some_and(|it| {
            it.trim_start()
                .to_ascii_lowercase()
                .starts_with("text/html")
        })
    }
}

/// The body of an answer, as it comes. A connection whose body was read to its end is used again;
/// one whose body was not is closed.
#[derive(Debug)]
pub struct Body {
    incoming: Incoming,
    /// There until the end.
    place: Option<Place>,
    host: String,
    stall: Duration,
    got: u64,
    /// Bytes that it has to have.
    expected: Option<u64>,
    /// What the connection had received before the request.
    before: u64,
    wire: u64,
}

impl Body {
    pub(crate) fn new(
        incoming: Incoming,
        place: Place,
        host: String,
        stall: Duration,
        before: u64,
    ) -> Self {
        let mut body = Self {
            incoming,
            place: Some(place),
            host,
            stall,
            got: 0,
            expected: None,
            before,
            wire: 0,
        };
        if body.incoming.is_end_stream() {
            body.ended();
        }
        body
    }

    /// Its bytes in all, where the server says so.
    pub fn length(&self) -> Option<u64> {
        self.incoming
            .size_hint()
            .exact()
            .map(|left| left + self.got)
    }

    /// That another number of bytes came than had to.
    pub fn size_error(&self) -> Error {
        Error::Size {
            host: self.host.clone(),
            expected: self.expected.unwrap_or_default(),
            got: self.got,
        }
    }

    /// The socket that it comes over, to ask the kernel about it: of a request in the background, on
    /// most systems, until its end.
    pub fn socket(&self) -> Option<&Arc<Socket>> {
        self.place.as_ref()?.connection.socket.as_ref()
    }

    /// Takes at most so many bytes of the connection from the kernel in one go, from now on until its
    /// end. What was taken already still comes.
    pub fn portion(&self, most: usize) {
        if let Some(place) = &self.place {
            place.connection.wire.portion(most);
        }
    }

    /// Bytes that came so far.
    pub fn received(&self) -> u64 {
        self.got
    }

    /// Bytes that came for this answer over the connection, with headers and TLS.
    pub fn wire_bytes(&self) -> u64 {
        match &self.place {
            Some(place) => {
                let received = place.connection.wire.received.load(Ordering::Relaxed);
                received.saturating_sub(self.before)
            }
            None => self.wire,
        }
    }

    /// The next bytes; `None` at the end. May be called again when it was dropped while it waited.
    ///
    /// # Errors
    /// [`Error::Stalled`] when nothing comes for too long, [`Error::Broken`] when the connection
    /// ends before the body does, [`Error::Size`] when it has another length than it has to have by
    /// [`Response::ranged`] or [`Response::whole`], [`Error::NotHttp`] when its form is wrong.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = timeout(self.stall, self.incoming.frame())
                .await
                .map_err(|_| Error::Stalled {
                    host: self.host.clone(),
                    got: self.got,
                    waited: self.stall,
                })?;
            match frame {
                None if self.expected.is_some_and(|expected| self.got < expected) => {
                    return Err(self.size_error());
                }
                None => {
                    self.ended();
                    return Ok(None);
                }
                Some(Err(error)) => return Err(Error::from_hyper(&self.host, self.got, &error)),
                Some(Ok(frame)) => {
                    // Anything else are trailers, which say nothing to us.
                    if let Ok(data) = frame.into_data() {
                        self.got += data.len() as u64;
                        if self.expected.is_some_and(|expected| self.got > expected) {
                            return Err(self.size_error());
                        }
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`Self::chunk`], and [`Error::TooLong`] when there are more than `most` bytes.
    pub async fn collect(mut self, most: usize) -> Result<Bytes, Error> {
        let too_long = || Error::TooLong {
            host: self.host.clone(),
            most,
        };
        if self.length().is_some_and(|length| length > most as u64) {
            return Err(too_long());
        }
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if whole.len() + chunk.len() > most {
                let host = self.host;
                return Err(Error::TooLong { host, most });
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// The connection is free for the next request.
    fn ended(&mut self) {
        self.wire = self.wire_bytes();
        if let Some(place) = self.place.take() {
            place.give_back();
        }
    }
}
