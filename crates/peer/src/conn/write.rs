use std::{
    io::IoSlice,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::BytesMut;
use dolab_content::{PieceRange, Source};
use dolab_engine::{ConnId, Input};

use super::{Ended, Item, Meter, Outbox, upload};
use crate::{
    Stream,
    data::Pool,
    shared::{Content, Report, Reports},
};

/// A connection that takes no byte of what is due to it for so long is closed: it holds an upload
/// slot that another could use. On Linux the kernel finds the same by itself.
pub(super) const WRITE_STALL: Duration = Duration::from_secs(60);

/// How often the engine hears that a body leaves which takes longer than that.
const TOLD_EVERY: Duration = Duration::from_millis(250);

/// The writing half of a connection.
pub(crate) struct Writer<'a> {
    pub(crate) conn: ConnId,
    pub(crate) stream: &'a Stream,
    pub(crate) outbox: &'a Arc<Outbox>,
    pub(crate) content: &'a std::sync::OnceLock<Arc<Content>>,
    pub(crate) reports: &'a Reports,
    pub(crate) pool: &'a Arc<Pool>,
    pub(crate) meter: &'a Arc<Meter>,
}

impl Writer<'_> {
    /// Sends what the actor puts into the outbox, until it says that this was all.
    pub(crate) async fn run(self) -> Ended {
        loop {
            let sent = match self.outbox.next().await {
                Item::Close => return Ended::Finished,
                Item::Handshake(bytes) => self.send(&bytes).await,
                Item::Messages(bytes) => self.send(&bytes).await,
                Item::Body { head, range } => self.send_body(head, range).await,
            };
            let left = match sent {
                Ok(()) => self.flush().await,
                failed => failed,
            };
            if let Err(ended) = left {
                return ended;
            }
        }
    }

    async fn send(&self, mut bytes: &[u8]) -> Result<(), Ended> {
        while !bytes.is_empty() {
            let sent = self
                .stream
                .write(&[IoSlice::new(bytes)], WRITE_STALL)
                .await?;
            let sent = sent.ok_or(Ended::ReadsNothing)?;
            bytes = &bytes[sent..];
            self.meter.sent.fetch_add(sent as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn flush(&self) -> Result<(), Ended> {
        match self.stream.flush(WRITE_STALL).await? {
            true => Ok(()),
            false => Err(Ended::ReadsNothing),
        }
    }

    async fn send_body(&self, head: BytesMut, range: PieceRange) -> Result<(), Ended> {
        let content = self.content.get().ok_or(Ended::GivenUp)?;
        // The engine does not offer what there is no source for.
        let source = content.source.as_ref().ok_or(Ended::GivenUp)?;
        match self
            .tell_progress(self.upload(content, source, head, range))
            .await
        {
            Ok(()) => Ok(()),
            Err(upload::Failure::Net(ended)) => Err(ended),
            Err(upload::Failure::Source { range, error }) => {
                let input = Input::SourceFailed {
                    conn: self.conn,
                    range,
                };
                let (conn, content) = (self.conn, range.content);
                self.reports
                    .send(Report::SourceFailed {
                        conn,
                        input,
                        content,
                        error,
                    })
                    .await;
                Err(Ended::SourceFailed)
            }
        }
    }

    /// Sends a body and reports it; on Linux, from a file to TCP, also those behind it.
    async fn upload(
        &self,
        content: &Arc<Content>,
        source: &Arc<dyn Source>,
        head: BytesMut,
        range: PieceRange,
    ) -> Result<(), upload::Failure> {
        #[cfg(target_os = "linux")]
        if let (Some(_), Some(tcp)) = (source.file(), self.stream.tcp()) {
            let run = upload::Run {
                conn: self.conn,
                stream: tcp.clone(),
                outbox: self.outbox.clone(),
                content: content.clone(),
                source: source.clone(),
                reports: self.reports.clone(),
                meter: self.meter.clone(),
            };
            return Arc::new(run).send(head, range).await;
        }
        let job = upload::Job {
            stream: self.stream,
            source,
            content,
            range,
        };
        job.send(&head, self.pool, self.meter).await?;
        let input = Input::BodySent { conn: self.conn };
        self.reports.input(self.conn, input).await;
        Ok(())
    }

    /// Tells the engine, while a body leaves slowly, that it does leave: who takes little is not
    /// to be taken for one who takes nothing.
    async fn tell_progress<T>(&self, sending: impl Future<Output = T>) -> T {
        let mut sending = std::pin::pin!(sending);
        let mut told = self.meter.sent.load(Ordering::Relaxed);
        loop {
            tokio::select! {
                result = &mut sending => return result,
                () = tokio::time::sleep(TOLD_EVERY) => {
                    let sent = self.meter.sent.load(Ordering::Relaxed);
                    if sent > told {
                        told = sent;
                        let input = Input::SendProgress { conn: self.conn };
                        self.reports.input(self.conn, input).await;
                    }
                }
            }
        }
    }
}

/// Waits until the kernel takes bytes again, but not for ever.
#[cfg(target_os = "linux")]
pub(super) async fn writable(stream: &tokio::net::TcpStream) -> Result<(), Ended> {
    match tokio::time::timeout(WRITE_STALL, stream.writable()).await {
        Ok(ready) => Ok(ready?),
        Err(_) => Err(Ended::ReadsNothing),
    }
}
