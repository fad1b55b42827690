use std::{collections::BTreeMap, sync::Arc};

use bytes::BytesMut;
use dolab_content::ContentId;
use dolab_engine::ConnId;
use tokio::sync::OwnedSemaphorePermit;

use super::Lease;
use crate::shared::Content;

/// A piece while it comes in over one connection: which parts of its buffer are still free, and
/// which are filled.
///
/// The buffer is one allocation. Its parts are handed to whoever fills them and put together again,
/// so nothing is copied.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Free parts by offset; empty, with a capacity of just their extent.
    free: BTreeMap<u32, BytesMut>,
    /// Filled parts by offset.
    filled: BTreeMap<u32, BytesMut>,
    /// Bytes that are not there yet.
    missing: usize,
    /// The buffer's end that a short last piece does not need.
    spare: BytesMut,
    // Behind the parts: the lease must outlive them.
    piece: Piece,
}

/// Which piece it is, and what it holds on its way from the socket through the hash to the store.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) conn: ConnId,
    pub(crate) content: Arc<Content>,
    pub(crate) index: u32,
    lease: Lease,
    /// Given back once it is hashed.
    ahead: Option<OwnedSemaphorePermit>,
}

/// Which piece of what, and over which connection it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PieceName {
    pub(crate) conn: ConnId,
    pub(crate) content: ContentId,
    pub(crate) index: u32,
}

/// A piece whose bytes are all there.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: BytesMut,
    spare: BytesMut,
    pub(crate) piece: Piece,
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
        Self {
            free: BTreeMap::from([(0, buffer)]),
            filled: BTreeMap::new(),
            missing: len as usize,
            spare,
            piece: Piece {
                conn,
                content,
                index,
                lease,
                ahead: Some(ahead),
            },
        }
    }

    /// Which piece it is.
    pub(crate) fn index(&self) -> u32 {
        self.piece.index
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

    /// Takes bytes that landed at `offset`, in the part of the buffer that [`Self::take`] gave. The
    /// piece is whole with the last of them.
    pub(crate) fn landed(mut self, offset: u32, bytes: BytesMut) -> Result<Whole, Box<Self>> {
        self.missing -= bytes.len();
        self.filled.insert(offset, bytes);
        if self.missing > 0 {
            return Err(self.into());
        }
        let mut parts = self.filled.into_values();
        let mut bytes = parts.next().unwrap_or_default();
        parts.for_each(|part| bytes.unsplit(part));
        Ok(Whole {
            bytes,
            spare: self.spare,
            piece: self.piece,
        })
    }
}

impl Whole {
    /// Which piece it is.
    pub(crate) fn name(&self) -> PieceName {
        PieceName {
            conn: self.piece.conn,
            content: self.piece.content.id,
            index: self.piece.index,
        }
    }

    /// Lets the connection that it came over read one piece more.
    pub(crate) fn hashed(&mut self) {
        self.piece.ahead = None;
    }

    /// Gives the buffer back to the pool.
    pub(crate) fn release(self) {
        let mut buffer = self.bytes;
        buffer.unsplit(self.spare);
        self.piece.lease.put_back(buffer);
    }
}
