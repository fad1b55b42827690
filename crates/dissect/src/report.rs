//! What a capture says, as types and as the JSON of `dolab.dissect/1`.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use dolab_wire::preface::Protocol;
use serde::Serialize;

use crate::{
    capture::{Damage, Format, Interface},
    event::{Moment, Side},
    findings::{Finding, Kind, Severity},
    names::{Asker, Service},
    packet::IcmpError,
    swarm::KINDS,
    tcp::{Connection, End, Ending, Setup},
    teredo::TeredoPair,
};

/// Name and version of the document.
pub const SCHEMA: &str = "dolab.dissect/1";

/// All that a capture says.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// One sentence.
    pub summary: String,
    /// What the file is.
    pub file: FileReport,
    /// The connections, at most 10,000.
    pub connections: Vec<ConnectionReport>,
    /// Connections that found no room in the list above. Their findings are told all the same.
    pub connections_left_out: u64,
    /// Bytes by host.
    pub hosts: Vec<HostReport>,
    /// Services announced by DNS-SD.
    pub services: Vec<Service>,
    /// Hosts that asked for them.
    pub askers: Vec<Asker>,
    /// Teredo.
    pub teredo: Vec<TeredoPair>,
    /// What is wrong, or worth knowing.
    pub findings: Vec<Finding>,
}

/// The file.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// Its format.
    pub format: Format,
    /// Its bytes, as far as they were read.
    pub bytes: u64,
    /// Packets in it.
    pub packets: u64,
    /// Packets of TCP, UDP or ICMP on the ports looked at.
    pub packets_of_interest: u64,
    /// When the first packet was captured, in seconds since 1970-01-01 UTC.
    pub started_unix_seconds: Option<f64>,
    /// From the first packet to the last.
    pub seconds: f64,
    /// Packets that were not kept whole.
    pub packets_cut: u64,
    /// Where packets were captured.
    pub interfaces: Vec<Interface>,
    /// Comments in the file.
    pub comments: u64,
    /// Where it is broken: the first 16 places.
    pub damages: Vec<Damage>,
    /// In how many places.
    pub damaged: u64,
}

/// What was spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Spoken {
    /// The Swarm protocol.
    Swarm,
    /// dolab's check session.
    Check,
    /// dolab's benchmark.
    Bench,
    /// Something else.
    Other,
    /// Nothing.
    Nothing,
    /// It could not be seen.
    Unknown,
}

/// How a connection began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begin {
    /// Before the capture.
    NotSeen,
    /// Nobody answered.
    Unanswered,
    /// It was accepted.
    Accepted,
    /// It was refused by a reset.
    Refused,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    /// It stands when the capture ends, or was not followed to its end.
    Open,
    /// In order.
    Closed,
    /// By a reset.
    Reset,
}

/// One connection.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionReport {
    /// Counted from 1.
    pub number: u32,
    /// Who connected.
    pub caller: SocketAddr,
    /// Who listened.
    pub listener: SocketAddr,
    /// Begin, in seconds from the first packet.
    #[serde(rename = "begins_seconds")]
    pub begins: Moment,
    /// How long it was seen.
    pub seconds: f64,
    /// How it began.
    pub begin: Begin,
    /// SYNs of the caller.
    pub attempts: u32,
    /// From the first SYN to the answer, in milliseconds.
    pub accepted_ms: Option<f64>,
    /// What was spoken.
    pub protocol: Spoken,
    /// The swarm that the caller asked for, 64 hex digits.
    pub swarm: Option<String>,
    /// How it ended.
    pub finish: Finish,
    /// Who ended it.
    pub finished_by: Option<Side>,
    /// What the caller did.
    pub caller_side: SideReport,
    /// What the listener did.
    pub listener_side: SideReport,
    /// ICMP errors about it.
    pub icmp: Vec<IcmpReport>,
    /// Pauses in which requests waited, in seconds.
    pub stalls: Vec<f64>,
}

/// An ICMP error.
#[derive(Clone, Debug, Serialize)]
pub struct IcmpReport {
    /// Who made it.
    pub maker: IpAddr,
    /// ICMP type.
    #[serde(rename = "type")]
    pub icmp_type: u8,
    /// ICMP code.
    pub code: u8,
    /// What it means.
    pub means: &'static str,
}

/// One side of a connection.
#[derive(Clone, Debug, Serialize)]
pub struct SideReport {
    /// Its peer id, 40 hex digits.
    pub peer: Option<String>,
    /// Bytes of its stream, each counted once.
    pub bytes: u64,
    /// Bytes that it sent again.
    pub retransmitted: u64,
    /// Segments that came before others that belong in front of them.
    pub out_of_order: u64,
    /// Bytes that are not in the capture.
    pub missing: u64,
    /// Bytes that could not be read as messages.
    pub unread: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes of pieces that it sent.
    pub piece_bytes: u64,
    /// Blocks that it sent.
    pub pieces: u64,
    /// Blocks that it asked for.
    pub requests: u64,
    /// Blocks that it asked for more than once.
    pub asked_twice: u64,
    /// Blocks that it sent unasked.
    pub unasked: u64,
    /// Requests that were never answered.
    pub unanswered: u64,
    /// Messages by kind.
    pub messages: BTreeMap<&'static str, u64>,
    /// TTL or hop limit of its packets.
    pub hop_limit: Option<u8>,
}

/// What a host sent and got over all of its connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostReport {
    /// The host.
    pub host: IpAddr,
    /// Its connections.
    pub connections: u64,
    /// Bytes of pieces that it sent.
    pub piece_bytes_sent: u64,
    /// Bytes of pieces that it got.
    pub piece_bytes_received: u64,
    /// All bytes that it sent.
    pub bytes_sent: u64,
    /// All bytes that it got.
    pub bytes_received: u64,
}

impl Report {
    /// Whether anything in it is of Delivery Optimization.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
            && self.services.is_empty()
            && self.askers.is_empty()
            && self.teredo.is_empty()
    }

    /// Bytes of pieces that all connections carried.
    pub fn piece_bytes(&self) -> u64 {
        self.hosts.iter().map(|host| host.piece_bytes_sent).sum()
    }

    /// Says the damage of the file and the answer, once everything else is known.
    pub(crate) fn conclude(&mut self) {
        if let Some(first) = self.file.damages.first() {
            self.findings.push(Finding {
                kind: Kind::DamagedFile,
                code: None,
                severity: Severity::Info,
                connections: Vec::new(),
                count: self.file.damaged,
                title: "the file is damaged: what it holds was read".to_owned(),
                evidence: vec![first.to_string()],
                do_error: None,
            });
        }
        self.summary = self.sentence();
    }

    fn sentence(&self) -> String {
        if self.is_empty() {
            return format!(
                "nothing of Delivery Optimization in {} packets",
                self.file.packets
            );
        }
        let wrong = self.findings.iter().find(|f| f.severity > Severity::Info);
        let swarms = self
            .connections
            .iter()
            .filter(|c| c.protocol == Spoken::Swarm);
        let carried = format!(
            "{} of {} connections spoke the Swarm protocol and carried {} bytes of pieces",
            swarms.count(),
            self.connections.len() as u64 + self.connections_left_out,
            self.piece_bytes()
        );
        match wrong {
            Some(finding) => format!("{}; {carried}", finding.title),
            None => format!("nothing is wrong: {carried}"),
        }
    }
}

impl ConnectionReport {
    pub(crate) fn of(c: &Connection) -> Self {
        let (finish, finished_by) = match c.ending {
            Ending::Open => (Finish::Open, None),
            Ending::Closed(side) => (Finish::Closed, Some(side)),
            Ending::Reset(side) => (Finish::Reset, Some(side)),
        };
        let handshakes = [Side::Caller, Side::Listener].map(|side| c.talk.said(side).handshake);
        Self {
            number: c.number,
            caller: c.caller,
            listener: c.listener,
            begins: c.first,
            seconds: Moment(c.last.0.saturating_sub(c.first.0)).seconds(),
            begin: match c.setup {
                Setup::NotSeen => Begin::NotSeen,
                Setup::Asked => Begin::Unanswered,
                Setup::Accepted => Begin::Accepted,
                Setup::Refused => Begin::Refused,
            },
            attempts: c.attempts,
            accepted_ms: c
                .accepted
                .filter(|_| c.attempts > 0)
                .map(|at| Moment(at.0.saturating_sub(c.first.0)).seconds() * 1e3),
            protocol: spoken(c),
            swarm: handshakes
                .into_iter()
                .flatten()
                .next()
                .map(|h| h.swarm.to_string()),
            finish,
            finished_by,
            caller_side: SideReport::of(c, Side::Caller),
            listener_side: SideReport::of(c, Side::Listener),
            icmp: c.icmp.iter().map(IcmpReport::of).collect(),
            stalls: c
                .talk
                .stalls()
                .iter()
                .map(|stall| Moment(stall.lasted).seconds())
                .collect(),
        }
    }

    /// One of its sides.
    pub fn side(&self, side: Side) -> &SideReport {
        match side {
            Side::Caller => &self.caller_side,
            Side::Listener => &self.listener_side,
        }
    }
}

impl IcmpReport {
    fn of(error: &IcmpError) -> Self {
        Self {
            maker: error.maker,
            icmp_type: error.icmp_type,
            code: error.code,
            means: error.means(),
        }
    }
}

impl SideReport {
    fn of(c: &Connection, side: Side) -> Self {
        let said = c.talk.said(side);
        let End {
            stream,
            packets,
            hop_limit,
            ..
        } = c.end(side);
        let messages = KINDS.into_iter().zip(said.messages);
        Self {
            peer: said.handshake.map(|handshake| handshake.peer.to_string()),
            bytes: stream.len(),
            retransmitted: stream.again,
            out_of_order: stream.early,
            missing: stream.missing,
            unread: said.unread,
            packets: *packets,
            piece_bytes: said.sent_bytes,
            pieces: said.sent_blocks,
            requests: said.asked_blocks,
            asked_twice: said.asked_twice,
            unasked: said.unasked_blocks,
            unanswered: c.talk.outstanding(side),
            messages: messages.filter(|(_, count)| *count > 0).collect(),
            hop_limit: *hop_limit,
        }
    }
}

fn spoken(c: &Connection) -> Spoken {
    let other = [Side::Caller, Side::Listener]
        .into_iter()
        .any(|side| c.talk.said(side).other.is_some());
    match c.talk.protocol() {
        Some(Protocol::Swarm) => Spoken::Swarm,
        Some(Protocol::Check) => Spoken::Check,
        Some(Protocol::Bench) => Spoken::Bench,
        None if other => Spoken::Other,
        None if c.bytes() == 0 => Spoken::Nothing,
        None => {
            let messages = [Side::Caller, Side::Listener]
                .map(|side| c.talk.said(side).messages.iter().sum::<u64>());
            match messages {
                [0, 0] => Spoken::Unknown,
                _ => Spoken::Swarm,
            }
        }
    }
}
