//! The device: one peer, one cache, one cloud, and the accounts of it all.

mod caches;
mod cloud;
mod download;
mod exchange;
mod job;
mod judge;
mod keeper;
mod link;
mod lookup;
mod port;
mod share;
mod usage;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dolab_content::ContentId;
use dolab_discovery::{Discovery, Interfaces, cloud::CloudClient};
use dolab_host::Clock;
use dolab_http::Client;
use dolab_peer::Peer;
use dolab_policy::{
    Group, Policies,
    gates::{Conditions, Transfer, judge as judge_all},
};
use jiff::tz::TimeZone;
use tokio::{sync::Mutex as AsyncMutex, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{caches::Surroundings, cloud::Members, port::Port};
use crate::{
    About, DeviceConfig, DeviceError, Outcome, PinError, State, View,
    book::Book,
    cache::Cache,
    report::{DoConfig, Level, LogEntry, PerfSnap},
    state::{Folder, LogFile},
};

/// A Delivery Optimization device that runs. It stops when it is told to; dropped, it stops without
/// saying goodbye.
#[derive(Debug)]
pub struct Device {
    inner: Arc<Inner>,
    tasks: AsyncMutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Inner {
    policies: Policies,
    clock: Clock,
    group: Group,
    /// What was handed in; `None`: this host is asked.
    conditions: Option<Conditions>,
    proxy: Option<String>,
    patience: Duration,
    folder: Folder,
    cache: Cache,
    log: LogFile,
    book: Mutex<Book>,
    peer: Peer,
    port: Port,
    http: Client,
    cloud: Option<CloudClient>,
    /// Registrations at the cloud, by content.
    members: Mutex<Members>,
    /// Contents that DNS-SD finds peers for.
    wanted: Mutex<BTreeMap<ContentId, String>>,
    discovery: Option<Discovery>,
    surroundings: Surroundings,
    stop: CancellationToken,
    /// One change of the state at a time goes to the disk.
    saving: Mutex<()>,
}

impl Device {
    /// Starts the device: decides the gates, listens if it may, and shares what is in the cache.
    /// Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the state folder is in use or not ours, or the port can not be listened on.
    pub async fn start(config: DeviceConfig) -> Result<Self, DeviceError> {
        Self::build(config, None).await
    }

    /// The same, with a peer that somebody else has started, and will stop. Of the configuration,
    /// what concerns the peer's own listening does not count.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn with_peer(config: DeviceConfig, peer: Peer) -> Result<Self, DeviceError> {
        Self::build(config, Some(peer)).await
    }

    async fn build(config: DeviceConfig, peer: Option<Peer>) -> Result<Self, DeviceError> {
        let folder = Folder::take(&config.state)?;
        let clock = config.http.clock.clone();
        let cache = Cache::new(folder.cache());
        let log = folder.log(clock.clone());
        let zone = TimeZone::system();
        let on = config.discovery.as_ref().map(|it| it.interfaces.clone());
        let surroundings = Surroundings::new(on.unwrap_or(Interfaces::All));
        let mut facts = config.group;
        if facts.dhcp_234.is_none() {
            facts.dhcp_234 = surroundings.group(&config.policies).await;
        }
        let group = config.policies.group(&facts);
        let mut state = match folder.load()? {
            Some(state) => state,
            None => first_state(&config.policies, &clock, &zone),
        };
        let forgotten = cache.tidy(&mut state.files);
        let shown = cache.folder().display().to_string();
        state.config = DoConfig::of(&config.policies, &shown);
        state.monthly_cap = config.policies.monthly_upload_cap().unwrap_or(0);
        state.min_cacheable = config.policies.min_file_size();

        let (peer, port) = match peer {
            Some(peer) => (peer, Port::of_another()),
            None => {
                let mut wished = config.peer;
                let conditions = config.conditions.clone();
                let conditions =
                    conditions.unwrap_or_else(|| dolab_host::conditions(cache.folder()));
                let judgement = judge_all(&config.policies, &conditions, &Transfer::default());
                if !judgement.mode.peers() || !judgement.allowed.to_peers {
                    wished.listen = Vec::new();
                }
                Port::start(wished, config.idle_port_closed).await?
            }
        };
        let cloud = config.cloud.map(|mut cloud| {
            cloud.group.clone_from(&group.id);
            CloudClient::new(cloud)
        });
        let discovery = config
            .discovery
            .and_then(|wished| link::start(wished, &log));
        let inner = Arc::new(Inner {
            policies: config.policies,
            clock,
            group,
            conditions: config.conditions,
            proxy: config.proxy,
            patience: config.patience,
            folder,
            cache,
            log,
            book: Mutex::new(Book::new(state, zone, Instant::now())),
            peer,
            port,
            http: Client::new(config.http),
            cloud,
            members: Mutex::default(),
            wanted: Mutex::default(),
            discovery,
            surroundings,
            stop: CancellationToken::new(),
            saving: Mutex::default(),
        });
        for file in forgotten {
            inner.note(
                Level::Warning,
                format_args!("{} is gone from the cache", file.status.file_id),
            );
        }
        if let Some(why) = inner.surroundings.silence() {
            inner.note(Level::Warning, why);
        }
        inner.announce_gates();
        inner.describe();
        inner.share_cache().await;
        inner.save(true);
        let mut tasks = vec![keeper::start(&inner)];
        tasks.extend(link::follow(&inner));
        Ok(Self {
            inner,
            tasks: AsyncMutex::new(tasks),
        })
    }

    /// The peer that shares and fetches.
    pub fn peer(&self) -> &Peer {
        &self.inner.peer
    }

    /// Where it listens now. Empty where the policies forbid uploads, and while the port of an idle
    /// device is closed.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.inner.port.local_addrs(&self.inner.peer)
    }

    /// How it stands: what another process reads from its state folder, as of now.
    pub fn view(&self) -> View {
        View {
            state: self.inner.book().state.clone(),
            running: true,
        }
    }

    /// Waits until the cloud knows that this device has all of a content, and offers it to others.
    /// `false` when that will not be: there is no cloud, the policies want no peers of it, or the
    /// content is not shared.
    pub async fn is_offered(&self, content: ContentId) -> bool {
        self.inner.known_whole(content).await
    }

    /// Puts a content where its caller wants it: a copy of what is in the cache, the file itself when
    /// it is not kept. A file that is there is replaced, in one step.
    ///
    /// # Errors
    /// What the system says.
    pub fn deliver(&self, outcome: &Outcome, to: &Path) -> std::io::Result<()> {
        let kept = self
            .inner
            .book()
            .file(&outcome.status.file_id)
            .is_some_and(|file| file.is_cached());
        // On one file system nothing is copied.
        if !kept && fs::rename(&outcome.path, to).is_ok() {
            return Ok(());
        }
        let mut beside = to.as_os_str().to_owned();
        beside.push(".new");
        fs::copy(&outcome.path, &beside)?;
        fs::rename(&beside, to)?;
        if kept {
            return Ok(());
        }
        fs::remove_file(&outcome.path)
    }

    /// Keeps a file in the cache for so long, however full that gets.
    ///
    /// # Errors
    /// When it is not in the cache, did not come in a mode with peers, or `how_long` is more than
    /// a year (documented limits).
    pub fn pin(&self, content: ContentId, how_long: Duration) -> Result<(), PinError> {
        if how_long > Self::LONGEST_PIN {
            return Err(PinError::TooLong);
        }
        let mut book = self.inner.book();
        let file = book.file_mut(&content.to_string());
        let file = file
            .filter(|file| file.is_cached() && file.status.download_mode.peers())
            .ok_or(PinError::NotPinnable(content))?;
        file.status.is_pinned = true;
        file.status.expire_on = self.inner.clock.now().checked_add(how_long).ok();
        drop(book);
        self.inner.save(true);
        Ok(())
    }

    /// Longest time that a file can be pinned for: a year (documented).
    pub const LONGEST_PIN: Duration = Duration::from_secs(365 * 86_400);

    /// Stops: leaves the cloud, says goodbye to the link and to all who are connected, and writes
    /// down how it stood.
    pub async fn stop(self) {
        let inner = &self.inner;
        inner.stop.cancel();
        for task in self.tasks.lock().await.drain(..) {
            // A task that panicked has nothing left to say.
            drop(task.await);
        }
        inner.leave_all().await;
        inner.read_all().await;
        {
            let mut book = inner.book();
            let host = book.state.perf.clone();
            book.settle(host, inner.clock.now(), Instant::now());
        }
        inner.describe();
        inner.port.close(&inner.peer).await;
        if let Some(discovery) = &inner.discovery
            && let Err(error) = discovery.withdraw()
        {
            tracing::debug!(%error, "nothing to take back from the link");
        }
        inner.save(true);
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.inner.stop.cancel();
    }
}

impl Inner {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the state down. `forced` waits until the disk has it. A disk that refuses is no reason
    /// to stop: the log says so, and it is tried again.
    fn save(&self, forced: bool) {
        let state = self.book().state.clone();
        let _turn = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.folder.save(&state, forced) {
            tracing::warn!(%error, "the state is not written down");
        }
    }

    /// Adds to the log.
    fn write(&self, entry: &LogEntry) {
        tracing::info!(function = entry.function, "{}", entry.message);
        if let Err(error) = self.log.append(entry) {
            tracing::warn!(%error, "the log misses an entry");
        }
    }

    /// Adds words of our own to the log.
    #[track_caller]
    fn note(&self, level: Level, message: impl std::fmt::Display) {
        self.write(&LogEntry::new(level, "dolab", message));
    }
}

fn first_state(policies: &Policies, clock: &Clock, zone: &TimeZone) -> State {
    let now = clock.now();
    State {
        schema: State::SCHEMA.to_owned(),
        written: now,
        files: Vec::new(),
        perf: PerfSnap::default(),
        month: Book::month(now, zone),
        monthly_cap: 0,
        config: DoConfig::of(policies, ""),
        min_cacheable: 0,
        about: About::default(),
    }
}
