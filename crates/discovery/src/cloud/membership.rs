use std::{
    collections::VecDeque,
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use dolab_wire::cloud::{Discovered, Join, Leave, REGISTRATION_SECS};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{CloudClient, CloudError, ContentName, Endpoints, offers::Offers};
use crate::Event;

/// Something that happened to a membership.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CloudEvent {
    /// The device is registered, or its registration was renewed.
    Joined {
        /// Devices in the answer: what Windows calls NumPeers.
        offered: usize,
        /// When it is renewed.
        again_in: Duration,
        /// Bytes that it still misses, as the cloud was just told. With none left, it is one that
        /// others can have all of it from.
        left: u64,
    },
    /// Geo and key-value were asked again, because their version changed or a service did not
    /// answer before.
    Learned(Box<Endpoints>),
    /// Something about a device that the cloud offers.
    Peer(Box<Event>),
    /// The cloud could not be asked. It is asked again; what it offered before stays.
    Failed(Arc<CloudError>),
}

/// A device that is registered for a content, for as long as this is kept: it joins again whenever
/// the cloud wants it to, and at once when it has all of the content. Each time that it is due, it
/// asks first whether what geo said still holds, and begins anew where it does not. Dropped, it
/// leaves in the background; [`Self::leave`] waits for that.
#[derive(Debug)]
pub struct Membership {
    state: watch::Sender<State>,
    events: mpsc::Receiver<CloudEvent>,
    task: JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct State {
    join: Join,
    stop: bool,
}

/// Events that may wait to be read.
const BACKLOG: usize = 4096;
/// How long the last word to the cloud may take.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// First and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// Shortest and longest interval that a cloud may ask for.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), LIFETIME);
const LIFETIME: Duration = Duration::from_secs(REGISTRATION_SECS);

impl Membership {
    /// Registers a device. Which content it is, `join` says. The first event tells whether it worked.
    ///
    /// Must be called within a tokio runtime.
    pub fn start(client: CloudClient, endpoints: Endpoints, join: Join) -> Self {
        let (state, changes) = watch::channel(State { join, stop: false });
        let (events, receiver) = mpsc::channel(1);
        let member = Member {
            client,
            endpoints: Some(endpoints),
            array: None,
            offers: Offers::default(),
            waiting: VecDeque::new(),
        };
        Self {
            state,
            events: receiver,
            task: tokio::spawn(member.run(changes, events)),
        }
    }

    /// The next event; `None` when the membership has ended. Safe to cancel. Who falls 4,096
    /// events behind gets [`Event::Found`] for all devices that are known then, in place of what was
    /// missed.
    pub async fn next(&mut self) -> Option<CloudEvent> {
        self.events.recv().await
    }

    /// Changes what the device says of itself from the next join on. One that has just become
    /// complete says so at once, for then it is wanted; any other change waits for its turn.
    pub fn update(&self, change: impl FnOnce(&mut Join)) {
        self.state.send_modify(|state| change(&mut state.join));
    }

    /// Leaves, and waits until the cloud knows or 2 seconds have passed.
    pub async fn leave(mut self) {
        self.state.send_modify(|state| state.stop = true);
        // Nobody reads on: what waits must not keep the task from ending.
        self.events.close();
        // It panics only if the task did, which has nothing left to clean up.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.state.send_modify(|state| state.stop = true);
    }
}

/// The task's side.
struct Member {
    client: CloudClient,
    /// Forgotten when a service does not answer: another one may have taken its place.
    endpoints: Option<Endpoints>,
    array: Option<Discovered>,
    offers: Offers,
    waiting: VecDeque<CloudEvent>,
}

/// Why a wait ended.
enum Woken {
    Due,
    Complete,
    Stop,
}

impl Member {
    async fn run(mut self, mut changes: watch::Receiver<State>, events: mpsc::Sender<CloudEvent>) {
        let mut pause = PAUSES.0;
        let mut seq = 0;
        let mut renews = false;
        loop {
            let mut join = changes.borrow_and_update().join.clone();
            join.seq = seq;
            seq += 1;
            let round = async {
                if renews {
                    self.look_for_news(&join).await;
                }
                self.join(&join).await
            };
            let joined = tokio::select! {
                joined = round => joined,
                () = stopped(&mut changes) => break,
            };
            let wait = match joined {
                Ok(wait) => {
                    pause = PAUSES.0;
                    wait
                }
                Err(error) => {
                    (self.endpoints, self.array) = (None, None);
                    self.waiting.push_back(CloudEvent::Failed(Arc::new(error)));
                    let wait = pause;
                    pause = (pause * 2).min(PAUSES.1);
                    wait
                }
            };
            let was_complete = join.left == 0;
            match self.wait(wait, was_complete, &mut changes, &events).await {
                Woken::Due => renews = true,
                // Others wait for it: it is said at once.
                Woken::Complete => renews = false,
                Woken::Stop => break,
            }
        }
        let join = changes.borrow().join.clone();
        self.leave(&join).await;
    }

    /// Forgets what geo said where it holds no more, and leaves the array that this led to.
    async fn look_for_news(&mut self, join: &Join) {
        let Some(endpoints) = &self.endpoints else {
            return;
        };
        match self.client.is_current(&endpoints.geo).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::debug!("geo has something new to say");
                self.leave(join).await;
                (self.endpoints, self.array) = (None, None);
            }
            // Whether the cloud answers at all, the join will tell.
            Err(error) => tracing::debug!(%error, "whether geo has news is not known"),
        }
    }

    /// One round: asks whatever is not known, joins, and notes what is to tell.
    async fn join(&mut self, join: &Join) -> Result<Duration, CloudError> {
        let endpoints = match &self.endpoints {
            Some(endpoints) => endpoints,
            None => {
                let learned = self.client.learn().await?;
                let told = CloudEvent::Learned(Box::new(learned.clone()));
                self.waiting.push_back(told);
                self.endpoints.insert(learned)
            }
        };
        let array = match &self.array {
            Some(array) => array,
            None => {
                let content = ContentName {
                    id: join.content_id.clone(),
                    url: join.alt_catalog_id.clone(),
                };
                let array = self.client.array(endpoints, &content).await?;
                self.array.insert(array)
            }
        };
        let joined = self.client.join(array, join).await?;
        let again_in = joined.interval.clamp(INTERVALS.0, INTERVALS.1);
        self.waiting.push_back(CloudEvent::Joined {
            offered: joined.peers.len(),
            again_in,
            left: join.left,
        });
        let mut news = self.offers.take(&joined.peers, Instant::now(), LIFETIME);
        if self.waiting.len() + news.len() > BACKLOG {
            self.waiting.clear();
            news = self.offers.all();
        }
        self.waiting.extend(
            news.into_iter()
                .map(|event| CloudEvent::Peer(Box::new(event))),
        );
        Ok(again_in)
    }

    /// Waits for the next round, and tells what there is to tell meanwhile.
    async fn wait(
        &mut self,
        wait: Duration,
        was_complete: bool,
        changes: &mut watch::Receiver<State>,
        events: &mpsc::Sender<CloudEvent>,
    ) -> Woken {
        let due = sleep(wait);
        tokio::pin!(due);
        loop {
            // Looked at each time: what changed while the cloud was asked wakes nobody any more.
            {
                let state = changes.borrow_and_update();
                if state.stop {
                    return Woken::Stop;
                }
                if state.join.left == 0 && !was_complete {
                    return Woken::Complete;
                }
            }
            let room = async {
                match self.waiting.is_empty() {
                    true => pending().await,
                    false => events.reserve().await,
                }
            };
            tokio::select! {
                room = room => match (room, self.waiting.pop_front()) {
                    (Ok(room), Some(event)) => room.send(event),
                    _ => return Woken::Stop,
                },
                changed = changes.changed() => if changed.is_err() {
                    return Woken::Stop;
                },
                () = &mut due => return Woken::Due,
            }
        }
    }

    /// The last word to an array. A device that never got as far as an array has nothing to take back.
    async fn leave(&self, join: &Join) {
        let Some(array) = &self.array else { return };
        let leave = Leave {
            content_id: join.content_id.clone(),
            alt_catalog_id: join.alt_catalog_id.clone(),
            peer_id: join.peer_id,
        };
        match timeout(LEAVE_TIMEOUT, self.client.leave(array, &leave)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the cloud was not told that we leave"),
            Err(_) => tracing::debug!("the cloud did not hear in time that we leave"),
        }
    }
}

async fn stopped(changes: &mut watch::Receiver<State>) {
    // An error says that the membership was dropped.
    let _ = changes.wait_for(|state| state.stop).await;
}
