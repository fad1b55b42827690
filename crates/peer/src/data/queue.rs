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
    enough: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    /// Threads that wait in [`Queue::next`].
    idle: usize,
    /// Items that a thread in [`Queue::fill`] waits for; 0 when none does.
    wanted: usize,
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
            wanted: 0,
        };
        Self {
            state: state.into(),
            ready: Condvar::new(),
            enough: Condvar::new(),
        }
    }

    /// Adds an item. Returns whether a thread is waiting for it.
    pub(crate) fn push(&self, item: T) -> bool {
        let mut state = self.lock();
        state.items.push_back(item);
        let awaited = state.idle >= state.items.len();
        // Nobody is woken for less than what it waits for: a wake-up costs more than an item.
        let (idle, enough) = (state.idle > 0, state.items.len() == state.wanted);
        drop(state);
        if idle {
            self.ready.notify_one();
        }
        if enough {
            self.enough.notify_all();
        }
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

    /// Adds to `batch` until it holds `most`. Waits up to `patience` until that many are there, and
    /// then takes what there is.
    pub(crate) fn fill(&self, batch: &mut Vec<T>, most: usize, patience: Duration) {
        let wanted = most.saturating_sub(batch.len());
        let mut state = self.lock();
        if state.items.len() < wanted && !patience.is_zero() {
            state.wanted = wanted;
            let short = |state: &mut State<T>| state.items.len() < wanted && !state.closed;
            let (woken, _) = self
                .enough
                .wait_timeout_while(state, patience, short)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.wanted = 0;
        }
        let taken = wanted.min(state.items.len());
        batch.extend(state.items.drain(..taken));
    }

    /// Lets the workers finish what is there and end.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
        self.enough.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
