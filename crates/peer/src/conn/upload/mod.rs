//! The bytes of a piece, from the content's source to the socket.
//!
//! A disk may take its time, so every read of a source happens on a thread where that is allowed,
//! also those that the kernel does inside `sendfile`.

#[cfg(target_os = "linux")]
mod sendfile;

use std::{
    io::IoSlice,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use dolab_content::{PieceRange, Source, StoreError};

#[cfg(target_os = "linux")]
pub(super) use sendfile::Run;

use super::{Ended, Meter, write::WRITE_STALL};
use crate::{Stream, data::Pool, shared::Content};

/// Bytes that are read from a source in one go.
pub(crate) const CHUNK: usize = 256 << 10;

/// How long bytes that were read may wait for the socket. A peer that takes longer gets them read
/// again when it is ready, so that peers which read nothing hold no memory,
const HOLD: Duration = Duration::from_secs(1);

/// but for so many bytes, which are offered to the socket until it takes some.
const OFFERED: usize = 1 << 10;

/// One body.
pub(super) struct Job<'a> {
    pub(super) stream: &'a Stream,
    pub(super) source: &'a Arc<dyn Source>,
    pub(super) content: &'a Content,
    pub(super) range: PieceRange,
}

/// Why a body did not leave.
pub(super) enum Failure {
    /// This host could not read it.
    Source {
        /// The body that was to be sent.
        range: PieceRange,
        /// Why it could not be read.
        error: StoreError,
    },
    /// The connection is over.
    Net(Ended),
}

impl<E: Into<Ended>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Net(error.into())
    }
}

impl Job<'_> {
    fn offset(&self) -> u64 {
        self.content.layout.offset(self.range.piece) + u64::from(self.range.offset)
    }

    /// Sends the head of the piece and the body behind it, through a buffer of this process.
    pub(super) async fn send(
        &self,
        head: &[u8],
        pool: &Arc<Pool>,
        meter: &Meter,
    ) -> Result<(), Failure> {
        let (mut head, mut sent, len) = (head, 0, self.range.len as usize);
        #[cfg(target_os = "linux")]
        let since = std::time::Instant::now();
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
            read.map_err(|error| Failure::Source {
                range: self.range,
                error,
            })?;
            let mut taken = 0;
            while taken < want {
                let slices = [IoSlice::new(head), IoSlice::new(&buffer[taken..])];
                let Some(wrote) = self.stream.write(&slices, HOLD).await? else {
                    break;
                };
                taken += left(&mut head, wrote, meter);
            }
            let waiting = &buffer[taken..want.min(taken + OFFERED)];
            let offered: Vec<u8> = [head, waiting].concat();
            lease.put_back(buffer);
            if taken < want {
                let slices = [IoSlice::new(&offered)];
                let wrote = self.stream.write(&slices, WRITE_STALL).await?;
                taken += left(&mut head, wrote.ok_or(Ended::ReadsNothing)?, meter);
            }
            sent += taken;
        }
        #[cfg(target_os = "linux")]
        if let Some(tcp) = self.stream.tcp() {
            crate::net::keep_ahead(tcp, self.range.len, since.elapsed());
        }
        Ok(())
    }
}

/// Notes that so many bytes of a head and a body have left. Returns how many of the body.
fn left(head: &mut &[u8], wrote: usize, meter: &Meter) -> usize {
    meter.sent.fetch_add(wrote as u64, Ordering::Relaxed);
    let of_head = wrote.min(head.len());
    *head = &head[of_head..];
    wrote - of_head
}
