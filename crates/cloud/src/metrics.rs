//! What Prometheus reads.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the histogram, in seconds.
const SECONDS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0, 3600.0];

/// What is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    bytes: Family<Part, Counter>,
    duration: Histogram,
    pub(crate) refused_connections: Counter,
    pub(crate) quic_handshakes: Counter,
    live: Live,
}

/// What is looked at when somebody asks.
#[derive(Debug, Default)]
struct Live {
    connections: Gauge,
    registrations: Gauge,
    contents: Gauge,
    directory_bytes: Gauge,
    cache_bytes: Gauge,
    cache_hits: Gauge<u64, AtomicU64>,
    cache_misses: Gauge<u64, AtomicU64>,
    faults: Gauge<u64, AtomicU64>,
    stations: Gauge,
    tunnels: Gauge,
}

/// Figures of the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) connections: usize,
    pub(crate) registrations: usize,
    pub(crate) contents: usize,
    pub(crate) directory_bytes: usize,
    pub(crate) cache_bytes: u64,
    pub(crate) cache_hits: u64,
    pub(crate) cache_misses: u64,
    pub(crate) faults: u64,
    pub(crate) stations: usize,
    pub(crate) tunnels: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    part: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Part {
    part: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("dolab_cloud");
        let requests = Family::default();
        let help = "Requests that were answered, by part of the service and status";
        registry.register("requests", help, requests.clone());
        let bytes = Family::default();
        let help = "Bytes of bodies that were sent, by part of the service";
        registry.register_with_unit("sent", help, Unit::Bytes, bytes.clone());
        let duration = Histogram::new(SECONDS);
        let help = "Time from a request to the end of its answer";
        registry.register_with_unit("request_duration", help, Unit::Seconds, duration.clone());
        let refused_connections = Counter::default();
        let help = "Connections that were closed at once because there were too many";
        registry.register("refused_connections", help, refused_connections.clone());
        let quic_handshakes = Counter::default();
        let help = "Handshakes of QUIC that stood";
        registry.register("quic_handshakes", help, quic_handshakes.clone());
        let live = Live::default();
        live.register(&mut registry);
        Self {
            registry,
            requests,
            bytes,
            duration,
            refused_connections,
            quic_handshakes,
            live,
        }
    }

    /// Counts a request whose answer has ended.
    pub(crate) fn answered(&self, part: &'static str, status: u16, bytes: u64, seconds: f64) {
        self.requests.get_or_create(&Request { part, status }).inc();
        self.bytes.get_or_create(&Part { part }).inc_by(bytes);
        self.duration.observe(seconds);
    }

    /// All of it as text.
    pub(crate) fn text(&self, figures: &Figures) -> String {
        self.live.set(figures);
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string");
        text
    }
}

impl Live {
    fn register(&self, registry: &mut Registry) {
        let gauges = [
            (
                "connections",
                "TCP connections that are open",
                &self.connections,
            ),
            (
                "registrations",
                "Devices that are registered, once for each content",
                &self.registrations,
            ),
            ("contents", "Contents that somebody joined", &self.contents),
            (
                "directory_bytes",
                "Memory of the directory, as allocated",
                &self.directory_bytes,
            ),
            (
                "cache_bytes",
                "Bytes that the connected cache keeps",
                &self.cache_bytes,
            ),
            (
                "stations",
                "Lab peers that wait for a call through the cloud",
                &self.stations,
            ),
            (
                "tunnels",
                "Connections between two lab peers through the cloud",
                &self.tunnels,
            ),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let counts = [
            (
                "cache_slice_hits",
                "Slices that the connected cache had",
                &self.cache_hits,
            ),
            (
                "cache_slice_misses",
                "Slices that it had to fetch, or to wait for",
                &self.cache_misses,
            ),
            (
                "faults",
                "Faults that happened on purpose, of those that are set",
                &self.faults,
            ),
        ];
        for (name, help, gauge) in counts {
            registry.register(name, help, gauge.clone());
        }
    }

    fn set(&self, figures: &Figures) {
        let signed = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.connections.set(signed(figures.connections));
        self.registrations.set(signed(figures.registrations));
        self.contents.set(signed(figures.contents));
        self.directory_bytes.set(signed(figures.directory_bytes));
        let kept = i64::try_from(figures.cache_bytes).unwrap_or(i64::MAX);
        self.cache_bytes.set(kept);
        self.cache_hits.set(figures.cache_hits);
        self.cache_misses.set(figures.cache_misses);
        self.faults.set(figures.faults);
        self.stations.set(signed(figures.stations));
        self.tunnels.set(signed(figures.tunnels));
    }
}
