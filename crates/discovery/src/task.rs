//! The task that stands between the mDNS daemon's thread and the subscribers.

use std::{
    collections::BTreeSet,
    future,
    sync::Arc,
    time::{Duration, Instant},
};

use mdns_sd::{DaemonEvent, Receiver, ResolvedService, ServiceDaemon, ServiceEvent};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, sleep_until, timeout},
};

use crate::{
    DiscoveryConfig, DiscoveryError, Event, Source,
    calls::Calls,
    config::SERVICE,
    record,
    shared::Shared,
    sightings::{self, instance},
};

/// How long the interfaces' probes can lie apart: each begins at random within 250 ms (RFC 6762,
/// section 8.1).
const PROBE_SPREAD: Duration = Duration::from_millis(300);

/// The shortest time between two changes of the announcement, so that a burst of them goes out as
/// one.
const UPDATE_PAUSE: Duration = Duration::from_millis(100);

/// The daemon repeats a goodbye after 120 ms, in case that the first is lost.
const GOODBYE_REPEAT: Duration = Duration::from_millis(140);

/// How long the daemon's thread may take to end.
const SHUTDOWN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) enum Command {
    /// What is wanted announced has changed.
    Refresh,
    /// Browse anew.
    Requery,
    /// End, and tell when done.
    Stop(Option<oneshot::Sender<()>>),
}

pub(crate) struct Task {
    daemon: ServiceDaemon,
    config: DiscoveryConfig,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedReceiver<Command>,
    browse: Receiver<ServiceEvent>,
    monitor: Receiver<DaemonEvent>,
    registration: Registration,
    /// Instances under which our announcements went out.
    own_names: BTreeSet<String>,
    calls: Calls,
    /// Counts the forms that our record had.
    revision: u32,
}

/// How far our announcement is.
enum Registration {
    None,
    /// Registered, and what changes meanwhile waits: until the daemon has made sure that the name
    /// is free, since it would probe anew, and then for a moment after each change.
    Settling {
        stale: bool,
        until: Option<Instant>,
    },
    /// The name is ours, a change goes out at once.
    Settled,
}

impl Task {
    pub(crate) fn new(
        daemon: ServiceDaemon,
        config: DiscoveryConfig,
        shared: Arc<Shared>,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Result<Self, DiscoveryError> {
        let monitor = daemon.monitor()?;
        let browse = daemon.browse(SERVICE)?;
        Ok(Self {
            daemon,
            config,
            shared,
            commands,
            browse,
            monitor,
            registration: Registration::None,
            own_names: BTreeSet::new(),
            calls: Calls::default(),
            revision: 0,
        })
    }

    pub(crate) async fn run(mut self) {
        let done = loop {
            let wake = self.next_wake();
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Refresh) => self.refresh(),
                    Some(Command::Requery) => self.requery(),
                    Some(Command::Stop(done)) => break done,
                    None => break None,
                },
                event = self.browse.recv_async() => match event {
                    Ok(event) => self.on_service(event),
                    // The daemon drops a subscriber that is a thousand events behind.
                    Err(_) if self.daemon.status().is_ok() => self.requery(),
                    Err(_) => break None,
                },
                event = self.monitor.recv_async() => match event {
                    Ok(event) => self.on_daemon(event),
                    Err(_) => break None,
                },
                () = wake => self.on_time(),
            }
        };
        self.end().await;
        if let Some(done) = done {
            // Who asked may have gone.
            let _ = done.send(());
        }
    }

    fn next_wake(&self) -> impl Future<Output = ()> + use<> {
        let calls = self
            .shared
            .own()
            .calls
            .iter()
            .map(|(_, until)| *until)
            .min();
        let settled = match self.registration {
            Registration::Settling { until, .. } => until,
            Registration::None | Registration::Settled => None,
        };
        let at = calls.into_iter().chain(settled).min();
        async move {
            match at {
                Some(at) => sleep_until(at.into()).await,
                None => future::pending().await,
            }
        }
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        if let Registration::Settling {
            stale,
            until: Some(until),
        } = self.registration
            && until <= now
        {
            self.registration = Registration::Settled;
            if stale {
                self.refresh();
            }
        }
        let mut own = self.shared.own();
        let before = own.calls.len();
        own.calls.retain(|(_, until)| *until > now);
        let expired = own.calls.len() < before;
        drop(own);
        if expired {
            self.refresh();
        }
    }

    /// Brings the daemon's registration in line with what is wanted.
    fn refresh(&mut self) {
        let own = self.shared.own().clone();
        let Some(announcement) = own.announcement else {
            return self.withdraw();
        };
        let probe = match &mut self.registration {
            Registration::Settling { stale, .. } => {
                *stale = true;
                return;
            }
            Registration::None => true,
            Registration::Settled => false,
        };
        self.revision += 1;
        let calls = own.calls.into_iter().map(|(call, _)| call).collect();
        let registered =
            record::service_info(&self.config.host, &announcement, calls, self.revision).and_then(
                |mut info| {
                    // A change needs no new probe (RFC 6762, section 8.4), and the daemon would fall
                    // silent for its duration.
                    info.set_requires_probe(probe);
                    Ok(self.daemon.register(info)?)
                },
            );
        match registered {
            Ok(()) => {
                let until = (!probe).then(|| Instant::now() + UPDATE_PAUSE);
                self.registration = Registration::Settling {
                    stale: false,
                    until,
                };
            }
            Err(error) => tracing::warn!(%error, "dns-sd: the announcement failed"),
        }
    }

    fn withdraw(&mut self) {
        if matches!(self.registration, Registration::None) {
            return;
        }
        self.registration = Registration::None;
        if let Err(error) = self.daemon.unregister(&record::fullname(&self.config.host)) {
            tracing::debug!(%error, "dns-sd: withdrawing failed");
        }
    }

    fn requery(&mut self) {
        match self.daemon.browse(SERVICE) {
            Ok(browse) => self.browse = browse,
            Err(error) => tracing::debug!(%error, "dns-sd: asking again failed"),
        }
    }

    fn on_daemon(&mut self, event: DaemonEvent) {
        match event {
            DaemonEvent::Announce(fullname, _) => self.on_announced(&fullname),
            DaemonEvent::NameChange(change) => {
                tracing::info!(
                    from = ?change.original, to = ?change.new_name, interface = change.intf_name,
                    "dns-sd: another host has this name"
                );
            }
            DaemonEvent::Error(error) => tracing::warn!(%error, "dns-sd"),
            DaemonEvent::IpAdd(_) | DaemonEvent::IpDel(_) | DaemonEvent::Respond(_) | _ => {}
        }
    }

    fn on_announced(&mut self, fullname: &str) {
        if let Registration::Settling {
            until: until @ None,
            ..
        } = &mut self.registration
        {
            *until = Some(Instant::now() + PROBE_SPREAD);
        }
        let instance = instance(fullname);
        if self.own_names.insert(instance.clone()) {
            tracing::info!(?instance, "dns-sd: announced");
            self.shared.tell(Event::Announced { instance });
        }
    }

    fn on_service(&mut self, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(service) => self.on_resolved(&service),
            ServiceEvent::ServiceRemoved(_, fullname) => {
                self.shared
                    .change(|sightings| sightings.lose(Source::DnsSd, &fullname));
            }
            ServiceEvent::SearchStarted(_)
            | ServiceEvent::ServiceFound(..)
            | ServiceEvent::SearchStopped(_)
            | _ => {}
        }
    }

    fn on_resolved(&mut self, service: &ResolvedService) {
        let candidate = sightings::candidate(service, &self.config.interfaces, Instant::now());
        let own_peer = self.shared.own().announcement.as_ref().map(|own| own.peer);
        if candidate
            .lab()
            .is_some_and(|lab| Some(lab.peer) == own_peer)
        {
            return;
        }
        tracing::debug!(name = candidate.name, addrs = ?candidate.addrs, "dns-sd: seen");
        let label = record::label(&self.config.host);
        let mut names = vec![self.config.host.as_str(), &label];
        names.extend(self.own_names.iter().map(String::as_str));
        let calls = self.calls.for_us(&service.fullname, &candidate, &names);
        self.shared
            .change(|sightings| sightings.see(&service.fullname, candidate));
        for call in calls {
            self.shared.tell(Event::Called(call));
        }
    }

    async fn end(mut self) {
        if !matches!(self.registration, Registration::None) {
            self.withdraw();
            sleep(GOODBYE_REPEAT).await;
        }
        if let Ok(ended) = self.daemon.shutdown() {
            // A thread that hangs must not keep the program from ending.
            let _ = timeout(SHUTDOWN, ended.recv_async()).await;
        }
        self.shared.close();
    }
}
