use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Digest, Refusal};

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ask {
    /// Send back as many bytes: whether messages of a size pass at all.
    Echo {
        /// Bytes that mean nothing.
        padding: String,
    },
    /// Call the address that this session comes from, on one of DO's paths.
    Probe {
        /// The path, such as `tcp-443`.
        path: String,
        /// The port that the asker listens on for it.
        port: u16,
    },
    /// What the other side's listener and witness saw of a call by the asker.
    Seen {
        /// The path.
        path: String,
        /// The addresses that the asker called from, as it knows them.
        from: Vec<SocketAddr>,
        /// The port that the asker called.
        port: u16,
        /// Milliseconds since the call began.
        since_ms: u64,
    },
    /// What crossed the other side's wire of its own calls to the asker.
    Called {
        /// The path.
        path: String,
        /// The port that it called.
        port: u16,
        /// Milliseconds since the call began.
        since_ms: u64,
    },
    /// Look at the way to the asker, hop by hop.
    Trace {
        /// What the probes are to look like; at most eight are looked at.
        ways: Vec<TraceWay>,
    },
    /// Whether the other side has seen the DNS-SD announcement of a peer, waiting a little for it.
    Sighting {
        /// The peer's id, as 40 hex digits.
        peer: String,
        /// Milliseconds to wait for it at most.
        wait_ms: u64,
    },
    /// Which contents are shared.
    Contents,
    /// Piece hashes of one of them.
    Hashes {
        /// The content.
        content: Digest,
        /// First piece.
        first: u32,
        /// Hashes wanted; fewer may come.
        count: u32,
    },
    /// Make up a content of this length to share, for the time of this session.
    Prepare {
        /// Bytes.
        length: u64,
    },
    /// Fetch the asker's content.
    Receive {
        /// What to fetch.
        offer: Offer,
        /// The asker's port for it, if the other side is to open the connection; otherwise the
        /// asker opens it.
        dial: Option<u16>,
        /// Milliseconds without a byte after which to give up.
        patience_ms: u64,
    },
    /// Open a connection for a content that the asker fetches: it can not open one itself.
    Dial {
        /// The content.
        content: Digest,
        /// The asker's port.
        port: u16,
    },
    /// Take part in a benchmark.
    Bench {
        /// `Request` of `dolab-bench`.
        body: Value,
    },
    /// A type that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What packets on the way to the asker are to look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceWay {
    /// The path that they belong to.
    pub path: String,
    /// The asker's port that they go to.
    pub port: u16,
    /// The other side's port that they come from, where they are to look like answers from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers_from: Option<u16>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reply {
    /// To [`Ask::Echo`]: the padding that came.
    Echo {
        /// The padding that came.
        padding: String,
    },
    /// To [`Ask::Probe`]: the caller's half of the evidence.
    Probed {
        /// `CallerReport` of `dolab-check`.
        evidence: Value,
    },
    /// To [`Ask::Seen`]: the callee's half of the evidence.
    Seen {
        /// `CalleeReport` of `dolab-check`.
        evidence: Value,
    },
    /// To [`Ask::Called`].
    Called {
        /// `Witnessed` of `dolab-check`.
        evidence: Value,
        /// Whether the other side's announcement has been out for a second: before that, nobody
        /// can be expected to have seen it.
        announced: bool,
    },
    /// To [`Ask::Trace`]: one for each way, in their order.
    Traced {
        /// `Trace`s of `dolab-check`; null where a way could not be looked at.
        traces: Vec<Value>,
    },
    /// To [`Ask::Sighting`].
    Sighting {
        /// Whether it was seen.
        seen: bool,
        /// Milliseconds that it took to answer.
        waited_ms: u64,
    },
    /// To [`Ask::Contents`].
    Contents {
        /// The contents, as many as fit one frame.
        contents: Vec<ContentEntry>,
    },
    /// To [`Ask::Hashes`].
    Hashes {
        /// First piece.
        first: u32,
        /// SHA-256 of each piece from there on.
        hashes: Vec<Digest>,
    },
    /// To [`Ask::Prepare`].
    Offered {
        /// What is shared now.
        offer: Offer,
    },
    /// To [`Ask::Receive`], when it has ended, well or not.
    Received {
        /// How.
        result: ExchangeResult,
    },
    /// To [`Ask::Dial`]: it will be tried.
    Dialling,
    /// To [`Ask::Bench`].
    Bench {
        /// `Reply` of `dolab-bench`.
        body: Value,
    },
    /// It is not done.
    Refused {
        /// Why.
        why: Refusal,
    },
    /// A type that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A content in a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentEntry {
    /// Its id: the SHA-256 over its piece hashes.
    pub id: Digest,
    /// Its file name, without folders.
    pub name: String,
    /// Bytes.
    pub length: u64,
    /// Bytes in a piece.
    pub piece_size: u32,
}

/// Synthetic content that is shared for a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its id: the SHA-256 over its piece hashes.
    pub id: Digest,
    /// Bytes.
    pub length: u64,
    /// Bytes in a piece.
    pub piece_size: u32,
    /// What the content was made from: the receiver makes it again to hash the whole.
    pub seed: u64,
    /// SHA-256 of each piece. A frame has room for [`Offer::MAX_PIECES`].
    pub hashes: Vec<Digest>,
}

impl Offer {
    /// Most pieces of which the hashes fit one frame with room to spare.
    pub const MAX_PIECES: u32 = 8192;
}

/// How receiving ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExchangeResult {
    /// Bytes that arrived, were verified and kept.
    pub moved: u64,
    /// Pieces whose hash was good.
    pub verified: u32,
    /// Pieces whose hash was bad.
    pub bad_pieces: u32,
    /// Microseconds from the first attempt to the end.
    pub micros: u64,
    /// SHA-256 over the whole, when it is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// How it ended: `ExchangeEnd` of `dolab-check`'s evidence.
    pub end: Value,
    /// What the receiver's witness saw: `Witnessed` of `dolab-check`'s evidence.
    pub witness: Value,
}
