use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A queue for worker threads. It has no bound of its own: what is in it holds a lease of a pool,
/// and that is bounded.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    /// Threads that wait in [`Queue::next`].
    idle: usize,
}

/// What a worker gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    Item(T),
    /// Nothing came in the time allowed.
    Idle,
    /// Nothing will come any more.
    Closed,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        let state = State {
            items: VecDeque::new(),
            closed: false,
            idle: 0,
        };
        Self {
            state: state.into(),
            ready: Condvar::new(),
        }
    }

    /// Adds an item. Returns whether a thread is waiting for it.
    pub(crate) fn push(&self, item: T) -> bool {
        let mut state = self.lock();
        state.items.push_back(item);
        let awaited = state.idle >= state.items.len();
        drop(state);
        self.ready.notify_one();
        awaited
    }

    /// The next item; waits up to `patience` for one.
    pub(crate) fn next(&self, patience: Duration) -> Next<T> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                return Next::Item(item);
            }
            if state.closed {
                return Next::Closed;
            }
            state.idle += 1;
            let (woken, waited) = self
                .ready
                .wait_timeout(state, patience)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.items.is_empty() && !state.closed {
                return Next::Idle;
            }
        }
    }

    /// Lets the workers finish what is there and end.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
