//! Stations on loopback that serve benchmarks, and plans that end soon.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use dolab_bench::{
    Limits, Plan, Server,
    report::{Direction, Event, Figures, Layer, Options, Report, RunResult, Sink, Source},
};
use dolab_check::{Key, Ports, Station, StationConfig, Target, report::PathId};
use tokio::sync::mpsc;

/// Only there so that a test that hangs fails: nothing waits for it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A station that serves benchmarks.
pub(crate) struct Served {
    pub(crate) station: Station,
    pub(crate) server: Arc<Server>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default(), None).await
    }

    pub(crate) async fn with(limits: Limits, key: Option<Key>) -> Self {
        let server = Arc::new(Server::new(limits, std::env::temp_dir()));
        let bench = Some(Arc::clone(&server) as Arc<_>);
        let station = Station::start(StationConfig {
            bench,
            key,
            ..config()
        })
        .await
        .unwrap();
        Self { station, server }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        addr(&self.station)
    }

    pub(crate) fn target(&self) -> Target {
        target(self.addr())
    }

    /// Waits until nobody's benchmark is left.
    pub(crate) async fn until_free(&self) {
        let mut sessions = self.server.sessions();
        let free = sessions.wait_for(|sessions| *sessions == 0);
        tokio::time::timeout(DEADLINE, free).await.unwrap().unwrap();
    }
}

pub(crate) fn config() -> StationConfig {
    StationConfig {
        listen: vec![[127, 0, 0, 1].into()],
        ports: Ports::free(),
        announce: false,
        name: Some("served".into()),
        ..StationConfig::default()
    }
}

pub(crate) fn addr(station: &Station) -> SocketAddr {
    ([127, 0, 0, 1], station.port(PathId::Tcp7680).unwrap()).into()
}

pub(crate) fn target(addr: SocketAddr) -> Target {
    Target::new(addr.to_string(), vec![addr])
}

/// All layers, some megabytes each.
pub(crate) fn plan() -> Plan {
    Plan {
        options: Options {
            layers: Layer::ALL.to_vec(),
            directions: vec![Direction::Receive],
            both_at_once: false,
            streams: 1,
            duration_ms: None,
            size_bytes: Some(SIZE),
            warm_up_ms: 0,
            interval_ms: 20,
            source: Source::Synthetic,
            sink: Sink::Layer,
            piece_bytes: 1 << 20,
            block_bytes: 1 << 20,
            request_depth: 32,
            congestion_control: None,
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            rate_limit_bits_per_second: None,
        },
        key: None,
        store: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
    }
}

/// No whole number of pieces.
pub(crate) const SIZE: u64 = (12 << 20) + 12_345;

/// Runs to the end, and yields the report and what was told on the way.
pub(crate) async fn run(targets: &[Target], plan: &Plan) -> (Report, Vec<Event>) {
    let (events, mut told) = mpsc::unbounded_channel();
    let running = dolab_bench::run(targets, plan, events);
    let report = tokio::time::timeout(DEADLINE, running)
        .await
        .unwrap()
        .unwrap();
    let mut all = Vec::new();
    while let Ok(event) = told.try_recv() {
        all.push(event);
    }
    (report, all)
}

/// The figures of every run, all of which have to be there.
pub(crate) fn figures(report: &Report) -> Vec<(&dolab_bench::report::RunId, &Figures)> {
    let figures = report.runs.iter().map(|run| match &run.result {
        RunResult::Done { figures } => (&run.id, &**figures),
        other => panic!("{:?}: {other:?}", run.id),
    });
    figures.collect()
}
