use serde::{Deserialize, Serialize};

use super::{Ask, Digest, Hello, Open, Reply};

/// Everything that one side says to the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Message {
    /// The first message each way.
    Open(Open),
    /// That the sender holds the key: an HMAC-SHA256 over both nonces, versions and the sender's
    /// role.
    Proof {
        /// The HMAC.
        mac: Digest,
    },
    /// Who the sender is.
    Hello(Box<Hello>),
    /// The sender will not go on with this session, and closes it.
    Refused {
        /// Why.
        why: Refusal,
    },
    /// A question.
    Ask {
        /// Chosen by the asker; answers carry it.
        id: u64,
        /// What is asked.
        ask: Ask,
    },
    /// The answer to a question.
    Reply {
        /// Of the question.
        id: u64,
        /// What is answered.
        reply: Reply,
    },
    /// How far something is that an unanswered question asked for.
    Progress {
        /// Of the question.
        id: u64,
        /// Bytes done.
        bytes: u64,
    },
    /// The sender is done and closes.
    Bye,
    /// A type that this version does not know: skipped.
    #[serde(other)]
    Unknown,
}

/// Why something is not done. Each is the sender's decision, not a failure of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Refusal {
    /// A key is demanded, and the other side has none.
    #[error("a key is demanded: give the same --key on both hosts")]
    KeyDemanded,
    /// The other side proved a different key.
    #[error("the keys differ: give the same --key on both hosts")]
    WrongKey,
    /// The sender has no key, but the other side demands one.
    #[error("the other side demands a key that this side was not given")]
    NoKeyHere,
    /// Both sides want to play the same part.
    #[error("both sides want to play the same part in the check")]
    Role,
    /// A call back that nobody asked for.
    #[error("this side did not ask to be called back, or not any more")]
    UnknownCall,
    /// The address is public, and the sender speaks to private ones only.
    #[error("public addresses are not served there: --allow-public lifts that")]
    PublicAddress,
    /// The sender's limit on what strangers may make it do.
    #[error("too many requests: {limit}, try again in {retry_seconds} s")]
    TooMany {
        /// The limit, in words.
        limit: String,
        /// Seconds after which it may work again.
        retry_seconds: u32,
    },
    /// A port that the sender does not probe.
    #[error("port {port} is not probed there: only Delivery Optimization's ports are")]
    Port {
        /// The port.
        port: u16,
    },
    /// There is no such content.
    #[error("that content is not shared there")]
    NoContent,
    /// More than the sender moves for a check.
    #[error("more than {max} bytes are not moved there for a check")]
    TooLarge {
        /// Most that it moves, in bytes.
        max: u64,
    },
    /// The sender takes part in no benchmark.
    #[error("benchmarks are declined there: start `dolab peer` without --no-bench")]
    NoBench,
    /// The question is not known to the sender's version.
    #[error("the other side's version of dolab does not know how to do this: update it")]
    Unsupported,
    /// The question makes no sense, or not now.
    #[error("the request makes no sense to the other side: {why}")]
    Invalid {
        /// What is wrong.
        why: String,
    },
    /// The sender is about to stop.
    #[error("the other side is stopping")]
    Stopping,
    /// The sender's own host failed.
    #[error("the other side could not do it: {why}")]
    Failed {
        /// What went wrong.
        why: String,
    },
    /// A reason that this version does not know.
    #[error("for a reason that this version of dolab does not know")]
    #[serde(other)]
    Unknown,
}
