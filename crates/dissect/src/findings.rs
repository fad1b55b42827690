//! What is wrong with what was said.
//!
//! A capture shows one place only: where something was lost on the way it can tell that it was, and
//! rarely where. What the capture itself lacks is told as such and blamed on nobody.

use std::net::{IpAddr, SocketAddr};

use dolab_wire::{DoCode, preface::Protocol};
use serde::Serialize;

use crate::{
    event::{Moment, Side},
    names::{Asker, Service},
    swarm::Phase,
    tcp::{Connection, Ending, Setup},
    teredo::TeredoPair,
};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong with the peers.
    Info,
    /// Sharing suffered.
    Warning,
    /// Sharing did not take place.
    Error,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The file is broken.
    DamagedFile,
    /// The capture lacks packets.
    IncompleteCapture,
    /// Only one direction of connections was captured.
    OneWay,
    /// Nobody answered the SYN.
    SynUnanswered,
    /// The SYN was answered with a reset.
    SynRefused,
    /// An ICMP error refused it.
    IcmpRefused,
    /// The listener does not know the swarm: silence, and a close.
    UnknownSwarm,
    /// The handshake was not answered, and the connection stands.
    HandshakeUnanswered,
    /// The connection ended before anybody said anything.
    NothingSaid,
    /// The two handshakes do not fit.
    HandshakeMismatch,
    /// It is another protocol.
    OtherProtocol,
    /// Bytes that are no message.
    Malformed,
    /// A side wanted pieces, and was never allowed to ask for them.
    NeverUnchoked,
    /// Requests waited for too long.
    Stall,
    /// The connection was reset.
    Reset,
    /// Blocks were asked for more than once.
    AskedTwice,
    /// Blocks were sent that nobody had asked for.
    Unasked,
    /// Much was sent again.
    Retransmissions,
    /// The connection was closed while requests waited.
    ClosedEarly,
    /// Nobody answered by DNS-SD.
    NobodyAnnounces,
    /// A Teredo server did not answer.
    TeredoUnanswered,
}

impl Kind {
    /// The failure in the catalogue, where it has one for it.
    pub fn code(self) -> Option<&'static str> {
        Some(match self {
            Self::SynUnanswered => "DL103",
            Self::SynRefused => "DL108",
            Self::IcmpRefused => "DL017",
            Self::HandshakeUnanswered | Self::NothingSaid => "DL118",
            Self::Stall => "DL106",
            Self::Reset => "DL105",
            Self::NobodyAnnounces => "DL020",
            Self::TeredoUnanswered => "DL046",
            Self::DamagedFile
            | Self::IncompleteCapture
            | Self::OneWay
            | Self::UnknownSwarm
            | Self::HandshakeMismatch
            | Self::OtherProtocol
            | Self::Malformed
            | Self::NeverUnchoked
            | Self::AskedTwice
            | Self::Unasked
            | Self::Retransmissions
            | Self::ClosedEarly => return None,
        })
    }

    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::DamagedFile
            | Self::IncompleteCapture
            | Self::OneWay
            | Self::AskedTwice
            | Self::ClosedEarly
            | Self::OtherProtocol
            | Self::NobodyAnnounces => Severity::Info,
            Self::NeverUnchoked
            | Self::Stall
            | Self::Reset
            | Self::Unasked
            | Self::Retransmissions
            | Self::UnknownSwarm
            | Self::TeredoUnanswered
            | Self::NothingSaid => Severity::Warning,
            Self::SynUnanswered
            | Self::SynRefused
            | Self::IcmpRefused
            | Self::HandshakeUnanswered
            | Self::HandshakeMismatch
            | Self::Malformed => Severity::Error,
        }
    }

    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::DamagedFile,
        Self::IncompleteCapture,
        Self::OneWay,
        Self::SynUnanswered,
        Self::SynRefused,
        Self::IcmpRefused,
        Self::UnknownSwarm,
        Self::HandshakeUnanswered,
        Self::NothingSaid,
        Self::HandshakeMismatch,
        Self::OtherProtocol,
        Self::Malformed,
        Self::NeverUnchoked,
        Self::Stall,
        Self::Reset,
        Self::AskedTwice,
        Self::Unasked,
        Self::Retransmissions,
        Self::ClosedEarly,
        Self::NobodyAnnounces,
        Self::TeredoUnanswered,
    ];
}

/// Something that is wrong, with what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// The failure in the catalogue, where it has one for it.
    pub code: Option<&'static str>,
    /// How bad it is.
    pub severity: Severity,
    /// Connections, by their numbers: the first 16.
    pub connections: Vec<u32>,
    /// How often.
    pub count: u64,
    /// One sentence, about the first.
    pub title: String,
    /// What it rests on, about the first.
    pub evidence: Vec<String>,
    /// Delivery Optimization's code for it, where there is one.
    pub do_error: Option<String>,
}

/// Connections that a finding names.
const MAX_NAMED: usize = 16;
/// Findings that are kept apart; with [`MAX_NAMED`] their bound.
const MAX_FINDINGS: usize = 256;

/// The share of bytes sent again from which it is told: 3 %.
const MUCH_AGAIN: u64 = 33;
/// And at least so many bytes.
const MUCH_AGAIN_BYTES: u64 = 16 << 10;

/// Findings as they gather: the same between the same two hosts is one.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<(Key, Finding)>,
}

/// What, and between which hosts.
type Key = (Kind, Option<(IpAddr, IpAddr)>);

impl Findings {
    pub(crate) fn add(
        &mut self,
        kind: Kind,
        between: Option<(SocketAddr, SocketAddr)>,
        connection: Option<u32>,
        title: String,
        evidence: Vec<String>,
    ) {
        self.add_with(kind, between, connection, title, evidence, None);
    }

    fn add_with(
        &mut self,
        kind: Kind,
        between: Option<(SocketAddr, SocketAddr)>,
        connection: Option<u32>,
        title: String,
        evidence: Vec<String>,
        do_error: Option<String>,
    ) {
        let key = (kind, between.map(|(a, b)| (a.ip(), b.ip())));
        if let Some((_, known)) = self.list.iter_mut().find(|(known, _)| *known == key) {
            known.count += 1;
            if known.connections.len() < MAX_NAMED {
                known.connections.extend(connection);
            }
            return;
        }
        if self.list.len() == MAX_FINDINGS {
            return;
        }
        let finding = Finding {
            kind,
            code: kind.code(),
            severity: kind.severity(),
            connections: connection.into_iter().collect(),
            count: 1,
            title,
            evidence,
            do_error,
        };
        self.list.push((key, finding));
    }

    /// The worst first.
    pub(crate) fn report(self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.list.into_iter().map(|(_, finding)| finding).collect();
        all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        all
    }

    /// What a finished connection shows.
    pub(crate) fn connection(&mut self, c: &Connection, stall: u64) {
        let mut about = About { findings: self, c };
        about.capture();
        match c.setup {
            Setup::Asked => about.unanswered(),
            Setup::Refused => about.refused(),
            Setup::NotSeen | Setup::Accepted => about.conversation(stall),
        }
    }

    pub(crate) fn names(&mut self, services: &[Service], askers: &[Asker]) {
        for asker in askers {
            let found = services.iter().any(|service| {
                let name = service.instance.to_ascii_lowercase();
                service.host != asker.host && name.contains(&asker.service)
            });
            if !found {
                let (host, service) = (asker.host, &asker.service);
                let title =
                    format!("{host} asked for {service} by DNS-SD, and nobody else answered");
                let evidence = vec![format!("{} questions, no announcement", asker.questions)];
                self.add(Kind::NobodyAnnounces, None, None, title, evidence);
            }
        }
    }

    pub(crate) fn teredo(&mut self, pairs: &[TeredoPair]) {
        for pair in pairs {
            if pair.solicitations > 0 && pair.advertisements == 0 {
                let (client, server) = (pair.client, pair.server);
                let title = format!("the Teredo server {server} did not answer {client}");
                let evidence = vec![format!(
                    "{} solicitations, no advertisement",
                    pair.solicitations
                )];
                self.add(
                    Kind::TeredoUnanswered,
                    Some((client, server)),
                    None,
                    title,
                    evidence,
                );
            }
        }
    }
}

/// Rules for one connection.
struct About<'a> {
    findings: &'a mut Findings,
    c: &'a Connection,
}

impl About<'_> {
    fn add(&mut self, kind: Kind, title: String, evidence: Vec<String>) {
        self.add_with(kind, title, evidence, None);
    }

    fn add_with(&mut self, kind: Kind, title: String, evidence: Vec<String>, code: Option<String>) {
        let c = self.c;
        let between = Some((c.caller, c.listener));
        self.findings
            .add_with(kind, between, Some(c.number), title, evidence, code);
    }

    fn address(&self, side: Side) -> SocketAddr {
        match side {
            Side::Caller => self.c.caller,
            Side::Listener => self.c.listener,
        }
    }

    /// What is wrong with the capture rather than with the connection.
    fn capture(&mut self) {
        let c = self.c;
        let missing: u64 = c.ends.iter().map(|end| end.stream.missing).sum();
        if missing > 0 {
            let title = format!(
                "{missing} bytes between {} and {} are not in the capture",
                c.caller, c.listener
            );
            let evidence =
                vec!["the receiver confirmed them, or later ones were captured".to_owned()];
            self.add(Kind::IncompleteCapture, title, evidence);
        }
        for side in [Side::Caller, Side::Listener] {
            let (this, other) = (c.end(side), c.end(side.other()));
            if this.packets == 0 && other.packets > 0 && c.setup == Setup::NotSeen {
                let title = format!("nothing of what {} sent was captured", self.address(side));
                let evidence = vec![format!("{} packets of the other side", other.packets)];
                self.add(Kind::OneWay, title, evidence);
            }
        }
    }

    fn unanswered(&mut self) {
        let c = self.c;
        if let Some(error) = c.icmp.first() {
            let title = format!(
                "{} says that {} can not be reached: {}",
                error.maker,
                c.listener,
                error.means()
            );
            let evidence = c
                .icmp
                .iter()
                .map(|e| format!("ICMP type {} code {} from {}", e.icmp_type, e.code, e.maker))
                .collect();
            return self.add(Kind::IcmpRefused, title, evidence);
        }
        let title = format!("{} got no answer from {}", c.caller.ip(), c.listener);
        let waited = Moment(c.last.0.saturating_sub(c.first.0)).seconds();
        let evidence = vec![format!(
            "{} SYN in {waited:.1} s, nothing came back",
            c.attempts
        )];
        self.add(Kind::SynUnanswered, title, evidence);
    }

    fn refused(&mut self) {
        let c = self.c;
        let title = format!("{} refuses connections", c.listener);
        let mut evidence = vec!["the SYN was answered with a reset".to_owned()];
        evidence.push("a Windows peer listens only while it has something to share".to_owned());
        self.add(Kind::SynRefused, title, evidence);
    }

    fn conversation(&mut self, stall: u64) {
        self.first_words(stall);
        self.errors();
        self.choked(stall);
        self.stalls();
        self.requests();
        self.again();
        self.ending();
    }

    /// Handshakes.
    fn first_words(&mut self, stall: u64) {
        let c = self.c;
        let said = |side| c.talk.said(side);
        let (asked, answered) = (said(Side::Caller), said(Side::Listener));
        for side in [Side::Caller, Side::Listener] {
            if let Some(name) = &c.talk.said(side).other {
                let ours = matches!(c.talk.protocol(), Some(Protocol::Check | Protocol::Bench));
                if !ours {
                    let title = format!("{} does not speak the Swarm protocol", self.address(side));
                    let evidence = vec![format!("it begins with \"{name}\"")];
                    self.add(Kind::OtherProtocol, title, evidence);
                }
            }
        }
        let silent = c.end(Side::Listener).stream.len() == 0
            && c.talk.phase(Side::Listener) == Phase::Silent
            && c.end(Side::Listener).packets > 0;
        if let (Some(handshake), true) = (asked.handshake, silent) {
            let swarm = handshake.swarm;
            let by_listener = matches!(
                c.ending,
                Ending::Closed(Side::Listener) | Ending::Reset(Side::Listener)
            );
            let waited = c.last.0.saturating_sub(c.first.0);
            if by_listener {
                let title = format!("{} does not share what it was asked for", c.listener);
                let evidence = vec![
                    format!("the swarm {swarm}"),
                    "it answered the handshake with silence and ended the connection".to_owned(),
                ];
                let code = DoCode::UNRECOGNIZED_SWARM.to_string();
                self.add_with(Kind::UnknownSwarm, title, evidence, Some(code));
            } else if waited >= stall {
                let title = format!("{} does not answer the handshake", c.listener);
                let evidence = vec![
                    format!("the swarm {swarm}"),
                    format!("nothing in {:.1} s", Moment(waited).seconds()),
                ];
                self.add(Kind::HandshakeUnanswered, title, evidence);
            }
        }
        if c.setup == Setup::Accepted && c.bytes() == 0 && c.is_over() {
            let title = format!(
                "the connection from {} to {} was ended before anything was said",
                c.caller, c.listener
            );
            self.add(Kind::NothingSaid, title, Vec::new());
        }
        if let (Some(a), Some(b)) = (asked.handshake, answered.handshake) {
            let wrong = if a.swarm != b.swarm {
                format!("one names the swarm {}, the other {}", a.swarm, b.swarm)
            } else if a.peer == b.peer {
                format!("both name the peer {}: it talks to itself", a.peer)
            } else if a.piece_size != b.piece_size {
                format!(
                    "one has pieces of {} bytes, the other of {}",
                    a.piece_size, b.piece_size
                )
            } else {
                return;
            };
            let title = format!(
                "the handshakes of {} and {} do not fit",
                c.caller, c.listener
            );
            self.add(Kind::HandshakeMismatch, title, vec![wrong]);
        }
    }

    fn errors(&mut self) {
        for side in [Side::Caller, Side::Listener] {
            if let Some((error, code)) = &self.c.talk.said(side).error {
                let title = format!("{} sent what is no message", self.address(side));
                let evidence = vec![error.clone()];
                self.add_with(Kind::Malformed, title, evidence, Some(code.clone()));
            }
        }
    }

    /// Who is interested waits for an unchoke.
    fn choked(&mut self, stall: u64) {
        let c = self.c;
        let waited = c.last.0.saturating_sub(c.first.0);
        for side in [Side::Caller, Side::Listener] {
            let (this, other) = (c.talk.said(side), c.talk.said(side.other()));
            let known = this.handshake.is_some() && other.handshake.is_some();
            let wants = this.count("interested") > 0 && this.asked_blocks == 0;
            if known && wants && other.count("unchoke") == 0 && waited >= stall {
                let by = self.address(side.other());
                let title = format!("{by} never let {} ask for pieces", self.address(side));
                let seconds = Moment(waited).seconds();
                let evidence = vec![format!(
                    "it was interested, and no unchoke came in {seconds:.1} s"
                )];
                self.add(Kind::NeverUnchoked, title, evidence);
            }
        }
    }

    fn stalls(&mut self) {
        for stall in self.c.talk.stalls() {
            let by = self.address(stall.by);
            let lasted = Moment(stall.lasted).seconds();
            let title = format!("nothing came from {by} for {lasted:.1} s, though it was asked");
            let end = if stall.ended {
                "then it went on"
            } else {
                "it did not go on"
            };
            let evidence = vec![format!(
                "{} requests waited from {:.3} s on; {end}",
                stall.outstanding,
                stall.from.seconds()
            )];
            self.add(Kind::Stall, title, evidence);
        }
    }

    fn requests(&mut self) {
        for side in [Side::Caller, Side::Listener] {
            let said = self.c.talk.said(side);
            let who = self.address(side);
            if said.asked_twice > 0 {
                let title = format!("{who} asked for blocks more than once");
                let evidence = vec![format!(
                    "{} of {} requests",
                    said.asked_twice, said.asked_blocks
                )];
                self.add(Kind::AskedTwice, title, evidence);
            }
            if said.unasked_blocks > 0 {
                let title = format!("{who} sent blocks that nobody had asked for");
                let evidence = vec![format!(
                    "{} of {} blocks",
                    said.unasked_blocks, said.sent_blocks
                )];
                self.add(Kind::Unasked, title, evidence);
            }
        }
    }

    fn again(&mut self) {
        for side in [Side::Caller, Side::Listener] {
            let stream = &self.c.end(side).stream;
            let (again, len) = (stream.again, stream.len());
            if again >= MUCH_AGAIN_BYTES && again > len / MUCH_AGAIN {
                let title = format!("{} had to send much again", self.address(side));
                let percent = again as f64 * 100.0 / len.max(1) as f64;
                let evidence = vec![format!("{again} bytes, {percent:.1} % of its stream")];
                self.add(Kind::Retransmissions, title, evidence);
            }
        }
    }

    fn ending(&mut self) {
        let c = self.c;
        let waiting: u64 = [Side::Caller, Side::Listener]
            .map(|side| c.talk.outstanding(side))
            .iter()
            .sum();
        match c.ending {
            Ending::Reset(by) => {
                let silent = c.end(Side::Listener).stream.len() == 0;
                if silent && by == Side::Listener {
                    // Told as an unknown swarm, or as a connection without a word.
                    return;
                }
                let who = self.address(by);
                let title = format!("{who} reset the connection after {} bytes", c.bytes());
                let mut evidence = vec![format!("{waiting} requests waited")];
                let end = c.end(by);
                if let (Some(usual), Some(reset)) = (end.hop_limit, end.reset_hop_limit)
                    && usual != reset
                {
                    evidence.push(format!(
                        "the reset has the hop limit {reset}, its other packets {usual}: \
                         something between may have made it"
                    ));
                }
                self.add(Kind::Reset, title, evidence);
            }
            Ending::Closed(by) if waiting > 0 => {
                let title = format!("{} closed while requests waited", self.address(by));
                self.add(
                    Kind::ClosedEarly,
                    title,
                    vec![format!("{waiting} requests")],
                );
            }
            Ending::Open | Ending::Closed(_) => {}
        }
    }
}
