//! What the two sides of a benchmark say to each other, as the body of `Ask::Bench` and
//! `Reply::Bench` in the check session.
//!
//! The asker prepares a flow, opens its connections with the token that it got, starts it, reads its
//! slices while it runs, stops it, and finishes it. All of a flow goes with its session.

use std::time::Duration;

use dolab_peer::SocketOptions;
use dolab_wire::session::Digest;
use serde::{Deserialize, Serialize};

use crate::{
    report::{Layer, Percentiles, Sink, Source, Stall},
    window::Offer,
};

/// A question.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// What the other side is and has.
    About,
    /// Get ready for a flow.
    Prepare {
        /// Which.
        spec: Box<Spec>,
    },
    /// Begin: all connections stand.
    Start {
        /// Number from [`Reply::Prepared`].
        flow: u64,
    },
    /// How it goes.
    Read {
        /// Number of the flow.
        flow: u64,
        /// Slices that the asker has.
        from: usize,
    },
    /// Send no more.
    Stop {
        /// Number of the flow.
        flow: u64,
    },
    /// End it, and say what is known only now.
    Finish {
        /// Number of the flow.
        flow: u64,
        /// Slices that the asker has.
        from: usize,
    },
    /// A type that this version does not know.
    #[serde(other)]
    Unknown,
}

/// An answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// To [`Request::About`].
    About {
        /// What this side is and has.
        about: About,
    },
    /// To [`Request::Prepare`].
    Prepared {
        /// Its number from now on.
        flow: u64,
        /// What its connections have to bring.
        token: Digest,
        /// What will be sent, when the other side sends.
        offer: Option<Offer>,
    },
    /// To [`Request::Read`].
    State {
        /// Slices that the asker does not have yet.
        slices: Vec<Slice>,
        /// Bytes in all, also those that are in no slice yet.
        bytes: u64,
        /// How it ended, once it has.
        ended: Option<Ended>,
    },
    /// To [`Request::Start`] and [`Request::Stop`].
    Done,
    /// To [`Request::Finish`].
    Finished {
        /// What is known only now.
        totals: Totals,
    },
    /// A type that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What a side is and has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// Processors that the system lets it use.
    pub(crate) cores: Option<u32>,
    /// Whether SHA-256 is computed with the processor's own instructions.
    pub(crate) sha_instructions: Option<bool>,
    /// Bytes that the stored layer may take there; `None` where nothing can be stored, and
    /// [`Self::store_error`] says why.
    pub(crate) store_bytes: Option<u64>,
    /// Why nothing can be stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) store_error: Option<String>,
    /// Longest run with its warm-up, in milliseconds.
    pub(crate) longest_ms: u64,
}

/// What a side does in a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// Sends.
    Sender,
    /// Receives.
    Receiver,
}

impl Part {
    /// What the other side does.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Sender => Self::Receiver,
            Self::Receiver => Self::Sender,
        }
    }
}

/// One transfer, in one direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// How much of the path it goes through.
    pub(crate) layer: Layer,
    /// What the side does that is told of it.
    pub(crate) part: Part,
    /// Connections.
    pub(crate) streams: u32,
    /// Length without its warm-up, in milliseconds; `None` when it ends with its last byte.
    pub(crate) duration_ms: Option<u64>,
    /// Bytes. In the raw layer `None` where time ends it.
    pub(crate) length: Option<u64>,
    /// Time at its start that does not count, in milliseconds.
    pub(crate) warm_up_ms: u64,
    /// Length of a slice, in milliseconds.
    pub(crate) interval_ms: u64,
    /// Where the bytes come from.
    pub(crate) source: Source,
    /// Where they go.
    pub(crate) sink: Sink,
    /// Bytes in a piece.
    pub(crate) piece_bytes: u32,
    /// Bytes in a block.
    pub(crate) block_bytes: u32,
    /// Requests in flight on a connection; `None` for as many as the exchange finds good.
    pub(crate) request_depth: Option<u32>,
    /// Congestion control.
    pub(crate) congestion_control: Option<String>,
    /// Bytes of each socket's buffers.
    pub(crate) buffer_bytes: Option<u32>,
    /// Most that may be sent, in bits per second.
    pub(crate) rate_limit: Option<f64>,
    /// What is sent, when the side that is told of it receives a content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offer: Option<Offer>,
}

impl Spec {
    /// Time that does not count.
    pub(crate) fn warm_up(&self) -> Duration {
        Duration::from_millis(self.warm_up_ms)
    }

    /// Length of a slice, never nothing.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms.max(1))
    }

    /// How long it may take, `unknown` where its size ends it.
    pub(crate) fn longest(&self, unknown: Duration) -> Duration {
        let duration = self.duration_ms.map(Duration::from_millis);
        duration.map_or(unknown, |duration| duration.saturating_add(self.warm_up()))
    }

    /// How its sockets are set up.
    pub(crate) fn sockets(&self) -> SocketOptions {
        SocketOptions {
            congestion: self.congestion_control.clone(),
            buffer: self.buffer_bytes.map(|bytes| bytes as usize),
            traffic_class: None,
        }
    }

    /// The same, for the other side.
    pub(crate) fn mirrored(&self) -> Self {
        Self {
            part: self.part.other(),
            ..self.clone()
        }
    }
}

/// A slice of a flow as one side saw it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slice {
    /// Milliseconds from this side's first byte to its start.
    pub(crate) start_ms: f64,
    /// Its length in milliseconds.
    pub(crate) ms: f64,
    /// Whether it belongs to the warm-up.
    pub(crate) warm_up: bool,
    /// Bytes that came or went.
    pub(crate) bytes: u64,
    /// Processor time of this side's process, in seconds.
    pub(crate) cpu_seconds: f64,
    /// Segments that were sent again.
    pub(crate) retransmits: Option<u64>,
    /// Congestion windows at its end, in bytes.
    pub(crate) cwnd_bytes: Option<u64>,
    /// Round trip at its end by TCP's own measure, in milliseconds.
    pub(crate) rtt_ms: Option<f64>,
}

/// How a flow ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub(crate) enum Ended {
    /// It was long enough, or everything has come.
    Well,
    /// It broke.
    Failed {
        /// Why.
        why: String,
    },
}

/// What is known of a flow at its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Totals {
    /// Bytes in all, with the warm-up and what was still on its way.
    pub(crate) moved: u64,
    /// Slices that the asker does not have yet.
    pub(crate) slices: Vec<Slice>,
    /// What the receiver waited for.
    pub(crate) stalls: Vec<Stall>,
    /// From a piece's request until it was kept.
    pub(crate) latency_ms: Option<Percentiles>,
    /// The connections' congestion control.
    pub(crate) congestion_control: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_later_version_adds_is_skipped() {
        let later: Request = serde_json::from_str(r#"{"type":"dream","of":3}"#).unwrap();
        assert!(matches!(later, Request::Unknown));
        let later: Reply = serde_json::from_str(r#"{"type":"dream","of":3}"#).unwrap();
        assert!(matches!(later, Reply::Unknown));
    }
}
