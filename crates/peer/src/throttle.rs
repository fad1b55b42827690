//! Background transfers: they take what [`Ledbat`] allows.
//!
//! The receive windows of their connections are what the rule allows to be on its way, shared out:
//! one rule for the device, so that many connections are no trick. A sender that is bounded by the
//! window sends when acknowledgements come, and that makes the kernel's measurement of the round
//! trip (`tcpi_rcv_rtt`, by timestamps) follow the queue to the millisecond. It goes wrong when the
//! window is empty, so bodies are read in small portions as they come, at a pace somewhat above the
//! rule's rate: the window yields, the pace keeps bursts and the ceiling.
//!
//! A connection reads and then pays by waiting, so one for which nothing comes holds up no other.
//!
//! Peers and servers are treated alike. But a request over HTTP brings some megabytes and ends, so
//! what is known of the way to a server is kept from one to the next, and for all connections to it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dolab_engine::ledbat::{FLOOR, Ledbat, LedbatConfig};

use crate::net::Gauge;

/// How much faster than the rule's rate is read (assumed): the window is to be what holds a sender
/// back, and never to be empty.
const HEADROOM: f64 = 1.25;

/// How long a portion takes at the rate of the moment. A timer is no finer than a millisecond.
const PORTION: Duration = Duration::from_millis(2);

/// A portion is no smaller than a packet, or there would be many reads for each.
const SMALLEST_PORTION: usize = 1448;

/// What a reader that woke up late may catch up.
const CATCH_UP: Duration = Duration::from_millis(20);

/// A shorter wait is left to the next portion.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// How often each connection's round trip is looked at.
const SAMPLE_EVERY: Duration = Duration::from_millis(10);

/// Packets that fit the window of a connection at least (LEDBAT++). A sender holds back while not
/// even one fits, so it goes by the path's own packets: on loopback they have 64 KiB.
const SMALLEST_WINDOW: u64 = 2;

/// How long the way to a server is remembered when nothing comes over it: as long as the rule
/// remembers a round trip.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Servers that are remembered at most. What is not is found out again by each request.
const MAX_SERVERS: usize = 64;

/// How background transfers stand at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Background {
    /// Connections that fetch in the background.
    pub connections: usize,
    /// Bytes a second that all of them together may take now.
    pub rate: u64,
    /// Longest of their paths' own round trips, without queues; `None` before it was measured.
    pub base: Option<Duration>,
    /// Queueing delay on the path where it is longest.
    pub queueing: Duration,
    /// Bytes of bodies that came in the background so far.
    pub received: u64,
}

/// The background transfers of a device.
#[derive(Debug)]
pub(crate) struct Throttle {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rule: Ledbat,
    /// When everything that was read is paid for.
    paid: Instant,
    received: u64,
    flows: BTreeMap<u64, Measured>,
    servers: BTreeMap<SocketAddr, Server>,
    next: u64,
}

/// What was seen of a connection last.
#[derive(Debug)]
struct Measured {
    /// What the rule knows it by.
    path: u64,
    at: Option<Instant>,
    received: u64,
    out_of_order: u32,
}

/// The way to a server.
#[derive(Debug)]
struct Server {
    path: u64,
    flows: usize,
    used: Instant,
}

/// One connection's part in the background transfers.
#[derive(Debug)]
pub(crate) struct Flow {
    throttle: Arc<Throttle>,
    id: u64,
    /// The server that it comes from, when it is no peer.
    server: Option<SocketAddr>,
    /// What tells its round trip. Without, it takes the least rate and is no part of the rule.
    gauge: Gauge,
}

impl Throttle {
    pub(crate) fn new() -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self {
            began: now,
            state: Mutex::new(State {
                rule: Ledbat::new(LedbatConfig::default()),
                paid: now,
                received: 0,
                flows: BTreeMap::new(),
                servers: BTreeMap::new(),
                next: 0,
            }),
        })
    }

    /// Takes up a connection with a peer.
    pub(crate) fn flow(self: &Arc<Self>, gauge: Gauge) -> Flow {
        self.begin(gauge, None)
    }

    /// Takes up a server's answer over HTTP.
    pub(crate) fn answer(self: &Arc<Self>, gauge: Gauge, server: SocketAddr) -> Flow {
        self.begin(gauge, Some(server))
    }

    fn begin(self: &Arc<Self>, gauge: Gauge, server: Option<SocketAddr>) -> Flow {
        // A connection may have been used before.
        let before = gauge.read();
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        let measured = Measured {
            path: server.map_or(id, |server| state.path_to(server, id)),
            at: None,
            received: before.as_ref().map_or(0, |tcp| tcp.received),
            out_of_order: before.as_ref().map_or(0, |tcp| tcp.out_of_order),
        };
        state.flows.insert(id, measured);
        drop(state);
        Flow {
            throttle: self.clone(),
            id,
            server,
            gauge,
        }
    }

    /// How it stands; `None` while nothing is fetched in the background.
    pub(crate) fn view(&self) -> Option<Background> {
        let state = self.lock();
        (!state.flows.is_empty()).then(|| Background {
            connections: state.flows.len(),
            rate: state.rule.rate(),
            base: state.rule.base(),
            queueing: state.rule.queueing(),
            received: state.received,
        })
    }

    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn base(&self) -> Option<Duration> {
        self.lock().rule.base()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flow {
    /// How much may be read in one go, of `most`.
    pub(crate) fn portion(&self, most: usize) -> usize {
        let rate = if self.gauge.is_known() {
            self.throttle.lock().rule.rate()
        } else {
            FLOOR
        };
        let portion = rate.saturating_mul(PORTION.as_micros() as u64) / 1_000_000;
        let portion = usize::try_from(portion).unwrap_or(usize::MAX);
        most.min(portion.max(SMALLEST_PORTION))
    }

    /// Pays for what was read.
    pub(crate) async fn paced(&self, read: usize) {
        let wait = self.take(read);
        if wait >= SHORTEST_WAIT {
            tokio::time::sleep(wait).await;
        }
    }

    /// Notes what was read. Returns how long to wait before the next portion.
    pub(crate) fn take(&self, read: usize) -> Duration {
        let now = Instant::now();
        let mut state = self.throttle.lock();
        state.received += read as u64;
        if !self.gauge.is_known() {
            return Duration::from_secs_f64(read as f64 / FLOOR as f64);
        }
        let since = now.duration_since(self.throttle.began);
        let clock = dolab_engine::Instant(since.as_nanos() as u64);
        state.rule.received(clock, read as u64);
        state.measure(self, now, clock);
        state.pay(now, read)
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        let mut state = self.throttle.lock();
        state.flows.remove(&self.id);
        match self.server {
            Some(server) => state.left(server),
            None => state.rule.forget(self.id),
        }
    }
}

impl State {
    /// What the rule knows the way to a server by; `fresh` when it does not know it yet.
    fn path_to(&mut self, server: SocketAddr, fresh: u64) -> u64 {
        if !self.servers.contains_key(&server) {
            self.forget_idle_servers();
        }
        let now = Instant::now();
        let server = self.servers.entry(server).or_insert(Server {
            path: fresh,
            flows: 0,
            used: now,
        });
        server.flows += 1;
        server.path
    }

    /// Makes room for one server more, of those over whose ways nothing comes now.
    fn forget_idle_servers(&mut self) {
        while let Some((&server, idle)) = self
            .servers
            .iter()
            .filter(|(_, it)| it.flows == 0)
            .min_by_key(|(_, it)| it.used)
            && (idle.used.elapsed() >= REMEMBERED || self.servers.len() >= MAX_SERVERS)
        {
            self.rule.forget(idle.path);
            self.servers.remove(&server);
        }
    }

    /// An answer of a server has ended.
    fn left(&mut self, server: SocketAddr) {
        if let Some(server) = self.servers.get_mut(&server) {
            server.flows -= 1;
            server.used = Instant::now();
        }
    }

    /// Returns how long to wait.
    fn pay(&mut self, now: Instant, read: usize) -> Duration {
        let rate = self.rule.rate().max(1) as f64 * HEADROOM;
        let price = Duration::from_secs_f64(read as f64 / rate);
        let oldest = now.checked_sub(CATCH_UP).unwrap_or(now);
        self.paid = self.paid.max(oldest) + price;
        self.paid.saturating_duration_since(now)
    }

    /// Looks at a connection's round trip when it is time, and bounds its window.
    fn measure(&mut self, of: &Flow, now: Instant, clock: dolab_engine::Instant) {
        let Some(flow) = self.flows.get_mut(&of.id) else {
            return;
        };
        if flow
            .at
            .is_some_and(|at| now.duration_since(at) < SAMPLE_EVERY)
        {
            return;
        }
        flow.at = Some(now);
        let Some(tcp) = of.gauge.read() else {
            return;
        };
        if tcp.out_of_order > flow.out_of_order {
            flow.out_of_order = tcp.out_of_order;
            self.rule.lost(flow.path);
        }
        // Only what came since is a new measurement.
        if tcp.received > flow.received {
            flow.received = tcp.received;
            let seen = tcp.receive_round_trip.filter(|_| tcp.timestamps);
            let seen = seen.unwrap_or(tcp.round_trip);
            // A window that was empty for a moment makes the kernel believe in microseconds.
            self.rule
                .sample(clock, flow.path, seen.max(tcp.min_round_trip));
        }
        let share = self.rule.window() / self.flows.len() as u64;
        let least = SMALLEST_WINDOW * u64::from(tcp.segment);
        let window = u32::try_from(share.max(least)).unwrap_or(u32::MAX >> 1);
        if let Err(error) = of.gauge.bound_window(window.min(u32::MAX >> 1)) {
            tracing::debug!(target: "dolab_peer", %error, "the receive window can not be bounded");
        }
    }
}
