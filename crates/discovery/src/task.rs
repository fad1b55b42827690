//! The task that stands between the mDNS daemon's thread and the subscribers.

use std::{
    collections::{BTreeSet, VecDeque},
    future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use if_addrs::{IfAddr, Interface};
use mdns_sd::{DaemonEvent, Receiver, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, sleep_until, timeout},
};

use crate::{
    Announcement, Call, CallRequest, CallTarget, Candidate, DiscoveryConfig, DiscoveryError, Event,
    LabPeer, Source,
    config::SERVICE,
    shared::Shared,
    sightings::{self, instance, is_link_local},
    txt,
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

/// Calls that are remembered as told.
const TOLD_CALLS: usize = 256;

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
    /// Full names under which our announcements went out, in lower case.
    own_names: BTreeSet<String>,
    told_calls: VecDeque<(String, u64)>,
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
            told_calls: VecDeque::new(),
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
        let registered = service_info(&self.config.host, &announcement, calls, self.revision)
            .and_then(|mut info| {
                // A change needs no new probe (RFC 6762, section 8.4), and the daemon would fall
                // silent for its duration.
                info.set_requires_probe(probe);
                Ok(self.daemon.register(info)?)
            });
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
        if let Err(error) = self.daemon.unregister(&fullname(&self.config.host)) {
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
        if self.own_names.insert(fullname.to_lowercase()) {
            let instance = instance(fullname);
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
        let calls = candidate
            .lab()
            .map(|lab| lab.calls.clone())
            .unwrap_or_default();
        let caller = candidate.clone();
        self.shared
            .change(|sightings| sightings.see(&service.fullname, candidate));
        if !calls.is_empty() {
            self.on_calls(&service.fullname, &caller, &calls);
        }
    }

    fn on_calls(&mut self, fullname: &str, from: &Candidate, calls: &[CallRequest]) {
        let here = if_addrs::get_if_addrs().unwrap_or_default();
        for call in calls {
            let told = (fullname.to_lowercase(), call.nonce);
            if !self.is_us(&call.target, &here) || self.told_calls.contains(&told) {
                continue;
            }
            if self.told_calls.len() >= TOLD_CALLS {
                self.told_calls.pop_front();
            }
            self.told_calls.push_back(told);
            let dial = from
                .addrs
                .iter()
                .copied()
                .filter(|addr| is_on_link(addr, &here))
                .collect();
            let call = Call {
                from: from.clone(),
                nonce: call.nonce,
                dial,
            };
            self.shared.tell(Event::Called(call));
        }
    }

    fn is_us(&self, target: &CallTarget, here: &[Interface]) -> bool {
        match target {
            CallTarget::Addr(addr) => here.iter().any(|interface| interface.ip() == *addr),
            CallTarget::Name(name) => {
                let label = name.strip_suffix(".local").unwrap_or(name);
                let is_label = |own: &str| own.eq_ignore_ascii_case(label);
                is_label(&self.config.host)
                    || self.own_names.iter().any(|own| is_label(&instance(own)))
            }
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

/// The record set of an announcement, in the form that Windows hosts use: the instance is the
/// host's name, and SRV has priority and weight 0 (observed).
fn service_info(
    host: &str,
    announcement: &Announcement,
    calls: Vec<CallRequest>,
    revision: u32,
) -> Result<ServiceInfo, DiscoveryError> {
    let lab = LabPeer {
        peer: announcement.peer,
        version: env!("CARGO_PKG_VERSION").into(),
        contents: announcement
            .contents
            .iter()
            .take(txt::MAX_CONTENTS)
            .copied()
            .collect(),
        total: u32::try_from(announcement.contents.len()).unwrap_or(u32::MAX),
        calls,
    };
    let pairs = txt::encode(&lab, revision);
    let label = label(host);
    let server = format!("{label}.local.");
    let info = ServiceInfo::new(
        SERVICE,
        &label,
        &server,
        (),
        announcement.port,
        pairs.as_slice(),
    )
    .map_err(|error| DiscoveryError::Announcement(error.to_string()))?;
    Ok(info.enable_addr_auto())
}

fn fullname(host: &str) -> String {
    format!("{}.{SERVICE}", label(host))
}

/// One DNS label. In lower case, because the daemon finds a name with capitals no more when it has
/// to repeat the announcement.
fn label(host: &str) -> String {
    let clean: String = host
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(57)
        .collect();
    let clean = clean.trim_matches('-');
    if clean.is_empty() {
        "dolab".into()
    } else {
        clean.into()
    }
}

/// Whether an address lies in a network that one of our interfaces is in.
fn is_on_link(addr: &SocketAddr, here: &[Interface]) -> bool {
    here.iter()
        .any(|interface| match (&interface.addr, addr.ip()) {
            (IfAddr::V4(own), IpAddr::V4(ip)) => {
                let mask = u32::from(own.netmask);
                mask != 0 && u32::from(own.ip) & mask == u32::from(ip) & mask
            }
            (IfAddr::V6(_), IpAddr::V6(ip)) if is_link_local(&ip) => true,
            (IfAddr::V6(own), IpAddr::V6(ip)) => {
                let mask = u128::from(own.netmask);
                mask != 0 && u128::from(own.ip) & mask == u128::from(ip) & mask
            }
            (IfAddr::V4(_), IpAddr::V6(_)) | (IfAddr::V6(_), IpAddr::V4(_)) => false,
        })
}
