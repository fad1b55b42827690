use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::BytesMut;
use dolab_content::PieceHasher;
use dolab_engine::ConnId;

use super::{Lease, hash::Hashers};
use tokio::sync::OwnedSemaphorePermit;

use crate::{Verify, shared::Content};

/// A piece while it comes in over one connection: which parts of its buffer are still free, and
/// which came before their turn.
///
/// The buffer is one allocation. Its parts are handed to whoever works on them and put together
/// again in order, so nothing is copied and the hash runs behind the bytes as they arrive.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Free parts by offset; empty, with a capacity of just their extent.
    free: BTreeMap<u32, BytesMut>,
    /// Filled parts whose turn to be hashed has not come.
    early: BTreeMap<u32, BytesMut>,
    /// Offset that the hash needs next.
    next: u32,
    /// Behind the parts: it holds the lease, which must outlive them.
    job: Arc<Piece>,
}

/// A piece on its way from the socket through the hash to the store.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) conn: ConnId,
    pub(crate) content: Arc<Content>,
    pub(crate) index: u32,
    len: usize,
    work: Mutex<Work>,
}

#[derive(Debug, Default)]
struct Work {
    /// Landed, not hashed.
    landed: BytesMut,
    /// Hashed, from the piece's start on.
    hashed: BytesMut,
    hasher: Option<PieceHasher>,
    /// The buffer's end that a short last piece does not need.
    spare: BytesMut,
    lease: Option<Lease>,
    /// Until the hash is there.
    ahead: Option<OwnedSemaphorePermit>,
    /// Whether a hash thread has it or is about to.
    queued: bool,
}

/// A piece whose bytes are all there, and their hash.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) piece: Arc<Piece>,
    pub(crate) hash: [u8; 32],
    pub(crate) bytes: BytesMut,
    spare: BytesMut,
    lease: Lease,
}

impl Incoming {
    /// Starts a piece of `len` bytes in a leased buffer. `ahead` is given back once it is hashed.
    pub(crate) fn new(
        conn: ConnId,
        content: Arc<Content>,
        index: u32,
        len: u32,
        mut lease: Lease,
        ahead: OwnedSemaphorePermit,
    ) -> Self {
        let mut buffer = lease.take();
        buffer.clear();
        let spare = buffer.split_off(len as usize);
        let work = Work {
            hasher: Some(PieceHasher::new()),
            spare,
            lease: Some(lease),
            ahead: Some(ahead),
            ..Work::default()
        };
        Self {
            free: BTreeMap::from([(0, buffer)]),
            early: BTreeMap::new(),
            next: 0,
            job: Arc::new(Piece {
                conn,
                content,
                index,
                len: len as usize,
                work: work.into(),
            }),
        }
    }

    /// Which piece it is.
    pub(crate) fn index(&self) -> u32 {
        self.job.index
    }

    /// The free part of the buffer for a block; `None` when some of it is taken already or lies
    /// behind the end.
    pub(crate) fn take(&mut self, offset: u32, len: u32) -> Option<BytesMut> {
        let (&start, extent) = self.free.range_mut(..=offset).next_back()?;
        let skip = (offset - start) as usize;
        let end = skip.checked_add(len as usize)?;
        if end > extent.capacity() {
            return None;
        }
        let mut block = extent.split_off(skip);
        let rest = block.split_off(len as usize);
        if skip == 0 {
            self.free.remove(&start);
        }
        if rest.capacity() > 0 {
            self.free.insert(offset + len, rest);
        }
        Some(block)
    }

    /// Takes bytes that landed at `offset`, wholly filled. True when they were the last.
    pub(crate) fn landed(&mut self, offset: u32, bytes: BytesMut, hashers: &Hashers) -> bool {
        if offset != self.next {
            self.early.insert(offset, bytes);
            return false;
        }
        let mut run = bytes;
        self.next += run.len() as u32;
        while let Some(more) = self.early.remove(&self.next) {
            self.next += more.len() as u32;
            run.unsplit(more);
        }
        let mut work = self.job.lock();
        work.landed.unsplit(run);
        if !work.queued {
            work.queued = true;
            hashers.push(self.job.clone());
        }
        self.next as usize == self.job.len
    }
}

impl Piece {
    /// Hashes what has landed. Yields the piece once all of it has.
    pub(crate) fn hash_landed(self: &Arc<Self>) -> Option<Whole> {
        loop {
            let (part, mut hasher) = {
                let mut work = self.lock();
                if work.landed.is_empty() {
                    work.queued = false;
                    if work.hashed.len() < self.len {
                        return None;
                    }
                    let work = std::mem::take(&mut *work);
                    drop(work.ahead);
                    return Some(Whole {
                        hash: work.hasher.expect("only this thread takes it").finish(),
                        bytes: work.hashed,
                        spare: work.spare,
                        lease: work.lease.expect("a piece is whole once"),
                        piece: self.clone(),
                    });
                }
                let part = std::mem::take(&mut work.landed);
                (part, work.hasher.take().expect("only this thread takes it"))
            };
            if self.content.measurement.verify == Verify::On {
                hasher.update(&part);
            }
            let mut work = self.lock();
            work.hashed.unsplit(part);
            work.hasher = Some(hasher);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Whole {
    /// Whether the hash is the one in the pieces hash file.
    pub(crate) fn is_good(&self) -> bool {
        if self.piece.content.measurement.verify == Verify::Off {
            return true;
        }
        self.piece.content.hashes.hash(self.piece.index) == Some(&self.hash)
    }

    /// Gives the buffer back to the pool.
    pub(crate) fn release(self) {
        let mut buffer = self.bytes;
        buffer.unsplit(self.spare);
        self.lease.put_back(buffer);
    }
}
