//! What the handle and the task both see.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::broadcast;

use crate::{
    Announcement, CallRequest, Candidate, DiscoveryError, Event, sightings::Sightings, txt,
};

/// Events that a subscriber may be behind.
const BACKLOG: usize = 1024;

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    own: Mutex<Own>,
}

#[derive(Debug)]
struct State {
    sightings: Sightings,
    /// `None` once discovery has stopped.
    news: Option<broadcast::Sender<Event>>,
}

/// What this host wants announced.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    pub(crate) announcement: Option<Announcement>,
    /// Calls that wait for an answer, and when to give up.
    pub(crate) calls: Vec<(CallRequest, Instant)>,
}

impl Shared {
    pub(crate) fn new(max_candidates: usize) -> Self {
        let sightings = Sightings::new(max_candidates);
        let news = Some(broadcast::Sender::new(BACKLOG));
        Self {
            state: Mutex::new(State { sightings, news }),
            own: Mutex::default(),
        }
    }

    pub(crate) fn subscribe(&self) -> (VecDeque<Event>, Option<broadcast::Receiver<Event>>) {
        let state = self.state();
        let known = state.sightings.all().cloned().map(Event::Found).collect();
        (known, state.news.as_ref().map(broadcast::Sender::subscribe))
    }

    pub(crate) fn sightings(&self) -> Vec<Candidate> {
        self.state().sightings.all().cloned().collect()
    }

    /// Applies a change and tells its events, so that no subscriber sees one without the other.
    pub(crate) fn change<I>(&self, change: impl FnOnce(&mut Sightings) -> I)
    where
        I: IntoIterator<Item = Event>,
    {
        let mut state = self.state();
        let events = change(&mut state.sightings);
        if let Some(news) = &state.news {
            // Without subscribers nobody needs to know.
            events.into_iter().for_each(|event| drop(news.send(event)));
        }
    }

    pub(crate) fn tell(&self, event: Event) {
        self.change(|_| [event]);
    }

    pub(crate) fn close(&self) {
        self.state().news = None;
    }

    pub(crate) fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Own {
    pub(crate) fn add_call(
        &mut self,
        call: CallRequest,
        until: Instant,
    ) -> Result<(), DiscoveryError> {
        if self.announcement.is_none() {
            return Err(DiscoveryError::NotAnnounced);
        }
        if self.calls.len() >= txt::MAX_CALLS {
            return Err(DiscoveryError::TooManyCalls);
        }
        self.calls.push((call, until));
        Ok(())
    }
}
