//! What is measured in one run.

use serde::{Deserialize, Serialize};

/// What was measured in one run. Sums and rates leave the warm-up out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Bytes of content that the receiver got: no headers, nothing twice.
    pub bytes: u64,
    /// Time it took, in seconds.
    pub seconds: f64,
    /// Goodput: [`Self::bytes`] by [`Self::seconds`], in bits.
    pub bits_per_second: f64,
    /// Segments that the sender's TCP sent again. `None` where the system does not tell.
    pub retransmits: Option<u64>,
    /// Round trip of the network.
    pub round_trip: RoundTrip,
    /// Congestion control of the sender's connections. `None` where the system does not tell.
    pub congestion_control: Option<String>,
    /// Congestion window of the sender, of all its connections together, in bytes.
    pub cwnd_bytes: Option<Spread>,
    /// Processor time that a GiB of content takes, in core-seconds.
    pub cpu_seconds_per_gib: BothEnds,
    /// What the receiver waited for, and how long. Only what happened; the longest first.
    pub stalls: Vec<Stall>,
    /// Time from a piece's first request until it is complete, and verified and stored where the
    /// layer does so, in milliseconds. `None` in the raw layer, which has no pieces.
    pub piece_latency_ms: Option<Percentiles>,
    /// The run in slices, in order and without gaps, warm-up first.
    pub intervals: Vec<Interval>,
}

/// The round trip before the run and during it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoundTrip {
    /// While nothing else is sent, in milliseconds.
    pub idle_ms: Option<Spread>,
    /// While content moves, in milliseconds.
    pub loaded_ms: Option<Spread>,
    /// What the load adds. `None` where one of the two is missing.
    pub bloat: Option<Bloat>,
}

impl RoundTrip {
    /// From the samples of both.
    pub fn new(idle_ms: Option<Spread>, loaded_ms: Option<Spread>) -> Self {
        let bloat = idle_ms
            .as_ref()
            .zip(loaded_ms.as_ref())
            .map(|(idle, loaded)| Bloat::of((loaded.p50 - idle.p50).max(0.0)));
        Self {
            idle_ms,
            loaded_ms,
            bloat,
        }
    }
}

/// What a full link does to everybody else's round trip.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bloat {
    /// Median of the loaded round trip less that of the idle one, in milliseconds, 0 or more.
    pub added_ms: f64,
    /// The same as a grade.
    pub grade: Grade,
}

impl Bloat {
    /// Of a round trip that grows by so many milliseconds.
    pub fn of(added_ms: f64) -> Self {
        Self {
            added_ms,
            grade: Grade::of(added_ms),
        }
    }
}

/// Bufferbloat as speed tests grade it (documented: the limits that dslreports.com published and
/// others took over; there is no E).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// Less than 5 ms.
    #[serde(rename = "A+")]
    APlus,
    /// Less than 30 ms.
    A,
    /// Less than 60 ms.
    B,
    /// Less than 200 ms.
    C,
    /// Less than 400 ms.
    D,
    /// 400 ms and more.
    F,
}

impl Grade {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::APlus => "A+",
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
            Self::F => "F",
        }
    }

    /// Of a round trip that grows by so many milliseconds.
    pub fn of(added_ms: f64) -> Self {
        let limits = [
            (5.0, Self::APlus),
            (30.0, Self::A),
            (60.0, Self::B),
            (200.0, Self::C),
            (400.0, Self::D),
        ];
        limits
            .into_iter()
            .find(|(limit, _)| added_ms < *limit)
            .map_or(Self::F, |(_, grade)| grade)
    }
}

/// How a quantity scatters; the unit stands in the name of the field that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Least.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// Most.
    pub max: f64,
}

impl Spread {
    /// Of samples in any order, by the nearest rank; `None` of none.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            min: *sorted.first()?,
            p50: rank(50)?,
            p95: rank(95)?,
            max: *sorted.last()?,
        })
    }
}

/// A value at this host and at the remote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BothEnds {
    /// At this host.
    pub local: Option<f64>,
    /// At the remote.
    pub remote: Option<f64>,
}

/// Time in which nothing could be done, by what was missing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stall {
    /// What was missing.
    pub reason: StallReason,
    /// How often.
    pub count: u64,
    /// How long in all, in milliseconds, all connections together.
    pub ms: f64,
}

/// What a receiver waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StallReason {
    /// Bytes that were asked for and had not come.
    Network,
    /// A slot at the sender, which chokes.
    Choke,
    /// A reason to ask: the pipeline ran empty.
    Request,
    /// A buffer to receive into: hashing or storing holds them all.
    Buffer,
    /// The hash.
    Hash,
    /// The disk.
    Disk,
    /// The rate limit.
    Limit,
}

/// How long something took, over many times; the unit stands in the name of the field that holds
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p99_9: f64,
    /// Most.
    pub max: f64,
}

/// A slice of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// When it began, in milliseconds since the start of the run, warm-up included.
    pub start_ms: f64,
    /// How long it was, in milliseconds.
    pub ms: f64,
    /// Whether it belongs to the warm-up, and counts for nothing.
    pub warm_up: bool,
    /// Bytes of content that the receiver got.
    pub bytes: u64,
    /// Goodput.
    pub bits_per_second: f64,
    /// Segments that the sender's TCP sent again.
    pub retransmits: Option<u64>,
    /// Median round trip under load, in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Congestion window at its end, of all connections together, in bytes.
    pub cwnd_bytes: Option<f64>,
    /// Cores that were busy for dolab, on average.
    pub cpu_cores: BothEnds,
}

impl Interval {
    /// A slice in which so much came; the rest is unknown.
    pub fn new(start_ms: f64, ms: f64, bytes: u64) -> Self {
        let bits_per_second = if ms > 0.0 {
            bytes as f64 * 8e3 / ms
        } else {
            0.0
        };
        Self {
            start_ms,
            ms,
            warm_up: false,
            bytes,
            bits_per_second,
            retransmits: None,
            rtt_ms: None,
            cwnd_bytes: None,
            cpu_cores: BothEnds::default(),
        }
    }
}
