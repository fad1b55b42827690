//! The bytes of a piece, from the content's source to the socket.
//!
//! A disk may take its time, so every read of a source happens on a thread where that is allowed,
//! also those that the kernel does inside `sendfile`.

use std::{
    io::{self, IoSlice},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use dolab_content::{PieceRange, Source, StoreError};
use tokio::net::TcpStream;

use super::{Ended, Meter, write::writable};
use crate::{
    data::{Lease, Pool},
    shared::Content,
};

/// Bytes that are read from a source in one go.
pub(crate) const CHUNK: usize = 256 << 10;

/// How long bytes that were read may wait for the socket. A peer that takes longer gets them read
/// again when it is ready, so that peers which read nothing hold no memory.
const HOLD: Duration = Duration::from_secs(1);

/// One body.
pub(super) struct Job<'a> {
    pub(super) stream: &'a Arc<TcpStream>,
    pub(super) source: &'a Arc<dyn Source>,
    pub(super) content: &'a Content,
    pub(super) range: PieceRange,
}

/// Why a body did not leave.
pub(super) enum Failure {
    /// This host could not read it.
    Source(StoreError),
    /// The connection is over.
    Net(Ended),
}

impl<E: Into<Ended>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Net(error.into())
    }
}

impl Job<'_> {
    /// Sends the head of the piece and the body behind it.
    pub(super) async fn send(
        &self,
        head: &[u8],
        pool: &Arc<Pool>,
        meter: &Meter,
    ) -> Result<(), Failure> {
        #[cfg(target_os = "linux")]
        if self.source.file().is_some() {
            return self.send_file(head, meter).await;
        }
        self.send_read(head, pool, meter).await
    }

    fn offset(&self) -> u64 {
        self.content.layout.offset(self.range.piece) + u64::from(self.range.offset)
    }

    /// From the page cache to the socket without passing through this process.
    #[cfg(target_os = "linux")]
    async fn send_file(&self, head: &[u8], meter: &Meter) -> Result<(), Failure> {
        let (mut head_sent, mut body_sent) = (0, 0);
        loop {
            let (stream, source) = (self.stream.clone(), self.source.clone());
            let head = bytes::Bytes::copy_from_slice(&head[head_sent..]);
            let offset = source.file_offset(self.offset() + body_sent as u64);
            let len = self.range.len as usize - body_sent;
            let pass = move || sendfile::pass(&stream, &*source, &head, offset, len);
            let pass = tokio::task::spawn_blocking(pass)
                .await
                .map_err(|_| Ended::GivenUp)??;
            head_sent += pass.head;
            body_sent += pass.body;
            meter
                .sent
                .fetch_add((pass.head + pass.body) as u64, Ordering::Relaxed);
            if body_sent == self.range.len as usize {
                return Ok(());
            }
            writable(self.stream).await?;
        }
    }

    /// Through a buffer of this process.
    async fn send_read(&self, head: &[u8], pool: &Arc<Pool>, meter: &Meter) -> Result<(), Failure> {
        let (mut head, mut sent, len) = (head, 0, self.range.len as usize);
        while sent < len {
            let mut lease = pool.lease(self.content.id, CHUNK).await;
            let mut buffer = lease.take();
            let (source, offset) = (self.source.clone(), self.offset() + sent as u64);
            let want = CHUNK.min(len - sent);
            let read = tokio::task::spawn_blocking(move || {
                buffer.resize(want, 0);
                let read = source.read_at(offset, &mut buffer);
                (buffer, read)
            });
            let (buffer, read) = read.await.map_err(|_| Ended::GivenUp)?;
            read.map_err(Failure::Source)?;
            let before = sent;
            while sent - before < want {
                let slices = [IoSlice::new(head), IoSlice::new(&buffer[sent - before..])];
                match self.stream.try_write_vectored(&slices) {
                    Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                    Ok(wrote) => {
                        meter.sent.fetch_add(wrote as u64, Ordering::Relaxed);
                        let of_head = wrote.min(head.len());
                        head = &head[of_head..];
                        sent += wrote - of_head;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        let ready = tokio::time::timeout(HOLD, self.stream.writable()).await;
                        let Ok(ready) = ready else { break };
                        ready?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let waiting = sent - before < want;
            release(lease, buffer);
            if waiting {
                writable(self.stream).await?;
            }
        }
        Ok(())
    }
}

fn release(lease: Lease, buffer: bytes::BytesMut) {
    lease.put_back(buffer);
}

#[cfg(target_os = "linux")]
mod sendfile {
    use std::io;

    use dolab_content::{Source, StoreError};
    use rustix::{
        io::Errno,
        net::{SendFlags, send},
    };
    use tokio::{io::Interest, net::TcpStream};

    use super::Failure;

    /// What one pass sent.
    #[derive(Default)]
    pub(super) struct Pass {
        pub(super) head: usize,
        pub(super) body: usize,
    }

    /// Sends as much as the socket takes now. Reading the file may block.
    pub(super) fn pass(
        stream: &TcpStream,
        source: &dyn Source,
        head: &[u8],
        offset: u64,
        len: usize,
    ) -> Result<Pass, Failure> {
        source.unchanged().map_err(Failure::Source)?;
        let file = source.file().expect("only sources with a file come here");
        let mut pass = Pass::default();
        while pass.head < head.len() {
            // MORE: the kernel keeps the head until the body's first bytes fill the segment.
            let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
            let sent = stream.try_io(Interest::WRITABLE, || {
                Ok(send(stream, &head[pass.head..], flags)?)
            });
            match sent {
                Ok(sent) => pass.head += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(pass),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut offset = offset;
        while pass.body < len {
            let sent = stream.try_io(Interest::WRITABLE, || {
                let left = len - pass.body;
                Ok(rustix::fs::sendfile(stream, file, Some(&mut offset), left)?)
            });
            match sent {
                Ok(0) => return Err(Failure::Source(ends_before(offset))),
                Ok(sent) => pass.body += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(pass),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What a socket never says comes from the file.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => {
                    return Err(Failure::Source(unreadable(error)));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(pass)
    }

    fn ends_before(offset: u64) -> StoreError {
        unreadable(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("the shared file ends at offset {offset}, before its content does"),
        ))
    }

    fn unreadable(source: io::Error) -> StoreError {
        StoreError::Io {
            path: "shared file".into(),
            source,
        }
    }
}
