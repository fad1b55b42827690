//! What happened, one thing at a time.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use serde::{Serialize, Serializer};

/// A time in the capture, in nanoseconds since its first packet. In JSON in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// In seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(self.seconds())
    }
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Who connected.
    Caller,
    /// Who listened.
    Listener,
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Caller => Self::Listener,
            Self::Listener => Self::Caller,
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller => "caller",
            Self::Listener => "listener",
        })
    }
}

/// Something that the capture shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// When it began.
    #[serde(rename = "seconds")]
    pub at: Moment,
    /// The connection's number, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<u32>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Side>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// Blocks of pieces in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// How many.
    pub blocks: u64,
    /// Their sum.
    pub bytes: u64,
    /// Lowest piece among them.
    pub first_piece: u32,
    /// Highest piece among them.
    pub last_piece: u32,
    /// When the last one began.
    #[serde(rename = "until_seconds")]
    pub until: Moment,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum What {
    /// A connection is asked for (SYN).
    Opens {
        /// Who asks.
        caller: SocketAddr,
        /// Who is asked.
        listener: SocketAddr,
        /// 1, or more where it was asked before.
        attempt: u32,
    },
    /// A connection is there already when the capture begins.
    Joins {
        /// Who connected, as far as the ports tell.
        caller: SocketAddr,
        /// Who listened.
        listener: SocketAddr,
    },
    /// The connection is accepted (SYN/ACK).
    Accepts,
    /// A handshake of the Swarm protocol.
    Handshake {
        /// The swarm, 64 hex digits.
        swarm: String,
        /// The sender, 40 hex digits.
        peer: String,
        /// Bytes in a piece.
        piece_size: u64,
    },
    /// The first bytes are of another protocol.
    OtherProtocol {
        /// What they say, escaped.
        says: String,
    },
    /// Keepalives in a row.
    KeepAlives {
        /// How many.
        count: u64,
    },
    /// The sender will not answer requests.
    Choke,
    /// The sender answers requests.
    Unchoke,
    /// The sender wants pieces.
    Interested,
    /// The sender wants nothing.
    NotInterested,
    /// Pieces that the sender has now.
    Haves {
        /// How many.
        count: u64,
        /// Lowest.
        first_piece: u32,
        /// Highest.
        last_piece: u32,
    },
    /// All that the sender has.
    Bitfield {
        /// Pieces that it has.
        has: u64,
        /// Pieces that it could tell of, in whole bytes.
        of: u64,
    },
    /// Blocks asked for.
    Requests(Run),
    /// Blocks that came.
    Pieces(Run),
    /// Blocks that are no longer wanted.
    Cancels(Run),
    /// A message of an unknown kind, which peers skip.
    Opaque {
        /// Its id.
        id: u8,
        /// Its bytes.
        bytes: u32,
    },
    /// Bytes that are no message. What follows them is not read.
    Malformed {
        /// What is wrong.
        error: String,
        /// Delivery Optimization's code for it.
        do_error: String,
    },
    /// Bytes that the capture does not hold, where messages would stand.
    Gap {
        /// How many.
        bytes: u64,
    },
    /// Messages are read again.
    Resumes {
        /// Bytes in between that were not read.
        unread: u64,
    },
    /// Nothing came, though it was asked for.
    Stall {
        /// How long, in seconds.
        lasted: f64,
        /// Requests without an answer.
        outstanding: u64,
        /// Whether something came in the end.
        ended: bool,
    },
    /// The sender has said everything (FIN).
    Closes,
    /// The connection is torn down (RST).
    Resets {
        /// Bytes that the connection had carried, both directions together.
        after_bytes: u64,
    },
    /// Somebody says that a packet did not get through.
    Icmp {
        /// Who says it.
        maker: IpAddr,
        /// ICMP type.
        #[serde(rename = "type")]
        icmp_type: u8,
        /// ICMP code.
        code: u8,
        /// What it means.
        means: &'static str,
    },
    /// DNS-SD: somebody asks who is there.
    Asks {
        /// Who.
        host: IpAddr,
        /// For what.
        service: String,
    },
    /// DNS-SD: somebody says that it is there, or no longer.
    Announces {
        /// Who says it.
        host: IpAddr,
        /// The service's name.
        instance: String,
        /// Its port, where it is told.
        #[serde(skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        /// Its properties.
        properties: Vec<String>,
        /// Whether it says goodbye.
        leaves: bool,
    },
    /// A Teredo packet.
    Teredo {
        /// Who sent it.
        source: SocketAddr,
        /// To whom.
        destination: SocketAddr,
        /// What it is.
        packet: TeredoKind,
        /// The address that a server saw, where it tells.
        #[serde(skip_serializing_if = "Option::is_none")]
        origin: Option<SocketAddr>,
    },
    /// What somebody wrote into the capture.
    Comment {
        /// The words.
        text: String,
    },
}

/// Kinds of Teredo packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TeredoKind {
    /// A client asks a server for its prefix.
    Solicitation,
    /// The server answers.
    Advertisement,
    /// An empty packet that opens a NAT.
    Bubble,
    /// Anything else inside.
    Data,
}

impl fmt::Display for TeredoKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Solicitation => "solicitation",
            Self::Advertisement => "advertisement",
            Self::Bubble => "bubble",
            Self::Data => "data",
        })
    }
}

impl fmt::Display for What {
    /// What happened, in a few words, without who did it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opens { attempt: 1, .. } => f.write_str("asks for a connection (SYN)"),
            Self::Opens { attempt, .. } => write!(f, "asks again (SYN {attempt})"),
            Self::Joins { .. } => {
                f.write_str("speaks on a connection that stood before the capture")
            }
            Self::Accepts => f.write_str("accepts (SYN/ACK)"),
            Self::Handshake {
                peer, piece_size, ..
            } => write!(f, "handshake: peer {peer}, pieces of {piece_size} bytes"),
            Self::OtherProtocol { says } => write!(f, "says \"{says}\""),
            Self::KeepAlives { count: 1 } => f.write_str("keepalive"),
            Self::KeepAlives { count } => write!(f, "{count} keepalives"),
            Self::Choke => f.write_str("choke: will not answer requests"),
            Self::Unchoke => f.write_str("unchoke: answers requests"),
            Self::Interested => f.write_str("interested"),
            Self::NotInterested => f.write_str("not interested"),
            Self::Haves {
                count,
                first_piece,
                last_piece,
            } => write!(
                f,
                "has {count} more ({})",
                Pieces(*first_piece, *last_piece)
            ),
            Self::Bitfield { has, of } => write!(f, "bitfield: has {has} pieces, room for {of}"),
            Self::Requests(run) => write!(f, "asks for {run}"),
            Self::Pieces(run) => write!(f, "sends {run}"),
            Self::Cancels(run) => write!(f, "no longer wants {run}"),
            Self::Opaque { id, bytes } => {
                write!(f, "message {id} of {bytes} bytes, which peers skip")
            }
            Self::Malformed { error, do_error } => write!(f, "{error} ({do_error})"),
            Self::Gap { bytes } => write!(f, "{bytes} bytes are not in the capture"),
            Self::Resumes { unread } => write!(f, "is understood again, {unread} bytes later"),
            Self::Stall {
                lasted,
                outstanding,
                ended,
            } => {
                let end = if *ended { "" } else { ", and never came" };
                write!(
                    f,
                    "sends nothing for {lasted:.3} s while {outstanding} requests wait{end}"
                )
            }
            Self::Closes => f.write_str("closes (FIN)"),
            Self::Resets { after_bytes } => write!(f, "resets after {after_bytes} bytes (RST)"),
            Self::Icmp {
                maker,
                icmp_type,
                code,
                means,
            } => write!(
                f,
                "{maker} says: {means} (ICMP type {icmp_type} code {code})"
            ),
            Self::Asks { host, service } => write!(f, "{host} asks by DNS-SD for {service}"),
            Self::Announces {
                host,
                instance,
                port,
                leaves,
                ..
            } => match (leaves, port) {
                (true, _) => write!(f, "{host} says goodbye by DNS-SD: {instance}"),
                (false, Some(port)) => {
                    write!(f, "{host} says by DNS-SD: {instance} on port {port}")
                }
                (false, None) => write!(f, "{host} says by DNS-SD: {instance}"),
            },
            Self::Teredo {
                source,
                destination,
                packet,
                origin,
            } => {
                write!(f, "Teredo {packet} from {source} to {destination}")?;
                match origin {
                    Some(origin) => write!(f, ", which sees it at {origin}"),
                    None => Ok(()),
                }
            }
            Self::Comment { text } => write!(f, "comment: {text}"),
        }
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blocks, bytes, .. } = self;
        let pieces = Pieces(self.first_piece, self.last_piece);
        let s = if *blocks == 1 { "" } else { "s" };
        write!(f, "{blocks} block{s} of {pieces}, {bytes} bytes")
    }
}

/// One piece, or several.
struct Pieces(u32, u32);

impl fmt::Display for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(first, last) if first == last => write!(f, "piece {first}"),
            Self(first, last) => write!(f, "pieces {first} to {last}"),
        }
    }
}
