//! What was seen of a path, by whom. Blame rests on nothing else.
//!
//! A path has a *caller*, who sends the request, and a *callee*, who listens for it. Each reports
//! what its sockets told it and what its [witness](crate::witness) saw on its own wire. The
//! two halves travel in the check session and are put together on the host that runs the check.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    firewall::Standing,
    hops::Hops,
    report::{Direction, ExchangeDirection, PathId},
};

/// Everything known about one path in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathEvidence {
    /// Which path.
    pub path: PathId,
    /// Who called: the host that runs the check (outbound), or the other (inbound).
    pub direction: Direction,
    /// What the caller's socket saw.
    pub caller: CallerSaw,
    /// What crossed the caller's wire.
    pub caller_witness: Witnessed,
    /// What crossed the callee's wire.
    pub callee_witness: Witnessed,
    /// What the callee knows of its listener; `None` without a session.
    pub callee: Option<CalleeSaw>,
    /// The way between the two, where it was looked at.
    #[serde(default)]
    pub hops: Hops,
}

/// The caller's half of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerReport {
    /// What its socket saw.
    pub saw: CallerSaw,
    /// What crossed its wire.
    pub witness: Witnessed,
}

/// The callee's half of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalleeReport {
    /// What it knows of its listener.
    pub saw: CalleeSaw,
    /// What crossed its wire.
    pub witness: Witnessed,
}

impl PathEvidence {
    /// What is known when only the caller could be asked.
    pub fn from_caller(path: PathId, direction: Direction, caller: CallerReport) -> Self {
        Self {
            path,
            direction,
            caller: caller.saw,
            caller_witness: caller.witness,
            callee_witness: Witnessed::Absent(NoWitness::NoSession),
            callee: None,
            hops: Hops::default(),
        }
    }

    /// A path that was not tried, and why.
    pub fn not_tested(path: PathId, direction: Direction, why: NotTested) -> Self {
        Self::from_caller(
            path,
            direction,
            CallerReport {
                saw: CallerSaw::new(Outcome::NotTested(why)),
                witness: Witnessed::Absent(NoWitness::NotAsked),
            },
        )
    }

    /// Adds the callee's half.
    #[must_use]
    pub fn with_callee(mut self, callee: CalleeReport) -> Self {
        self.callee = Some(callee.saw);
        self.callee_witness = callee.witness;
        self
    }

    /// ICMP errors that reached the caller, from its error queue and its wire, each once.
    pub fn icmp(&self) -> Vec<IcmpError> {
        let wire = self
            .caller_witness
            .saw()
            .map_or(&[][..], |w| &w.icmp_arrived);
        let mut all: Vec<IcmpError> = Vec::new();
        for error in self.caller.icmp.iter().chain(wire) {
            if !all.contains(error) {
                all.push(*error);
            }
        }
        all
    }
}

/// What the caller's socket saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerSaw {
    /// How the call ended.
    pub outcome: Outcome,
    /// The system's error, where there was one.
    pub error: Option<OsError>,
    /// The address called from, where it is known.
    pub from: Option<SocketAddr>,
    /// The address called.
    pub to: Option<SocketAddr>,
    /// Round trip of the first exchange, in microseconds.
    #[serde(with = "micros_option")]
    pub rtt: Option<Duration>,
    /// Calls made, of which the last or the best is told here.
    pub attempts: u32,
    /// Time until the outcome was known, in microseconds.
    #[serde(with = "micros")]
    pub waited: Duration,
    /// ICMP errors from the socket's error queue (Linux).
    pub icmp: Vec<IcmpError>,
}

impl CallerSaw {
    /// An outcome of which nothing else is known yet.
    pub fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            error: None,
            from: None,
            to: None,
            rtt: None,
            attempts: 0,
            waited: Duration::ZERO,
            icmp: Vec::new(),
        }
    }
}

/// How a call ended, as the caller's socket tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The protocol's first exchange worked.
    Open,
    /// TCP connected, or a datagram came back, but what answers is not dolab: another program
    /// holds the port, a proxy answers in its place, or Delivery Optimization itself does.
    Foreign,
    /// Connection refused; for UDP, port unreachable.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The network, or this host's routing table, said that there is no way.
    Unreachable(Unreachable),
    /// TCP connected and was then reset, before the first exchange was done.
    ResetAfterConnect,
    /// TCP connected and the first exchange never came to an end.
    SilentAfterConnect,
    /// TCP connected and the other side closed in order, before the first exchange was done.
    ClosedAfterConnect,
    /// The system forbade the send or the connect (EPERM, EACCES, WSAEACCES).
    Forbidden,
    /// Not tried. Never a failure.
    NotTested(NotTested),
}

/// Which way of being unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreachable {
    /// ENETUNREACH.
    Net,
    /// EHOSTUNREACH.
    Host,
    /// Another error of this kind, such as EINVAL from a blackhole route.
    Other,
}

/// Why a path was not tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotTested {
    /// The user left it out.
    NotAsked,
    /// There was no session, so that nobody could be asked to call back.
    NoSession,
    /// The callee does not listen: see [`CalleeSaw::listener`].
    NoListener,
    /// The far side declined, such as for its limit on probes.
    Declined {
        /// Its words.
        why: String,
    },
    /// There was no time left.
    OutOfTime,
    /// Both sides are the same host, or the address is loopback, where the path has no meaning.
    SameHost,
    /// The two hosts are on different links, where the path has no meaning.
    OtherLink,
    /// The caller could not try it, such as for want of a socket.
    Failed {
        /// What went wrong.
        why: String,
    },
}

impl fmt::Display for NotTested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("left out"),
            Self::NoSession => {
                f.write_str("no session with the other side, so it could not be asked to call")
            }
            Self::NoListener => f.write_str("nothing listens for it on the called host"),
            Self::Declined { why } => write!(f, "the other side declined: {why}"),
            Self::OutOfTime => f.write_str("no time was left for it"),
            Self::SameHost => f.write_str("both ends are this host"),
            Self::OtherLink => {
                f.write_str("the two hosts are on different links, which multicast does not cross")
            }
            Self::Failed { why } => write!(f, "the caller could not try it: {why}"),
        }
    }
}

/// An error of the caller's or callee's system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsError {
    /// The system's number.
    pub code: i32,
    /// Its name, such as `ECONNREFUSED`, or the system's words where we have no name for it.
    pub name: String,
}

impl OsError {
    /// The error behind `error`, where it came from the system.
    pub fn from_io(error: &io::Error) -> Option<Self> {
        let code = error.raw_os_error()?;
        let name = os_error_name(code).map_or_else(|| error.to_string(), str::to_owned);
        Some(Self { code, name })
    }
}

impl fmt::Display for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.code)
    }
}

#[cfg(target_os = "linux")]
fn os_error_name(code: i32) -> Option<&'static str> {
    Some(match code {
        1 => "EPERM",
        13 => "EACCES",
        22 => "EINVAL",
        32 => "EPIPE",
        90 => "EMSGSIZE",
        98 => "EADDRINUSE",
        99 => "EADDRNOTAVAIL",
        100 => "ENETDOWN",
        101 => "ENETUNREACH",
        103 => "ECONNABORTED",
        104 => "ECONNRESET",
        110 => "ETIMEDOUT",
        111 => "ECONNREFUSED",
        112 => "EHOSTDOWN",
        113 => "EHOSTUNREACH",
        _ => return None,
    })
}

#[cfg(windows)]
fn os_error_name(code: i32) -> Option<&'static str> {
    Some(match code {
        10013 => "WSAEACCES",
        10022 => "WSAEINVAL",
        10040 => "WSAEMSGSIZE",
        10048 => "WSAEADDRINUSE",
        10049 => "WSAEADDRNOTAVAIL",
        10050 => "WSAENETDOWN",
        10051 => "WSAENETUNREACH",
        10053 => "WSAECONNABORTED",
        10054 => "WSAECONNRESET",
        10060 => "WSAETIMEDOUT",
        10061 => "WSAECONNREFUSED",
        10064 => "WSAEHOSTDOWN",
        10065 => "WSAEHOSTUNREACH",
        _ => return None,
    })
}

#[cfg(not(any(target_os = "linux", windows)))]
fn os_error_name(_code: i32) -> Option<&'static str> {
    None
}

/// What a witness has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witnessed {
    /// What it saw.
    Saw(WireSaw),
    /// There was none.
    Absent(NoWitness),
}

impl Witnessed {
    /// What it saw, if there was one.
    pub fn saw(&self) -> Option<&WireSaw> {
        match self {
            Self::Saw(saw) => Some(saw),
            Self::Absent(_) => None,
        }
    }
}

/// Why there was no witness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoWitness {
    /// The program may not open a packet socket (CAP_NET_RAW on Linux).
    NoPrivilege,
    /// There is no witness for this system.
    Unsupported,
    /// There was no session to ask over.
    NoSession,
    /// Nobody asked.
    NotAsked,
    /// It could not be started, or broke.
    Failed {
        /// What went wrong.
        why: String,
    },
}

impl fmt::Display for NoWitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPrivilege => f.write_str("no privilege to watch the wire (CAP_NET_RAW)"),
            Self::Unsupported => f.write_str("the wire can not be watched on this system"),
            Self::NoSession => f.write_str("no session to ask over"),
            Self::NotAsked => f.write_str("not asked"),
            Self::Failed { why } => write!(f, "the wire could not be watched: {why}"),
        }
    }
}

/// What crossed one host's wire for one path: counts of packets as its witness saw them.
///
/// On Linux a packet counts as *arrived* before the host's own input rules have seen it, and as
/// *left* only after its own output rules have let it pass (checked in namespaces; see
/// `crates/check/tests/witness_netns.rs`). So a request that arrived and was not answered was
/// dropped by that host, and a request that was sent and did not leave was dropped by that host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireSaw {
    /// Requests that left: TCP SYN, or datagrams to the path's port.
    pub requests_left: u32,
    /// Requests that arrived.
    pub requests_arrived: u32,
    /// Answers that left: TCP SYN/ACK, or datagrams from the path's port.
    pub answers_left: u32,
    /// Answers that arrived.
    pub answers_arrived: u32,
    /// TCP RSTs that left.
    pub resets_left: u32,
    /// TCP RSTs that arrived.
    pub resets_arrived: u32,
    /// ICMP errors about this path that left, each sender, type and code once.
    pub icmp_left: Vec<IcmpError>,
    /// ICMP errors about this path that arrived, each sender, type and code once.
    pub icmp_arrived: Vec<IcmpError>,
    /// TTL or hop limit of the last request or answer that arrived.
    pub hop_limit: Option<u8>,
    /// TTL or hop limit of the last RST that arrived: another value than that of the answers shows
    /// that another host made it.
    pub reset_hop_limit: Option<u8>,
    /// Requests to the same port that arrived from other addresses meanwhile: the caller may be
    /// among them, behind an address translator.
    #[serde(default)]
    pub requests_from_others: u32,
    /// Addresses that this host asked for on its link (ARP, neighbour solicitation) meanwhile
    /// and that nobody answered for: a request to such a next hop does not leave either.
    #[serde(default)]
    pub unresolved: Vec<IpAddr>,
    /// Packets that the witness knows it lost. Unless 0, what it did not see proves nothing.
    pub missed: u32,
}

impl WireSaw {
    /// Whether what it did not see did not happen.
    pub fn is_complete(&self) -> bool {
        self.missed == 0
    }

    /// Adds what another look at the same wire saw, at other packets.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        self.requests_left += other.requests_left;
        self.requests_arrived += other.requests_arrived;
        self.answers_left += other.answers_left;
        self.answers_arrived += other.answers_arrived;
        self.resets_left += other.resets_left;
        self.resets_arrived += other.resets_arrived;
        for error in &other.icmp_left {
            if !self.icmp_left.contains(error) {
                self.icmp_left.push(*error);
            }
        }
        for error in &other.icmp_arrived {
            if !self.icmp_arrived.contains(error) {
                self.icmp_arrived.push(*error);
            }
        }
        self.hop_limit = other.hop_limit.or(self.hop_limit);
        self.reset_hop_limit = other.reset_hop_limit.or(self.reset_hop_limit);
        self.requests_from_others += other.requests_from_others;
        for address in &other.unresolved {
            if !self.unresolved.contains(address) {
                self.unresolved.push(*address);
            }
        }
        self.missed += other.missed;
        self
    }
}

/// An ICMP error about a packet of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IcmpError {
    /// The host that made it: the target itself, a router between, or this host.
    pub from: IpAddr,
    /// Type, of ICMP where `from` is IPv4 and of ICMPv6 where it is IPv6.
    #[serde(rename = "type")]
    pub icmp_type: u8,
    /// Code.
    pub code: u8,
    /// The MTU that a "too big" names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mtu: Option<u32>,
}

/// What an ICMP error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpKind {
    /// Port unreachable: nobody listens, or a firewall's plain reject.
    Port,
    /// Forbidden by an administrator: always a filter.
    Prohibited,
    /// No route to the network.
    Net,
    /// No way to the host, such as no answer to ARP.
    Host,
    /// The packet is too big for the path.
    TooBig,
    /// Hop limit used up.
    TimeExceeded,
    /// Anything else.
    Other,
}

impl IcmpError {
    /// What it means (documented: RFC 792, 1122, 1812, 4443).
    pub fn kind(&self) -> IcmpKind {
        match (self.from.is_ipv4(), self.icmp_type, self.code) {
            (true, 3, 3) | (false, 1, 4) => IcmpKind::Port,
            (true, 3, 9 | 10 | 13) | (false, 1, 1 | 5 | 6) => IcmpKind::Prohibited,
            (true, 3, 0 | 6 | 11) | (false, 1, 0) => IcmpKind::Net,
            (true, 3, 1 | 7 | 12) | (false, 1, 3) => IcmpKind::Host,
            (true, 3, 4) | (false, 2, _) => IcmpKind::TooBig,
            (true, 11, _) | (false, 3, _) => IcmpKind::TimeExceeded,
            _ => IcmpKind::Other,
        }
    }
}

impl fmt::Display for IcmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.from.is_ipv4() {
            "ICMP"
        } else {
            "ICMPv6"
        };
        let kind = match self.kind() {
            IcmpKind::Port => "port unreachable",
            IcmpKind::Prohibited => "prohibited by an administrator",
            IcmpKind::Net => "network unreachable",
            IcmpKind::Host => "host unreachable",
            IcmpKind::TooBig => "packet too big",
            IcmpKind::TimeExceeded => "time exceeded",
            IcmpKind::Other => "error",
        };
        let (icmp_type, code) = (self.icmp_type, self.code);
        write!(
            f,
            "{family} {kind} (type {icmp_type} code {code}) from {}",
            self.from
        )?;
        match self.mtu {
            Some(mtu) => write!(f, ", MTU {mtu}"),
            None => Ok(()),
        }
    }
}

/// What the callee knows of its listener and of this call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalleeSaw {
    /// Whether something of ours listened.
    pub listener: Listener,
    /// Whether the listener got the call: the connection was accepted, or the datagram read.
    /// `None` where it was not looked at.
    pub accepted: Option<bool>,
    /// How the callee's answer went out.
    pub answer: Answer,
    /// Whether the kernel held the caller's connection half-open (SYN-RECV): the SYN came in, and
    /// the handshake's last part did not. `None` where it was not looked at.
    pub half_open: Option<bool>,
    /// What its own list of firewall rules says of the call, where it was swallowed on this host and
    /// the list could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Standing>,
    /// Why that list could not be read, where it was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_unread: Option<String>,
}

/// Whether something of ours listens on a path's port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listener {
    /// It does.
    Listening,
    /// It does not.
    Closed(ClosedBecause),
}

/// Why nothing of ours listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClosedBecause {
    /// Another program holds the port.
    Held {
        /// Its name, where the system tells.
        by: Option<String>,
    },
    /// The port needs a privilege that the program does not have.
    NoPrivilege,
    /// The user did not want it.
    NotWanted,
    /// The program does not run, or no longer.
    Stopped,
    /// Anything else.
    Failed {
        /// What went wrong.
        why: String,
    },
}

impl fmt::Display for ClosedBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { by: Some(by) } => write!(f, "the port is held by {by}"),
            Self::Held { by: None } => f.write_str("the port is held by another program"),
            Self::NoPrivilege => f.write_str("the port needs a privilege that is not there"),
            Self::NotWanted => f.write_str("it was not wanted"),
            Self::Stopped => f.write_str("the program has stopped"),
            Self::Failed { why } => f.write_str(why),
        }
    }
}

/// How an answer went out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// None was due, or the kernel answers by itself (TCP).
    #[default]
    None,
    /// The system took it.
    Sent,
    /// The system refused to send it (EPERM and its kin).
    Forbidden(OsError),
    /// Sending failed otherwise.
    Failed(OsError),
}

/// What was seen of content that moved in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeEvidence {
    /// Seen from the host that ran the check.
    pub direction: ExchangeDirection,
    /// Bytes that were to be moved.
    pub wanted: u64,
    /// Bytes that arrived and were kept.
    pub moved: u64,
    /// Pieces whose hash was good.
    pub verified: u32,
    /// Pieces whose hash was bad.
    pub bad_pieces: u32,
    /// How it ended.
    pub end: ExchangeEnd,
    /// Echoes over the same path, where they were tried.
    pub echo: Option<Echo>,
    /// The largest packet, in bytes with its IP header, that this host's system sends over the
    /// connection: its interface's, or less where a router said so. `None` where the system does not
    /// tell, or no connection stood when it was looked at.
    pub path_mtu: Option<u32>,
    /// What crossed the wire of the host that sent the content.
    pub sender_witness: Witnessed,
    /// What crossed the wire of the host that received it.
    pub receiver_witness: Witnessed,
}

/// How the moving of content ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExchangeEnd {
    /// All of it arrived and was verified.
    Complete,
    /// The connection was reset.
    Reset,
    /// No byte moved for this long.
    Stalled {
        /// Microseconds.
        #[serde(with = "micros")]
        after: Duration,
    },
    /// The other side closed in order before the end.
    Closed,
    /// The other side went away: it neither closes nor answers on any path any more.
    PeerGone,
    /// Bad pieces: the sender was banned.
    BadPieces,
    /// It could not begin: the exchange's connection could not be made.
    NoConnection,
    /// The other side does not share the content, or not with us.
    Declined {
        /// What it said.
        why: String,
    },
    /// This host or the other failed, such as for a full disk.
    HostFailed {
        /// What went wrong.
        why: String,
    },
}

/// Messages that were sent back and forth to tell a black hole for large packets from a dead path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// Whether a small one (under 500 bytes) came back.
    pub small: bool,
    /// Whether a large one (several full packets) came back.
    pub large: bool,
    /// Size of the large one in bytes.
    pub large_size: u32,
}

mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_micros)
    }
}

mod micros_option {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(d: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        d.map(|d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
            .serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(d)?.map(Duration::from_micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_survives_the_session() {
        let mut caller = CallerSaw::new(Outcome::Unreachable(Unreachable::Host));
        caller.rtt = Some(Duration::from_micros(310));
        caller.waited = Duration::from_millis(3060);
        caller.icmp.push(IcmpError {
            from: "192.0.2.1".parse().unwrap(),
            icmp_type: 3,
            code: 13,
            mtu: None,
        });
        let evidence = PathEvidence::from_caller(
            PathId::Tcp7680,
            Direction::Inbound,
            CallerReport {
                saw: caller,
                witness: Witnessed::Absent(NoWitness::NoPrivilege),
            },
        )
        .with_callee(CalleeReport {
            saw: CalleeSaw {
                listener: Listener::Closed(ClosedBecause::Held { by: None }),
                accepted: None,
                answer: Answer::None,
                half_open: Some(false),
                rules: None,
                rules_unread: None,
            },
            witness: Witnessed::Saw(WireSaw {
                requests_arrived: 2,
                ..WireSaw::default()
            }),
        });
        let json = serde_json::to_string(&evidence).unwrap();
        assert_eq!(
            serde_json::from_str::<PathEvidence>(&json).unwrap(),
            evidence
        );
    }

    #[test]
    fn the_same_icmp_error_counts_once_wherever_it_was_seen() {
        let error = IcmpError {
            from: "192.0.2.1".parse().unwrap(),
            icmp_type: 3,
            code: 3,
            mtu: None,
        };
        let mut caller = CallerSaw::new(Outcome::Refused);
        caller.icmp = vec![error, error];
        let wire = WireSaw {
            icmp_arrived: vec![error],
            ..WireSaw::default()
        };
        let evidence = PathEvidence::from_caller(
            PathId::Udp3544,
            Direction::Outbound,
            CallerReport {
                saw: caller,
                witness: Witnessed::Saw(wire),
            },
        );
        assert_eq!(evidence.icmp(), [error]);
    }

    #[test]
    fn icmp_kinds_of_both_families() {
        let kind = |from: &str, icmp_type, code| {
            IcmpError {
                from: from.parse().unwrap(),
                icmp_type,
                code,
                mtu: None,
            }
            .kind()
        };
        assert_eq!(kind("192.0.2.1", 3, 3), IcmpKind::Port);
        assert_eq!(kind("2001:db8::1", 1, 4), IcmpKind::Port);
        assert_eq!(kind("192.0.2.1", 3, 13), IcmpKind::Prohibited);
        assert_eq!(kind("2001:db8::1", 1, 1), IcmpKind::Prohibited);
        assert_eq!(kind("192.0.2.1", 3, 4), IcmpKind::TooBig);
        assert_eq!(kind("2001:db8::1", 2, 0), IcmpKind::TooBig);
    }
}
