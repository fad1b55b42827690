//! The side that runs a benchmark.

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dolab_check::{Key, Target};
use futures_util::future::join_all;
use tokio::sync::mpsc;

use crate::{
    about,
    error::BenchError,
    limits::Limits,
    pair::{Measured, Pair, PairError},
    proto::{About, Part, Spec},
    remote::Remote,
    report::{
        BothEnds, Direction, Event, Host, Layer, Options, Report, Run, RunId, RunResult, Sink,
    },
    window::{PIECE, Windows},
};

/// Round trips that are measured while nothing else is sent.
const IDLE_ECHOES: usize = 20;

/// Between two of them.
const IDLE_PAUSE: Duration = Duration::from_millis(10);

/// Least content of a run that time ends, in bytes.
const LEAST: u64 = 64 << 20;

/// Most pieces of a run that time ends: what 17 minutes at 8 Gbit/s move. The hashes of all of them
/// are kept in memory.
const MOST_PIECES: u64 = 1 << 20;

/// What nobody's exchanger reaches, in bits per second: for content that has to last.
const FASTEST: f64 = 40e9;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How.
    pub options: Options,
    /// A secret that the other side must hold too.
    pub key: Option<Key>,
    /// Where the stored layer stores what this host receives, for as long as it runs.
    pub store: PathBuf,
}

/// Measures with all of `targets` at once. `events` is told what happens meanwhile; nobody has to
/// listen. Dropping the future ends the benchmark on all sides.
///
/// # Errors
/// Why nothing could be begun with the first of them, when nothing could with any. A run that fails
/// later is in the report.
pub async fn run(
    targets: &[Target],
    plan: &Plan,
    events: mpsc::UnboundedSender<Event>,
) -> Result<Report, BenchError> {
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let meeting = targets.iter().map(|target| meet(target, plan));
    let mut sides = Vec::new();
    let mut first_error = None;
    for (target, met) in targets.iter().zip(join_all(meeting).await) {
        match met {
            Ok(remote) => sides.push(Met::There(Box::new(remote))),
            Err(error) => {
                sides.push(Met::Absent(host_of(target), error.to_string()));
                first_error = first_error.or(Some(error));
            }
        }
    }
    let remotes: Vec<&Remote> = sides.iter().filter_map(Met::remote).collect();
    if remotes.is_empty() {
        let none = || BenchError::Local("no host was named".into());
        return Err(first_error.unwrap_or_else(none));
    }
    let limits = Limits::default();
    let store = plan.store.clone();
    let about = tokio::task::spawn_blocking(move || about::about(&store, &limits)).await;
    let local = about.map_err(|error| BenchError::Local(error.to_string()))?;
    let mut runner = Runner {
        plan,
        local: &local,
        windows: Windows::default(),
        idle: join_all(remotes.iter().map(|remote| idle(remote))).await,
        rates: HashMap::new(),
        events,
        remotes: &remotes,
    };
    let mut runs = Vec::new();
    for directions in turns(&plan.options) {
        for &layer in &plan.options.layers {
            let done = runner.layer(layer, &directions).await;
            runner.learn(&done);
            runs.extend(done);
            for side in &sides {
                if let Met::Absent(host, error) = side {
                    let failed = directions
                        .iter()
                        .map(|&direction| absent(direction, layer, host, error));
                    runs.extend(failed);
                }
            }
        }
    }
    let hosts = sides.iter().map(Met::host).collect();
    let started = started.map_or(0, |since| since.as_secs());
    let report = Report::new(
        plan.options.clone(),
        this_host(&local),
        hosts,
        started,
        runs,
    );
    for side in sides {
        if let Met::There(remote) = side {
            remote.bye().await;
        }
    }
    Ok(report)
}

/// A host that was named.
enum Met {
    There(Box<Remote>),
    Absent(Host, String),
}

impl Met {
    fn remote(&self) -> Option<&Remote> {
        match self {
            Self::There(remote) => Some(remote),
            Self::Absent(..) => None,
        }
    }

    fn host(&self) -> Host {
        match self {
            Self::There(remote) => remote.host(),
            Self::Absent(host, _) => host.clone(),
        }
    }
}

async fn meet(target: &Target, plan: &Plan) -> Result<Remote, BenchError> {
    let remote = Remote::connect(target, plan.key.as_ref()).await?;
    let longest = Duration::from_millis(remote.about.longest_ms);
    let spec = spec(&plan.options, Layer::Raw, Direction::Receive);
    if spec.longest(Duration::ZERO) > longest {
        let addr = remote.addr;
        return Err(BenchError::TooLong { addr, longest });
    }
    Ok(remote)
}

/// The directions that run at once, turn by turn.
fn turns(options: &Options) -> Vec<Vec<Direction>> {
    if options.both_at_once {
        vec![options.directions.clone()]
    } else {
        options.directions.iter().map(|&one| vec![one]).collect()
    }
}

async fn idle(remote: &Remote) -> Vec<f64> {
    let mut echoes = Vec::new();
    for _ in 0..IDLE_ECHOES {
        echoes.extend(remote.echo().await);
        tokio::time::sleep(IDLE_PAUSE).await;
    }
    echoes
}

struct Runner<'a> {
    plan: &'a Plan,
    local: &'a About,
    remotes: &'a [&'a Remote],
    windows: Windows,
    /// Idle round trips of each remote, in milliseconds.
    idle: Vec<Vec<f64>>,
    /// What the raw layer reached, in bits per second.
    rates: HashMap<(Direction, String), f64>,
    events: mpsc::UnboundedSender<Event>,
}

impl Runner<'_> {
    /// One layer with all remotes, in these directions, at once.
    async fn layer(&self, layer: Layer, directions: &[Direction]) -> Vec<Run> {
        let jobs: Vec<(RunId, usize)> = directions
            .iter()
            .flat_map(|&direction| (0..self.remotes.len()).map(move |n| (direction, n)))
            .map(|(direction, n)| {
                let remote = self.remotes[n].addr.to_string();
                let id = RunId {
                    direction,
                    layer,
                    remote,
                };
                (id, n)
            })
            .collect();
        let ready = join_all(jobs.iter().map(|(id, n)| self.prepare(id, *n))).await;
        let running = jobs.iter().zip(&ready).map(|((id, n), ready)| async {
            let pair = ready.as_ref().map_err(Clone::clone)?;
            self.tell(Event::Started { run: id.clone() });
            pair.run(&self.idle[*n], &self.events).await.map_err(failed)
        });
        let mut results = join_all(running).await;
        drop(ready);
        share_out_cpu(&jobs, &mut results);
        let mut runs = Vec::new();
        for ((id, _), result) in jobs.into_iter().zip(results) {
            let result = match result {
                Ok(Measured { figures, .. }) => RunResult::Done {
                    figures: Box::new(figures),
                },
                Err(result) => result,
            };
            self.tell(Event::Ended {
                run: id.clone(),
                status: result.status(),
            });
            runs.push(Run { id, result });
        }
        runs
    }

    /// Prepares a run, or says how it ended before it began.
    async fn prepare(&self, id: &RunId, n: usize) -> Result<Pair<'_>, RunResult> {
        let remote = self.remotes[n];
        let options = &self.plan.options;
        let length = self.length(id, remote)?;
        let spec = Spec {
            length,
            ..spec(options, id.layer, id.direction)
        };
        let window = match spec.part {
            Part::Sender => Some(self.windows.of(options.source).await),
            Part::Receiver => None,
        };
        Pair::prepare(id.clone(), spec, remote, window, &self.plan.store)
            .await
            .map_err(failed)
    }

    /// Bytes of a run: what was asked for; or else, above the raw layer, more than can be moved in
    /// the time. What is stored has to fit.
    fn length(&self, id: &RunId, remote: &Remote) -> Result<Option<u64>, RunResult> {
        let options = &self.plan.options;
        let wanted = match (options.size_bytes, id.layer) {
            (Some(size), _) => size,
            (None, Layer::Raw) => return Ok(None),
            (None, _) => self.lasting(id),
        };
        if id.layer != Layer::Stored || options.sink == Sink::Null {
            return Ok(Some(wanted));
        }
        let (whose, about) = match id.direction {
            Direction::Receive => ("this host", self.local),
            Direction::Send => (id.remote.as_str(), &remote.about),
        };
        let skipped = |reason| Err(RunResult::Skipped { reason });
        match about.store_bytes {
            None => {
                let why = about
                    .store_error
                    .as_deref()
                    .unwrap_or("it does not say why");
                skipped(format!("nothing can be stored at {whose}: {why}"))
            }
            Some(room) if options.size_bytes.is_some_and(|size| size > room) => skipped(format!(
                "{whose} stores at most {room} bytes for a benchmark"
            )),
            Some(room) => Ok(Some(wanted.min(room))),
        }
    }

    fn lasting(&self, id: &RunId) -> u64 {
        let options = &self.plan.options;
        let of = (id.direction, id.remote.clone());
        let rate = self.rates.get(&of).map_or(FASTEST, |raw| raw * 1.5);
        let rate = options
            .rate_limit_bits_per_second
            .map_or(rate, |limit| rate.min(limit * 1.5));
        let ms = options.warm_up_ms + options.duration_ms.unwrap_or(0);
        let bytes = (rate / 8e3 * ms as f64) as u64;
        // Whole pieces: the window repeats itself then.
        let pieces = bytes.max(LEAST).div_ceil(PIECE.into()).min(MOST_PIECES);
        pieces * u64::from(PIECE)
    }

    /// Keeps in mind how fast the wire is.
    fn learn(&mut self, runs: &[Run]) {
        for Run { id, result } in runs {
            if let (Layer::Raw, RunResult::Done { figures }) = (id.layer, result) {
                let of = (id.direction, id.remote.clone());
                self.rates.insert(of, figures.bits_per_second);
            }
        }
    }

    fn tell(&self, event: Event) {
        // Nobody may be listening.
        drop(self.events.send(event));
    }
}

fn failed(error: PairError) -> RunResult {
    RunResult::Failed {
        error: error.to_string(),
        do_error: None,
    }
}

/// What a run is, at this host.
fn spec(options: &Options, layer: Layer, direction: Direction) -> Spec {
    Spec {
        layer,
        part: match direction {
            Direction::Receive => Part::Receiver,
            Direction::Send => Part::Sender,
        },
        streams: options.streams,
        duration_ms: options.duration_ms,
        length: options.size_bytes,
        warm_up_ms: options.warm_up_ms,
        interval_ms: options.interval_ms,
        source: options.source,
        sink: options.sink,
        piece_bytes: PIECE,
        block_bytes: u32::try_from(options.block_bytes).unwrap_or(u32::MAX),
        request_depth: Some(options.request_depth),
        congestion_control: options.congestion_control.clone(),
        buffer_bytes: options
            .receive_buffer_bytes
            .map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX)),
        rate_limit: options.rate_limit_bits_per_second,
        offer: None,
    }
}

/// Fills in the processor time for each GiB. A process works for all runs at once, so its time is
/// shared out by the bytes that it moved.
fn share_out_cpu(jobs: &[(RunId, usize)], results: &mut [Result<Measured, RunResult>]) {
    const GIB: f64 = (1_u64 << 30) as f64;
    let bytes = |result: &Result<Measured, RunResult>| {
        result.as_ref().map_or(0.0, |it| it.figures.bytes as f64)
    };
    let all: f64 = results.iter().map(bytes).sum();
    let mut of_remote: HashMap<usize, f64> = HashMap::new();
    for ((_, n), result) in jobs.iter().zip(results.iter()) {
        *of_remote.entry(*n).or_default() += bytes(result);
    }
    for ((_, n), result) in jobs.iter().zip(results) {
        let Ok(measured) = result else { continue };
        let per_gib = |seconds: Option<f64>, bytes: f64| {
            seconds
                .filter(|_| bytes > 0.0)
                .map(|seconds| seconds * GIB / bytes)
        };
        measured.figures.cpu_seconds_per_gib = BothEnds {
            local: per_gib(measured.cpu_seconds.local, all),
            remote: per_gib(measured.cpu_seconds.remote, of_remote[n]),
        };
    }
}

fn host_of(target: &Target) -> Host {
    Host {
        address: target.addrs.first().map(ToString::to_string),
        host: target.name.clone(),
        os: None,
        version: None,
        cores: None,
        sha_instructions: None,
    }
}

fn this_host(about: &About) -> Host {
    Host {
        address: None,
        host: dolab_host::host_name(),
        os: Some(std::env::consts::OS.into()),
        version: Some(env!("CARGO_PKG_VERSION").into()),
        cores: about.cores,
        sha_instructions: about.sha_instructions,
    }
}

fn absent(direction: Direction, layer: Layer, host: &Host, error: &str) -> Run {
    Run {
        id: RunId {
            direction,
            layer,
            remote: host.address.clone().unwrap_or_else(|| host.host.clone()),
        },
        result: RunResult::Failed {
            error: error.to_owned(),
            do_error: None,
        },
    }
}
