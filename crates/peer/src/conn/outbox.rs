use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::BytesMut;
use dolab_content::PieceRange;
use dolab_wire::swarm::{HANDSHAKE_LEN, Handshake, Head};
use tokio::sync::Notify;

/// Bytes of messages without bodies that may wait for one connection: 28,000 haves. A peer that
/// reads so little that more collect is not worth its memory.
const MAX_BYTES: usize = 256 << 10;

/// Bodies that may wait for one connection. The engine keeps them below; this is the belt.
const MAX_BODIES: usize = 1024;

/// What is to leave on a connection, in order. Filled by the actor, which never waits; emptied by
/// the connection's task.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    bodies: usize,
    closing: bool,
}

/// Something to send.
#[derive(Debug)]
pub(crate) enum Item {
    /// The handshake, which leaves in a segment of its own.
    Handshake([u8; HANDSHAKE_LEN]),
    /// Messages without bodies, one behind the other.
    Messages(BytesMut),
    /// The head of a piece, and its body.
    Body { head: BytesMut, range: PieceRange },
    /// Nothing any more.
    Close,
}

/// The peer reads too slowly for what it makes us say.
#[derive(Debug)]
pub(crate) struct Overflow;

impl Outbox {
    pub(crate) fn handshake(&self, handshake: &Handshake) {
        self.lock()
            .items
            .push_back(Item::Handshake(handshake.encode()));
        self.wake.notify_one();
    }

    pub(crate) fn message(&self, head: &Head) -> Result<(), Overflow> {
        let mut state = self.lock();
        let before = state.bytes;
        if !matches!(state.items.back(), Some(Item::Messages(_))) {
            state.items.push_back(Item::Messages(BytesMut::new()));
        }
        if let Some(Item::Messages(bytes)) = state.items.back_mut() {
            let len = bytes.len();
            head.encode(bytes);
            let added = bytes.len() - len;
            state.bytes += added;
        }
        // A bitfield alone may be larger than the limit; it is not the peer's doing.
        if before > 0 && state.bytes > MAX_BYTES {
            return Err(Overflow);
        }
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    pub(crate) fn body(&self, head: &Head, range: PieceRange) -> Result<(), Overflow> {
        let mut state = self.lock();
        if state.bodies >= MAX_BODIES {
            return Err(Overflow);
        }
        state.bodies += 1;
        let mut bytes = BytesMut::with_capacity(16);
        head.encode(&mut bytes);
        state.items.push_back(Item::Body { head: bytes, range });
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Lets the connection end once everything before has left.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }

    /// The next thing to send; waits for one.
    pub(crate) async fn next(&self) -> Item {
        loop {
            let woken = self.wake.notified();
            if let Some(item) = self.lock().take() {
                return item;
            }
            woken.await;
        }
    }

    /// The next thing to send, if it is a body and there is one now; and how many wait behind it.
    #[cfg(target_os = "linux")]
    pub(crate) fn next_body(&self) -> Option<(BytesMut, PieceRange, usize)> {
        let mut state = self.lock();
        match state.items.front() {
            Some(Item::Body { .. }) => match state.take() {
                Some(Item::Body { head, range }) => Some((head, range, state.bodies)),
                _ => None,
            },
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) -> Option<Item> {
        let item = self.items.pop_front();
        match &item {
            Some(Item::Messages(bytes)) => self.bytes -= bytes.len(),
            Some(Item::Body { .. }) => self.bodies -= 1,
            Some(Item::Handshake(_) | Item::Close) => {}
            None => return self.closing.then_some(Item::Close),
        }
        item
    }
}
