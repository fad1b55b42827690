use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::BytesMut;
use dolab_content::ContentId;
use tokio::sync::oneshot;

/// Buffers, bounded by the bytes that are allocated for all of them together, and shared among
/// contents so that none can take what the others need.
///
/// A content gets a buffer while it holds less than three times of what is free (the dynamic threshold
/// of shared-memory switches): alone it may fill three quarters, and however many contents are stuck
/// behind slow disks, there is always something left for the next one. Who has to wait is served
/// in the order of asking.
#[derive(Debug)]
pub(crate) struct Pool {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes in leases.
    used: usize,
    /// Bytes in leases, by content. Only contents that hold any.
    held: BTreeMap<ContentId, usize>,
    /// Buffers ready for use, the one whose memory is most likely cached last.
    free: Vec<BytesMut>,
    waiting: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    content: ContentId,
    size: usize,
    grant: oneshot::Sender<Lease>,
}

/// The right to a buffer, and the buffer until it is taken. The bytes count until this is dropped,
/// so it has to live as long as any part of the buffer.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    content: ContentId,
    size: usize,
    buffer: Option<BytesMut>,
}

impl Pool {
    /// A pool of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            state: Mutex::default(),
        })
    }

    /// A buffer of at least `size` bytes, at most the pool's limit. Waits until it may be had.
    pub(crate) async fn lease(self: &Arc<Self>, content: ContentId, size: usize) -> Lease {
        let granted = {
            let mut state = self.lock();
            if state.waiting.is_empty() && state.may_have(content, size, self.limit) {
                return self.grant(&mut state, content, size);
            }
            let (grant, granted) = oneshot::channel();
            state.waiting.push_back(Waiter {
                content,
                size,
                grant,
            });
            // Those before this one may wait for their own content only.
            self.serve(state);
            granted
        };
        granted
            .await
            .expect("a waiter leaves the queue only by its grant, and the pool is held here")
    }

    /// Whether anyone waits for a buffer.
    pub(crate) fn contended(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Bytes in use now.
    pub(crate) fn used(&self) -> usize {
        self.lock().used
    }

    /// Hands out what may be had now.
    fn serve(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let mut granted = Vec::new();
        let mut at = 0;
        while let Some(waiter) = state.waiting.get(at) {
            if waiter.grant.is_closed() {
                state.waiting.remove(at);
            } else if state.may_have(waiter.content, waiter.size, self.limit) {
                let waiter = state.waiting.remove(at).expect("it was just looked at");
                let lease = self.grant(&mut state, waiter.content, waiter.size);
                granted.push((waiter.grant, lease));
            } else if waiter.size > self.limit - state.used {
                // No room at all. A smaller wish must not overtake it for ever.
                break;
            } else {
                at += 1;
            }
        }
        drop(state);
        for (grant, lease) in granted {
            // The receiver may be gone by now; the lease then comes back through its drop.
            drop(grant.send(lease));
        }
    }

    fn grant(self: &Arc<Self>, state: &mut State, content: ContentId, size: usize) -> Lease {
        state.used += size;
        *state.held.entry(content).or_default() += size;
        let fits = |buffer: &BytesMut| buffer.capacity() >= size && buffer.capacity() / 2 <= size;
        let buffer = match state.free.iter().rposition(fits) {
            Some(at) => state.free.remove(at),
            None => BytesMut::with_capacity(size),
        };
        state.trim(self.limit);
        Lease {
            pool: self.clone(),
            content,
            size,
            buffer: Some(buffer),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_have(&self, content: ContentId, size: usize, limit: usize) -> bool {
        let free = limit - self.used;
        let held = self.held.get(&content).copied().unwrap_or(0);
        size <= free && (held == 0 || held + size <= 3 * (free - size))
    }

    /// Lets go of idle buffers that would take the sum over the limit.
    fn trim(&mut self, limit: usize) {
        let mut idle: usize = self.free.iter().map(BytesMut::capacity).sum();
        while self.used + idle > limit && !self.free.is_empty() {
            idle -= self.free.remove(0).capacity();
        }
    }
}

impl Lease {
    /// The buffer, once. What it holds is left over from its last use.
    pub(crate) fn take(&mut self) -> BytesMut {
        self.buffer.take().expect("a lease's buffer is taken once")
    }

    /// Gives the whole buffer back for the next use.
    pub(crate) fn put_back(mut self, buffer: BytesMut) {
        self.buffer = Some(buffer);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.used -= self.size;
        if let Some(held) = state.held.get_mut(&self.content) {
            *held -= self.size;
            if *held == 0 {
                state.held.remove(&self.content);
            }
        }
        if let Some(buffer) = self
            .buffer
            .take()
            .filter(|buffer| buffer.capacity() >= self.size)
        {
            state.free.push(buffer);
            state.trim(self.pool.limit);
        }
        if !state.waiting.is_empty() {
            self.pool.serve(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KIB: usize = 1024;

    fn content(n: u8) -> ContentId {
        ContentId([n; 32])
    }

    /// All that a content gets at once.
    async fn fill(pool: &Arc<Pool>, content: ContentId, size: usize) -> Vec<Lease> {
        let mut leases = Vec::new();
        while let Ok(lease) = tokio::time::timeout(Duration::ZERO, pool.lease(content, size)).await
        {
            leases.push(lease);
        }
        leases
    }

    #[tokio::test]
    async fn no_number_of_stuck_contents_takes_everything() {
        let pool = Pool::new(26 * KIB);
        let mut stuck = Vec::new();
        for n in 0..4 {
            let leases = fill(&pool, content(n), KIB).await;
            assert!(!leases.is_empty(), "content {n} got nothing");
            stuck.push(leases);
        }
        assert!(
            stuck[0].len() >= 13,
            "one alone gets most of it: {}",
            stuck[0].len()
        );
        assert!(pool.used() <= 26 * KIB);
        drop(stuck);
        assert_eq!(pool.used(), 0);
    }

    #[tokio::test]
    async fn waiters_are_served_in_order_and_cancelled_ones_forgotten() {
        let pool = Pool::new(2 * KIB);
        let first = pool.lease(content(1), 2 * KIB).await;
        let cancelled = tokio::time::timeout(Duration::ZERO, pool.lease(content(2), KIB)).await;
        assert!(cancelled.is_err());
        assert!(pool.contended());
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.lease(content(3), 2 * KIB).await }
        });
        tokio::task::yield_now().await;
        drop(first);
        let lease = waiting.await.unwrap();
        assert_eq!(pool.used(), 2 * KIB);
        drop(lease);
        assert!(!pool.contended());
        assert_eq!(pool.used(), 0);
    }

    #[tokio::test]
    async fn memory_is_reused_and_never_above_the_limit() {
        let pool = Pool::new(4 * KIB);
        let mut lease = pool.lease(content(1), KIB).await;
        let buffer = lease.take();
        let at = buffer.as_ptr();
        lease.put_back(buffer);
        let mut again = pool.lease(content(1), KIB).await;
        let buffer = again.take();
        assert_eq!(buffer.as_ptr(), at);
        again.put_back(buffer);
        // The idle kilobyte has to go before four others come.
        let large = pool.lease(content(1), 4 * KIB).await;
        let state = pool.lock();
        assert_eq!(state.used, 4 * KIB);
        assert!(state.free.is_empty());
        drop(state);
        drop(large);
    }
}
