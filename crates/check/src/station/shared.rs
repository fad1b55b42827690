use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dolab_content::ContentId;
use dolab_discovery::{Announcement, Discovery};
use dolab_peer::Peer;
use dolab_wire::session::{Hello, PortState};
use tokio::sync::{broadcast, oneshot, watch};

use super::{
    ListenerState, StationConfig,
    events::{MAX_EVENTS, SessionEvent},
};
use crate::{
    evidence::{ClosedBecause, Listener},
    key::Key,
    report::PathId,
    responder::{Door, Tls},
    session::{limits::Sessions, opening::Session},
    wire_view,
    witness::{Watched, Witness},
};

/// Addresses that are told. A hello has to fit one packet, or it could not pass where large ones
/// are lost.
const MAX_ADDRESSES: usize = 12;

/// What all parts of a station share.
pub(crate) struct Shared {
    pub(crate) config: StationConfig,
    pub(crate) host: String,
    pub(crate) tls: Arc<Tls>,
    pub(crate) door: Door,
    pub(crate) peer: Peer,
    pub(crate) discovery: Option<Discovery>,
    pub(crate) listeners: Vec<ListenerState>,
    pub(crate) watched: Watched,
    pub(crate) witness: Witness,
    pub(crate) sessions: Sessions,
    pub(super) events: broadcast::Sender<SessionEvent>,
    /// When this host's announcement was out first.
    announced: watch::Sender<Option<Instant>>,
    /// Calls of ours that somebody may answer, by nonce.
    calls: Mutex<HashMap<u64, oneshot::Sender<Session>>>,
    /// Contents that were made up for a check, and concern nobody else.
    made_up: Mutex<BTreeSet<ContentId>>,
}

impl Shared {
    pub(super) fn new(
        config: StationConfig,
        host: String,
        tls: Arc<Tls>,
        door: Door,
        peer: Peer,
        discovery: Option<Discovery>,
        listeners: Vec<ListenerState>,
    ) -> Self {
        let open = listeners
            .iter()
            .filter(|listener| listener.closed.is_none());
        let watched = wire_view::watched(open.map(|listener| (listener.path, listener.port)));
        let witness = Witness::start(watched.clone());
        let sessions = Sessions::new(config.limits.sessions);
        let (calls, made_up) = (Mutex::default(), Mutex::default());
        Self {
            config,
            host,
            tls,
            door,
            peer,
            discovery,
            listeners,
            watched,
            witness,
            sessions,
            events: broadcast::Sender::new(MAX_EVENTS),
            announced: watch::Sender::new(None),
            calls,
            made_up,
        }
    }

    pub(crate) fn tell(&self, event: SessionEvent) {
        // Nobody may be listening.
        drop(self.events.send(event));
    }

    pub(crate) fn key(&self) -> Option<&Key> {
        self.config.key.as_ref()
    }

    /// The peer's id as sessions and announcements write it.
    pub(crate) fn peer_id(&self) -> String {
        self.peer.id().to_string()
    }

    fn listener(&self, path: PathId) -> &ListenerState {
        self.listeners
            .iter()
            .find(|listener| listener.path == path)
            .expect("every path has a state")
    }

    pub(crate) fn port(&self, path: PathId) -> Option<u16> {
        let listener = self.listener(path);
        listener.closed.is_none().then_some(listener.port)
    }

    /// What listens for a path, for the evidence.
    pub(crate) fn listens(&self, path: PathId) -> Listener {
        if self.door.stop.is_cancelled() {
            return Listener::Closed(ClosedBecause::Stopped);
        }
        match &self.listener(path).closed {
            None => Listener::Listening,
            Some(because) => Listener::Closed(because.clone()),
        }
    }

    /// Why nothing listens for a path, in words.
    pub(crate) fn why_closed(&self, path: PathId) -> String {
        match self.listens(path) {
            Listener::Listening => String::new(),
            Listener::Closed(because) => because.to_string(),
        }
    }

    /// Whether this station meets others on loopback only, as in tests and `dolab demo`.
    pub(crate) fn is_on_loopback(&self) -> bool {
        self.config.is_on_loopback()
    }

    /// Who this host is, to the other side of a session.
    pub(crate) fn hello(&self) -> Hello {
        let ports = self.listeners.iter().map(|listener| PortState {
            path: listener.path.to_string(),
            port: listener.port,
            closed: listener
                .closed
                .as_ref()
                .and_then(|why| serde_json::to_value(why).ok()),
        });
        Hello {
            software: env!("CARGO_PKG_VERSION").into(),
            os: std::env::consts::OS.into(),
            host: self.host.clone(),
            announces: self.announces(),
            peer: self.peer_id(),
            addresses: self.addresses(),
            ports: ports.collect(),
        }
    }

    /// Addresses that this host listens on.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        if !self.config.listen.is_empty() {
            return self.config.listen.clone();
        }
        let all = if_addrs::get_if_addrs().unwrap_or_default();
        let mut addrs: Vec<IpAddr> = all
            .iter()
            .filter(|i| !i.is_loopback())
            .map(|i| i.ip())
            .collect();
        // The ones that people recognise first.
        addrs.sort_by_key(|addr| (addr.is_ipv6(), *addr));
        addrs.dedup();
        addrs.truncate(MAX_ADDRESSES);
        addrs
    }

    /// The address to call another host from: the one that we were called at, or the only one of
    /// the right family that we were told to listen on.
    pub(crate) fn source(&self, to: SocketAddr, called_at: Option<SocketAddr>) -> Option<IpAddr> {
        let called_at = called_at.map(|addr| addr.ip().to_canonical());
        let listen = self.config.listen.iter().copied();
        let same_family = |ip: &IpAddr| ip.is_ipv4() == to.is_ipv4() && !ip.is_unspecified();
        // A link-local address needs its scope to be bound to; the route finds it as well.
        let bindable = |ip: &IpAddr| match ip {
            IpAddr::V4(_) => true,
            IpAddr::V6(v6) => !v6.is_unicast_link_local(),
        };
        called_at
            .into_iter()
            .chain(listen)
            .find(|ip| same_family(ip) && bindable(ip))
    }

    /// Waits for a session that answers this call, until the receiver is dropped.
    pub(crate) fn expect_call(&self, nonce: u64) -> oneshot::Receiver<Session> {
        let (session, called) = oneshot::channel();
        let mut calls = self.lock_calls();
        calls.retain(|_, waiting| !waiting.is_closed());
        calls.insert(nonce, session);
        called
    }

    /// Whether a call with this nonce waits for an answer.
    pub(crate) fn expects(&self, nonce: u64) -> bool {
        self.lock_calls()
            .get(&nonce)
            .is_some_and(|waiting| !waiting.is_closed())
    }

    /// Hands a session to the check that called for it. Only the first is taken.
    pub(crate) fn answered(&self, nonce: u64, session: Session) {
        if let Some(waiting) = self.lock_calls().remove(&nonce) {
            // The check may have given up just now; then the session ends with it.
            drop(waiting.send(session));
        }
    }

    fn lock_calls(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Session>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn made_up(&self) -> MutexGuard<'_, BTreeSet<ContentId>> {
        self.made_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this host can be found on the link.
    pub(crate) fn announces(&self) -> bool {
        self.config.announce && self.discovery.is_some()
    }

    /// This host's announcement is out.
    pub(super) fn note_announced(&self) {
        self.announced
            .send_if_modified(|at| at.replace(at.unwrap_or_else(Instant::now)).is_none());
    }

    /// Whether the announcement has been out for so long.
    pub(crate) fn has_announced_for(&self, time: Duration) -> bool {
        self.announced
            .borrow()
            .is_some_and(|at| at.elapsed() >= time)
    }

    /// Waits until the announcement is out; without end where nothing is announced.
    pub(crate) async fn wait_announced(&self) {
        if self
            .announced
            .subscribe()
            .wait_for(Option::is_some)
            .await
            .is_err()
        {
            // The sender is this very object.
            std::future::pending::<()>().await;
        }
    }

    /// Tells the link what is shared now.
    pub(crate) async fn announce(&self) {
        let Some(discovery) = self.discovery.as_ref().filter(|_| self.config.announce) else {
            return;
        };
        let made_up = self.made_up().clone();
        let shared = self
            .peer
            .contents()
            .await
            .into_iter()
            .filter(|content| content.shared);
        let announcement = Announcement {
            port: self.listener(PathId::Tcp7680).port,
            peer: self.peer.id(),
            contents: shared
                .map(|c| c.id)
                .filter(|id| !made_up.contains(id))
                .collect(),
            group: None,
        };
        if let Err(error) = discovery.announce(announcement) {
            tracing::warn!(%error, "dns-sd: nothing is announced");
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("host", &self.host)
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}
