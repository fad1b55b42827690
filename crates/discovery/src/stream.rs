use std::{collections::VecDeque, sync::Arc};

use tokio::sync::broadcast::{self, error::RecvError};

use crate::{Event, shared::Shared};

/// A subscription to what is found: see [`Discovery::candidates`](crate::Discovery::candidates).
///
/// It begins with an [`Event::Found`] for each candidate that is known already. Who falls 1,024
/// events behind gets [`Event::Found`] for all that are there then, in place of what was missed.
#[derive(Debug)]
pub struct Candidates {
    shared: Arc<Shared>,
    known: VecDeque<Event>,
    news: Option<broadcast::Receiver<Event>>,
}

impl Candidates {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let (known, news) = shared.subscribe();
        Self {
            shared,
            known,
            news,
        }
    }

    /// The next event, or `None` once discovery was stopped. Safe to cancel.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.known.pop_front() {
                return Some(event);
            }
            match self.news.as_mut()?.recv().await {
                Ok(event) => return Some(event),
                Err(RecvError::Lagged(_)) => (self.known, self.news) = self.shared.subscribe(),
                Err(RecvError::Closed) => self.news = None,
            }
        }
    }
}
