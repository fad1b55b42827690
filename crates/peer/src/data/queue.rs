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
    /// Threads that wait for an item that they may take.
    idle: usize,
    /// Items that a thread in [`Queue::batches`] collects; 0 when none does.
    wanted: usize,
    /// Threads that have a batch.
    working: usize,
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
            working: 0,
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
        let collected = state.wanted > 0;
        let (idle, enough) = (state.idle > 0, state.items.len() == state.wanted);
        drop(state);
        if enough {
            self.enough.notify_all();
        } else if idle && !collected {
            self.ready.notify_one();
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

    /// Lets `work` have the items, up to `most` at a time, until the queue is closed and empty. Waits
    /// for the first of them, and then until there are `most`, or until none has come for as long as
    /// `patience` and no other thread is at work: while one is, those that are missing are most
    /// likely held up by it.
    ///
    /// One thread collects at a time. Two that shared what comes would get half a batch each.
    pub(crate) fn batches(
        &self,
        most: usize,
        patience: Duration,
        mut work: impl FnMut(&mut Vec<T>),
    ) {
        let mut batch = Vec::with_capacity(most);
        while let Some(state) = self.first() {
            let mut state = self.collect(state, most, patience);
            let taken = most.min(state.items.len());
            batch.extend(state.items.drain(..taken));
            state.working += 1;
            // Whoever waited while this thread collected.
            let (more, closed) = (!state.items.is_empty() && state.idle > 0, state.closed);
            drop(state);
            if closed {
                self.ready.notify_all();
            } else if more {
                self.ready.notify_one();
            }
            work(&mut batch);
            self.lock().working -= 1;
        }
    }

    /// Waits for an item that no other thread collects.
    fn first(&self) -> Option<MutexGuard<'_, State<T>>> {
        let mut state = self.lock();
        while state.wanted > 0 || state.items.is_empty() {
            if state.closed && state.items.is_empty() {
                return None;
            }
            state.idle += 1;
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
        Some(state)
    }

    fn collect<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<T>>,
        most: usize,
        patience: Duration,
    ) -> MutexGuard<'a, State<T>> {
        let mut seen = 0;
        while !state.closed
            && state.items.len() < most
            && (state.items.len() > seen || state.working > 0)
        {
            seen = state.items.len();
            state.wanted = most;
            let short = |state: &mut State<T>| state.items.len() < most && !state.closed;
            let (woken, _) = self
                .enough
                .wait_timeout_while(state, patience, short)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.wanted = 0;
        }
        state
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
