use serde::{Deserialize, Serialize};

use super::{Direction, Layer};

/// Every setting that was used, with what was not set filled in. Two reports can be compared only
/// where these are the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Layers, the lowest first.
    pub layers: Vec<Layer>,
    /// Directions.
    pub directions: Vec<Direction>,
    /// Whether both directions ran at once, and not one after the other.
    pub both_at_once: bool,
    /// Connections to each remote, 1 or more.
    pub streams: u32,
    /// Length of a run without its warm-up, in milliseconds; `None` where the size ends it.
    pub duration_ms: Option<u64>,
    /// Content of a run for each remote, in bytes; `None` where the time ends it.
    pub size_bytes: Option<u64>,
    /// Time at the start of a run that does not count, in milliseconds.
    pub warm_up_ms: u64,
    /// Length of an interval, in milliseconds.
    pub interval_ms: u64,
    /// Where the sender takes its bytes from.
    pub source: Source,
    /// Where the receiver puts them.
    pub sink: Sink,
    /// Size of a piece, in bytes: what is hashed at once.
    pub piece_bytes: u64,
    /// Size of a block, in bytes: what is asked for, or in the raw layer written, at once.
    pub block_bytes: u64,
    /// Requests in flight on a connection.
    pub request_depth: u32,
    /// Congestion control that was asked for; `None` for the system's own choice.
    pub congestion_control: Option<String>,
    /// Size of the socket's send buffer that was asked for, in bytes; `None` for the system's own
    /// choice.
    pub send_buffer_bytes: Option<u64>,
    /// Size of the socket's receive buffer that was asked for, in bytes; `None` for the system's
    /// own choice.
    pub receive_buffer_bytes: Option<u64>,
    /// Limit of the sender for each remote, in bits per second; `None` for none.
    pub rate_limit_bits_per_second: Option<f64>,
}

/// Where a sender takes its bytes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Made-up content of the lab: bytes that can not be compressed, and are ready before the run.
    Synthetic,
    /// Zeroes, which cost nothing to make: isolates the sender.
    Zero,
}

/// Where a receiver puts what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sink {
    /// As the layer says: the disk in the stored layer, nowhere in the others.
    Layer,
    /// Nowhere, also in the stored layer: isolates the disk.
    Null,
}
