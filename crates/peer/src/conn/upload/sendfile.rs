//! Bodies from the page cache to the socket without passing through this process.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use bytes::{Buf, BytesMut};
use dolab_content::{PieceRange, Source, StoreError};
use dolab_engine::ConnId;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{SendFlags, send},
};
use tokio::{io::Interest, net::TcpStream};

use super::{
    super::{Ended, Meter, Outbox, write::writable},
    Failure,
};
use crate::{
    net::keep_ahead,
    shared::{Content, Reports},
};

/// How long the sending thread waits for the socket itself: a peer that takes gigabytes is not
/// worth two changes of thread for each piece. A slower one is left to the runtime, which waits for
/// thousands at once.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// Bodies after which the thread is given back, for others may wait for one.
const MOST: usize = 64;

/// Bodies that are reported together, since every report wakes the engine's thread; fewer when the
/// last that waits is under way, so that more can come before it has left.
const TOLD_AT_ONCE: usize = 4;

/// What a thread needs to send the bodies that wait for one connection.
pub(in crate::conn) struct Run {
    pub(in crate::conn) conn: ConnId,
    pub(in crate::conn) stream: Arc<TcpStream>,
    pub(in crate::conn) outbox: Arc<Outbox>,
    pub(in crate::conn) content: Arc<Content>,
    pub(in crate::conn) source: Arc<dyn Source>,
    pub(in crate::conn) reports: Reports,
    pub(in crate::conn) meter: Arc<Meter>,
}

/// A body, or the rest of one.
struct Unsent {
    /// What has not left of the message's head.
    head: BytesMut,
    range: PieceRange,
    /// Bytes of the body that have left.
    sent: usize,
    /// When it began to leave.
    since: Instant,
}

impl Run {
    /// Sends a body, and those that come to wait behind it. Each is reported once it has left.
    pub(in crate::conn) async fn send(
        self: Arc<Self>,
        head: BytesMut,
        range: PieceRange,
    ) -> Result<(), Failure> {
        let mut left = Some(Unsent::new(head, range));
        while let Some(unsent) = left {
            let run = self.clone();
            left = tokio::task::spawn_blocking(move || run.pass(unsent))
                .await
                .map_err(|_| Ended::GivenUp)??;
            if left.is_some() {
                writable(&self.stream).await?;
            }
        }
        Ok(())
    }

    /// Sends for as long as the socket takes something; reading the file may block. Yields what is
    /// left of the body that is under way.
    fn pass(&self, mut unsent: Unsent) -> Result<Option<Unsent>, Failure> {
        let (mut sent, mut told) = (0, 0);
        let pass = loop {
            match self.body(&mut unsent) {
                Ok(true) => {
                    sent += 1;
                    keep_ahead(&self.stream, unsent.range.len, unsent.since.elapsed());
                }
                Ok(false) => break Ok(Some(unsent)),
                Err(failure) => break Err(failure),
            }
            let Some((head, range, behind)) = self.outbox.next_body() else {
                break Ok(None);
            };
            unsent = Unsent::new(head, range);
            if sent - told == TOLD_AT_ONCE || behind == 0 {
                self.reports.bodies_sent(self.conn, sent - told);
                told = sent;
            }
            if sent >= MOST {
                break Ok(Some(unsent));
            }
        };
        self.reports.bodies_sent(self.conn, sent - told);
        pass
    }

    /// Sends the rest of a body. Returns whether all of it has left.
    fn body(&self, unsent: &mut Unsent) -> Result<bool, Failure> {
        let range = unsent.range;
        let failed = |error| Failure::Source { range, error };
        self.source.unchanged().map_err(failed)?;
        while unsent.sent < range.len as usize {
            let mut some = self.some(unsent);
            if is(&some, io::ErrorKind::WouldBlock) && !self.becomes_writable()? {
                // Through the runtime, so that it learns that the socket is full.
                some = self.stream.try_io(Interest::WRITABLE, || self.some(unsent));
                if is(&some, io::ErrorKind::WouldBlock) {
                    return Ok(false);
                }
            }
            match some {
                Ok(0) => return Err(failed(ends_early())),
                Ok(sent) => _ = self.meter.sent.fetch_add(sent as u64, Ordering::Relaxed),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // What a socket never says comes from the file.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => {
                    return Err(failed(unreadable(error)));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Sends what the socket takes now of a body's head, or behind it of the body.
    fn some(&self, unsent: &mut Unsent) -> io::Result<usize> {
        if !unsent.head.is_empty() {
            // MORE: the kernel keeps the head until the body's first bytes fill the segment.
            let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
            let sent = send(&self.stream, &unsent.head, flags)?;
            unsent.head.advance(sent);
            return Ok(sent);
        }
        let file = self.source.file();
        let file = file.expect("only bodies of a source with a file are sent by a run");
        let at = self.content.layout.offset(unsent.range.piece)
            + u64::from(unsent.range.offset)
            + unsent.sent as u64;
        let left = unsent.range.len as usize - unsent.sent;
        let mut at = self.source.file_offset(at);
        let sent = rustix::fs::sendfile(&self.stream, file, Some(&mut at), left)?;
        unsent.sent += sent;
        Ok(sent)
    }

    /// Waits a moment for the socket. Returns whether it takes something again.
    fn becomes_writable(&self) -> io::Result<bool> {
        let mut sockets = [PollFd::new(&self.stream, PollFlags::OUT)];
        match poll(&mut sockets, Some(&PATIENCE)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

impl Unsent {
    fn new(head: BytesMut, range: PieceRange) -> Self {
        Self {
            head,
            range,
            sent: 0,
            since: Instant::now(),
        }
    }
}

fn is<T>(result: &io::Result<T>, kind: io::ErrorKind) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == kind)
}

fn ends_early() -> StoreError {
    unreadable(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the shared file ends before its content does",
    ))
}

fn unreadable(source: io::Error) -> StoreError {
    StoreError::Io {
        path: "shared file".into(),
        source,
    }
}
