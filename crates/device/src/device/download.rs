//! One download, from the question to the file in the cache.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use dolab_content::{Existing, PiecesHashFile, Store, StoreError};
use dolab_peer::{Download, PeerType, Rules, Sources, TransferError};
use dolab_policy::{Name, Origin, Priority};
use dolab_wire::{DoCode, DownloadMode};
use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use super::{Device, Inner, exchange, job, job::Job, lookup::Known};
use crate::{
    Outcome, Request, SourceReport,
    book::Reading,
    error::DownloadError,
    report::{ByClass, CompletionTrace, FileStatus, Level, LogEntry, StartTrace, Status, Trace},
    simple::{self, PlainError, Progress},
    state::{Account, Entry, State, Trouble, TroubleKind},
};

/// What came, and what it took.
struct Fetched {
    /// Bytes that were there before.
    local_cache: u64,
    sources: Vec<SourceReport>,
    /// Bytes in the file.
    length: u64,
}

impl Device {
    /// Downloads a content into the cache, by the policies and conditions of this device.
    ///
    /// What an earlier run left of it is used. Dropping the future stops the waiting, not the
    /// download: [`Device::stop`] does.
    ///
    /// # Errors
    /// When a gate is shut, no source has the content, or this host can not keep it. Each says whose
    /// fault it is, and has Delivery Optimization's code where there is one.
    ///
    /// # Panics
    /// Where the download itself did.
    pub async fn download(&self, request: Request) -> Result<Outcome, DownloadError> {
        let inner = Arc::clone(&self.inner);
        let download = tokio::spawn(async move { inner.download(&request).await });
        match download.await {
            Ok(downloaded) => downloaded,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(DownloadError::Stopped),
        }
    }
}

impl Inner {
    async fn download(self: &Arc<Self>, request: &Request) -> Result<Outcome, DownloadError> {
        let job = Job::new();
        let known = self.look_up(request).await?;
        self.trace_start(&job, request, &known);
        let downloaded = self.run(request, &known, &job).await;
        if let Err(error) = &downloaded {
            let text = format!("{}: {error}", known.file_id);
            let entry = LogEntry::new(Level::Error, CompletionTrace::FUNCTION, text);
            self.write(&match error.do_code() {
                Some(code) => entry.coded(code),
                None => entry,
            });
            let trouble = Trouble::new(TroubleKind::of(error), error.do_code(), error);
            let ended = |account: &mut Account| account.ended = Some(trouble);
            self.book().account(&known.file_id, ended);
            self.pause(&known).await;
        }
        downloaded
    }

    async fn run(
        self: &Arc<Self>,
        request: &Request,
        known: &Known,
        job: &Job,
    ) -> Result<Outcome, DownloadError> {
        if let Some(outcome) = self.cached(known, job) {
            return Ok(outcome);
        }
        self.write_down(request, known)?;
        let fetched = match &known.hashes {
            Some(hashes) => self.fetch(request, known, hashes).await?,
            None => self.fetch_plain(known, request.priority).await?,
        };
        Ok(self.complete(request, known, job, fetched).await)
    }

    /// What is in the cache already.
    fn cached(&self, known: &Known, job: &Job) -> Option<Outcome> {
        let book = self.book();
        let file = book.file(&known.file_id).filter(|file| file.is_cached())?;
        let status = file.status.clone();
        drop(book);
        let local_cache = status.file_size;
        self.note(
            Level::Info,
            format_args!("{}: in the cache already", known.file_id),
        );
        Some(self.outcome(status, known, job, local_cache, Vec::new()))
    }

    fn outcome(
        &self,
        status: FileStatus,
        known: &Known,
        job: &Job,
        local_cache: u64,
        sources: Vec<SourceReport>,
    ) -> Outcome {
        Outcome {
            path: self.cache.path(&known.file_id),
            status,
            mode: known.judgement.mode,
            judgement: known.judgement.clone(),
            reason: known.reason,
            sources,
            local_cache,
            elapsed: job.began.elapsed(),
        }
    }

    /// Writes the file down as one that is on its way.
    fn write_down(&self, request: &Request, known: &Known) -> Result<(), DownloadError> {
        let mut book = self.book();
        let before = book.file(&known.file_id).cloned();
        if before
            .as_ref()
            .is_some_and(|file| file.status.status == Status::Downloading)
        {
            return Err(DownloadError::Busy(known.file_id.clone()));
        }
        let size = known.hashes.as_ref().map(|it| it.layout().length());
        // What an earlier run brought and paid for stays in the account.
        let paused = before.filter(|file| file.status.status == Status::Paused);
        let paused = paused.map(|file| file.status);
        let status = FileStatus {
            file_id: known.file_id.clone(),
            file_size: size.or(request.size).unwrap_or(0),
            file_size_in_cache: 0,
            status: Status::Downloading,
            foreground: request.priority == Priority::Foreground,
            from: paused.as_ref().map(|it| it.from).unwrap_or_default(),
            to: paused.as_ref().map(|it| it.to).unwrap_or_default(),
            download_duration: paused.map_or(Duration::ZERO, |it| it.download_duration),
            connections: ByClass::default(),
            download_mode: known.judgement.mode,
            source_url: known.urls.first().cloned().unwrap_or_default(),
            cache_host: known.caches.first().map(|(_, host)| host.clone()),
            num_peers: 0,
            predefined_caller_application: request.caller.clone(),
            expire_on: None,
            is_pinned: false,
        };
        book.put(Entry {
            status,
            content: known.hashes.as_ref().map(|it| it.id()),
            name: request.name.clone(),
            since: self.clock.now(),
            peers: Vec::new(),
            account: Account {
                asked: Some(self.clock.now()),
                reason: known.reason,
                gates: Account::gates_of(&known.judgement.decisions),
                lookup: known.trouble.clone(),
                caches: known
                    .caches
                    .iter()
                    .map(|(how, host)| format!("{how}{host}"))
                    .collect(),
                ..Account::default()
            },
        });
        book.begin(&known.file_id, Instant::now());
        drop(book);
        self.save(false);
        Ok(())
    }

    /// Fetches piece by piece, from every source that the mode allows.
    async fn fetch(
        self: &Arc<Self>,
        request: &Request,
        known: &Known,
        hashes: &Arc<PiecesHashFile>,
    ) -> Result<Fetched, DownloadError> {
        let (content, layout) = (hashes.id(), hashes.layout());
        if self.is_shareable(known) && !self.make_room(0).await {
            return Err(DownloadError::NoRoom {
                needed: layout.length(),
                folder: self.cache.folder().to_owned(),
            });
        }
        let store = self.open(known, hashes).await?;
        let have = store.pieces();
        let local_cache = have.iter().filter_map(|piece| layout.piece_len(piece));
        let local_cache = local_cache.map(u64::from).sum();
        let judgement = &known.judgement;
        let rules = self.rules(request, known);
        let patience = rules.delay_http + rules.delay_cdn + self.patience;
        let (peers, priority) = (rules.peers, request.priority);
        let download = Download {
            name: request.name.clone(),
            hashes: Arc::clone(hashes),
            have,
            sink: Arc::clone(&store) as Arc<_>,
            source: judgement
                .allowed
                .to_peers
                .then(|| Arc::clone(&store) as Arc<_>),
            priority,
            sources: Some(Sources {
                urls: known.urls.clone(),
                cache_hosts: known.caches.iter().map(|(_, host)| host.clone()).collect(),
                rules,
            }),
        };
        self.peer.limit(self.limits(judgement)).await;
        let transfer = self.peer.download(download).await;
        let transfer = transfer.map_err(|error| DownloadError::Http {
            why: error.to_string(),
            code: None,
        })?;
        if peers {
            self.wanted().insert(content, known.file_id.clone());
            let endpoints = known.endpoints.clone();
            self.register(content, &known.file_id, judgement.mode, priority, endpoints);
            self.announce();
            self.look_around().await;
        }
        let end = self.wait(known, &transfer, patience).await;
        self.wanted().remove(&content);
        self.book().give_up_on(&known.file_id, Instant::now());
        self.read_all().await;
        end?;
        self.finish(&store).await?;
        Ok(Fetched {
            local_cache,
            sources: exchange::sources(&transfer.progress()),
            length: layout.length(),
        })
    }

    /// Waits until the last piece is kept, or nothing has come for too long.
    async fn wait(
        &self,
        known: &Known,
        transfer: &dolab_peer::Transfer,
        patience: Duration,
    ) -> Result<(), DownloadError> {
        let mut tick = interval(State::PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = (0, Instant::now());
        loop {
            tokio::select! {
                end = transfer.finished() => return end.map(drop).map_err(not_whole),
                () = self.stop.cancelled() => return Err(DownloadError::Stopped),
                _ = tick.tick() => {}
            }
            let bytes = transfer.progress().bytes;
            if let Some(file) = self.book().file_mut(&known.file_id) {
                file.status.file_size_in_cache = bytes;
            }
            if bytes != seen.0 {
                seen = (bytes, Instant::now());
            } else if seen.1.elapsed() > patience {
                return Err(DownloadError::NoSource {
                    why: format!("nothing came for {} s", patience.as_secs()),
                    code: DoCode::NO_PROGRESS,
                });
            }
        }
    }

    /// Opens the file in the cache, with the hashes beside it.
    async fn open(
        &self,
        known: &Known,
        hashes: &Arc<PiecesHashFile>,
    ) -> Result<Arc<Store>, DownloadError> {
        let (cache, path) = (self.cache.clone(), self.cache.path(&known.file_id));
        let hashes = Arc::clone(hashes);
        let opened = blocking(move || {
            // A file that nobody knows of any more, such as one that was never delivered.
            if path.exists() {
                cache.remove(&hashes.id().to_string());
            }
            cache
                .keep_hashes(&hashes)
                .map_err(|source| StoreError::Io {
                    path: path.clone(),
                    source,
                })?;
            Store::open(path, hashes, Existing::Keep)
        });
        let opened = opened.await.map(Arc::new);
        opened.map_err(|error| DownloadError::Disk(Arc::new(error)))
    }

    async fn finish(&self, store: &Arc<Store>) -> Result<(), DownloadError> {
        let store = Arc::clone(store);
        let finished = blocking(move || store.finish()).await;
        finished.map_err(|error| DownloadError::Disk(Arc::new(error)))
    }

    /// Fetches the whole over HTTP: nothing tells what its pieces have to be.
    async fn fetch_plain(
        &self,
        known: &Known,
        priority: Priority,
    ) -> Result<Fetched, DownloadError> {
        let place = self.cache.plain(&known.file_id);
        let progress = Progress::default();
        let pacer = self.peer.pacer(priority);
        let fetched = simple::fetch(&self.http, &pacer, &known.urls, &place, &progress);
        let mut fetched = std::pin::pin!(fetched);
        let mut tick = interval(State::PERIOD);
        let plain = loop {
            tokio::select! {
                plain = &mut fetched => break plain,
                () = self.stop.cancelled() => return Err(DownloadError::Stopped),
                _ = tick.tick() => self.read_plain(known, &progress, 1),
            }
        };
        let plain = plain.map_err(|error| match error {
            PlainError::Http(error) => DownloadError::Http {
                why: error.to_string(),
                code: error.do_code(),
            },
            PlainError::Disk { path, source } => {
                DownloadError::Disk(Arc::new(StoreError::Io { path, source }))
            }
        })?;
        self.read_plain(known, &progress, 0);
        Ok(Fetched {
            local_cache: progress.left(),
            sources: vec![SourceReport {
                source: plain.remote.to_string(),
                kind: PeerType::Cdn,
                bytes: progress.came(),
                pieces: 0,
                bad_pieces: 0,
            }],
            length: plain.length,
        })
    }

    fn read_plain(&self, known: &Known, progress: &Progress, connections: u32) {
        let mut reading = Reading::default();
        reading.from.cdn = progress.came();
        reading.connections.cdn = connections;
        let mut book = self.book();
        if let Some(file) = book.file_mut(&known.file_id) {
            file.status.file_size = file.status.file_size.max(progress.length());
            file.status.file_size_in_cache = progress.have();
        }
        book.read(&known.file_id, &reading, Instant::now());
    }

    /// Writes the file down as whole, goes on sharing it where that is allowed, and says so in the
    /// log.
    async fn complete(
        self: &Arc<Self>,
        request: &Request,
        known: &Known,
        job: &Job,
        fetched: Fetched,
    ) -> Outcome {
        let Fetched {
            local_cache,
            sources,
            length,
        } = fetched;
        let shared = self.is_shareable(known) && self.make_room(0).await;
        let now = self.clock.now();
        let (status, ever) = {
            let mut book = self.book();
            // A connection that came and went between two looks is known by what it sent.
            let mut sent = ByClass::<u32>::default();
            for source in sources.iter().filter(|it| it.bytes > 0) {
                sent.add(source.kind, 1);
            }
            let ever = book.ever(&known.file_id).at_least(&sent);
            if let Some(file) = book.file_mut(&known.file_id) {
                file.since = now;
                file.account.whole = Some(now);
                let status = &mut file.status;
                status.file_size = length;
                status.download_duration = status.download_duration.max(job.began.elapsed());
                if shared {
                    status.status = Status::Caching;
                    status.file_size_in_cache = length;
                    status.expire_on = self.expires(known, now);
                } else {
                    status.status = Status::Complete;
                    status.file_size_in_cache = 0;
                }
            }
            let status = book.file(&known.file_id).map(|file| file.status.clone());
            (status.expect("it was written down"), ever)
        };
        if let (false, Some(hashes)) = (shared, &known.hashes) {
            self.unregister(hashes.id()).await;
            self.peer.remove(hashes.id()).await;
        }
        self.describe();
        self.save(true);
        self.tell_cloud();
        self.announce();
        let trace = self.completion(request, known, job, &status, &ever, &sources, local_cache);
        self.write(&LogEntry::of(Trace::Completion(Box::new(trace))));
        self.outcome(status, known, job, local_cache, sources)
    }

    /// Whether the file goes into the cache and is shared: it has hashes, and peers may take part.
    fn is_shareable(&self, known: &Known) -> bool {
        let judgement = &known.judgement;
        known.hashes.is_some() && judgement.mode.peers() && judgement.allowed.from_peers
    }

    /// When a file leaves the cache: by the policy's age, by the content's, and at the latest when the
    /// content itself is over. The smallest counts (assumed).
    fn expires(&self, known: &Known, now: Timestamp) -> Option<Timestamp> {
        let ages = [
            self.policies.max_cache_age(),
            known.values.max_cache_age_secs.map(Duration::from_secs),
        ];
        // A policy that somebody set comes before the cloud's default for the content.
        let set = matches!(
            self.policies.effective(Name::MaxCacheAge).origin,
            Origin::Set { .. }
        );
        let age = if set {
            ages[0]
        } else {
            ages.into_iter().flatten().min()
        };
        let by_age = age.and_then(|age| now.checked_add(age).ok());
        let end = known.values.expire_at_secs_since_epoch;
        let end = end.and_then(|end| Timestamp::from_second(i64::try_from(end).ok()?).ok());
        [by_age, end].into_iter().flatten().min()
    }

    /// Stops what did not become whole. What came stays, for the next try.
    async fn pause(&self, known: &Known) {
        if let Some(hashes) = &known.hashes {
            self.unregister(hashes.id()).await;
            self.read_all().await;
            self.peer.remove(hashes.id()).await;
        }
        let mut book = self.book();
        if let Some(file) = book.file_mut(&known.file_id)
            && file.status.status == Status::Downloading
        {
            file.status.status = Status::Paused;
            file.status.connections = ByClass::default();
        }
        drop(book);
        self.save(true);
    }

    /// How sources are mixed, by the policies and by what the cloud says of the content.
    fn rules(&self, request: &Request, known: &Known) -> Rules {
        let (policies, judgement) = (&self.policies, &known.judgement);
        let set = matches!(
            policies.effective(Name::MinBackgroundQos).origin,
            Origin::Set { .. }
        );
        let floor = match request.priority {
            Priority::Foreground => known
                .values
                .foreground_qos_bps
                .unwrap_or(Rules::FOREGROUND_FLOOR),
            Priority::Background => match known.values.background_qos_bps {
                Some(floor) if !set => floor,
                _ => policies.min_background_qos(),
            },
        };
        Rules {
            peers: judgement.mode.peers() && judgement.allowed.from_peers,
            delay_http: policies.delay_from_http(request.priority),
            delay_cdn: policies.delay_cache_fallback(request.priority),
            floor: Some(floor),
            strangers: strangers(judgement.mode),
            ..Rules::new(request.priority)
        }
    }

    fn trace_start(&self, job: &Job, request: &Request, known: &Known) {
        let judgement = &known.judgement;
        let trace = StartTrace {
            hr: 0,
            job_id: job.id.clone(),
            file_id: known.file_id.clone(),
            session_id: job.session.clone(),
            cdn_url: known.urls.first().cloned().unwrap_or_default(),
            cache_host: cache_host(known),
            bytes: known.hashes.as_ref().map_or(0, |it| it.layout().length()),
            group_id: self.shown_group(judgement.mode),
            background: request.priority == Priority::Background,
            download_mode: judgement.mode,
            download_mode_src: self.mode_source(judgement.mode),
            reason: known.reason.map_or(0, |code| code.0),
            client_version: env!("CARGO_PKG_VERSION").to_owned(),
            device_profile: dolab_wire::cloud::PROFILE,
            vpn: is_vpn(known),
            encrypted: false,
            set_configs: job::set_configs(&self.policies),
        };
        self.write(&LogEntry::of(Trace::Start(Box::new(trace))));
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the trace says all there is to say of a download"
    )]
    fn completion(
        &self,
        request: &Request,
        known: &Known,
        job: &Job,
        status: &FileStatus,
        ever: &ByClass<u32>,
        sources: &[SourceReport],
        local_cache: u64,
    ) -> CompletionTrace {
        let mode = known.judgement.mode;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let time_ms = millis(status.download_duration).max(1);
        let rate = |bytes: u64| (u128::from(bytes) * 8000 / u128::from(time_ms)) as u64;
        let book = self.book();
        let file = book.file(&known.file_id);
        let peers = file.map(|file| file.peers.as_slice()).unwrap_or_default();
        let local = peers
            .iter()
            .filter(|peer| matches!(peer.peer_type, PeerType::Lan | PeerType::LinkLocal));
        let cdn = sources.iter().find(|it| it.kind == PeerType::Cdn);
        CompletionTrace {
            job_id: job.id.clone(),
            file_id: known.file_id.clone(),
            session_id: job.session.clone(),
            update_id: String::new(),
            caller: request.caller.clone(),
            cdn_url: known.urls.first().cloned().unwrap_or_default(),
            cdn_ip: cdn.and_then(|it| address(&it.source)),
            cache_host: cache_host(known),
            file_bytes: status.file_size,
            bytes: status.from,
            rledbat: 0,
            local_cache,
            requested: status.file_size.saturating_sub(local_cache),
            sources: sources.iter().filter(|it| it.bytes > 0).count() as u32,
            peers: status.num_peers,
            local_peers: local.count() as u32,
            conns: *ever,
            down_bps: 0,
            up_bps: 0,
            down_usage_bps: rate(status.from.total()),
            up_usage_bps: rate(status.to.total()),
            time_ms,
            session_time_ms: millis(job.began.elapsed()),
            group_id: self.shown_group(mode),
            background: request.priority == Priority::Background,
            upload_restr: self.upload_restriction(known),
            download_mode: mode,
            download_mode_src: self.mode_source(mode),
            download_mode_reason: known.reason.map_or(0, |code| code.0),
            vpn: is_vpn(known),
            encrypted: false,
            expire_at: status.expire_on,
            throttled: false,
        }
    }

    fn shown_group(&self, mode: DownloadMode) -> String {
        let group = self.group.id.clone();
        group
            .filter(|_| mode == DownloadMode::Group)
            .unwrap_or_default()
    }

    /// Who chose the mode: the policy's provider, or the device itself.
    fn mode_source(&self, mode: DownloadMode) -> String {
        if mode == self.policies.download_mode() {
            let origin = &self.policies.effective(Name::DownloadMode).origin;
            origin.provider().name().to_owned()
        } else {
            "Device".to_owned()
        }
    }

    /// The code of what keeps this device from uploading; 0 when nothing does.
    fn upload_restriction(&self, known: &Known) -> u32 {
        let allowed = known.judgement.allowed;
        if allowed.to_peers && allowed.to_internet_peers {
            return 0;
        }
        let upload = |it: &&dolab_policy::gates::Decision| {
            it.blocks.iter().any(|what| {
                matches!(
                    what,
                    dolab_policy::gates::Use::ToPeers | dolab_policy::gates::Use::ToInternetPeers
                )
            })
        };
        let mut shut = known.judgement.closed().filter(upload);
        shut.find_map(|it| it.code).map_or(1, |code| code.0)
    }

    fn wanted(&self) -> std::sync::MutexGuard<'_, BTreeMap<dolab_content::ContentId, String>> {
        self.wanted
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What a peer counts as that nobody offered, and that is in no subnet of this device.
pub(super) fn strangers(mode: DownloadMode) -> PeerType {
    match mode {
        DownloadMode::Group => PeerType::Group,
        DownloadMode::Internet => PeerType::Internet,
        DownloadMode::CdnOnly | DownloadMode::Lan | DownloadMode::Simple | DownloadMode::Bypass => {
            PeerType::Lan
        }
    }
}

/// The Connected Cache as the traces show it, with how it was found.
fn cache_host(known: &Known) -> String {
    known
        .caches
        .first()
        .map(|(how, host)| format!("{how}{host}"))
        .unwrap_or_default()
}

fn is_vpn(known: &Known) -> bool {
    let gate = known.judgement.gate(dolab_policy::gates::Gate::Vpn);
    gate.verdict == dolab_policy::gates::Verdict::Closed
}

/// The address in a source's name, with or without a port.
fn address(source: &str) -> Option<std::net::IpAddr> {
    let with_port = source.parse::<std::net::SocketAddr>().map(|it| it.ip());
    with_port.or_else(|_| source.parse()).ok()
}

fn not_whole(error: TransferError) -> DownloadError {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other ends are the sources'"
    )]
    match error {
        TransferError::Store { error, .. } => DownloadError::Disk(error),
        TransferError::Removed | TransferError::Stopped => DownloadError::Stopped,
        error => DownloadError::NoSource {
            why: error.to_string(),
            code: error.do_code().unwrap_or(DoCode::NO_PROGRESS),
        },
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .expect("the cache does not panic")
}
