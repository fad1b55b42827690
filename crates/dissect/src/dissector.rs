use std::{collections::BTreeMap, io::Read, net::IpAddr, time::Duration};

use dolab_wire::swarm;

use crate::{
    capture::{Capture, CaptureError, Item, Record},
    event::{Event, Moment, Side, What},
    findings::{Findings, Kind},
    names::{self, Names},
    packet::{self, Fragments, Packet},
    report::{ConnectionReport, FileReport, HostReport, Report, SCHEMA},
    tcp::{Change, Table},
    teredo::{self, Pairs},
};

/// Connections that the report lists.
const MAX_REPORTED: usize = 10_000;
/// Hosts whose bytes are counted.
const MAX_HOSTS: usize = 4096;

/// What to look at, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// TCP ports that the protocol is expected on.
    pub ports: Vec<u16>,
    /// From how long on a pause in which requests wait is told.
    pub stall: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ports: vec![swarm::PORT],
            stall: Duration::from_secs(2),
        }
    }
}

/// Reads a capture to its end. `tell` is called with everything that happened, roughly in order:
/// what is told as one (a run of pieces) is told when it ends.
///
/// Memory is bounded, whatever the file holds: 2,048 connections at once with 1 MiB each and 32 MiB
/// altogether for segments that came too early, and up to 32 KiB for each direction's unfinished
/// message; 4 MiB for fragments of packets; 1 MiB for a record of the file.
///
/// # Errors
///
/// When the input can not be read or is no capture. What is broken behind its begin stands in the
/// report.
pub fn dissect(
    input: impl Read,
    options: &Options,
    tell: &mut dyn FnMut(Event),
) -> Result<Report, CaptureError> {
    let mut capture = Capture::open(input)?;
    let mut dissector = Dissector::new(options, tell);
    let mut fragments = Fragments::default();
    while let Some(item) = capture.next_item() {
        match item {
            Item::Packet(record) => dissector.record(&record, &mut fragments),
            Item::Comment(text) => dissector.comment(text),
        }
    }
    let mut report = dissector.finish();
    report.file = FileReport {
        format: capture.format(),
        bytes: capture.offset(),
        interfaces: capture.interfaces().to_vec(),
        damages: capture.damages().to_vec(),
        damaged: capture.damaged(),
        ..report.file
    };
    report.conclude();
    Ok(report)
}

struct Dissector<'a> {
    stall: u64,
    tell: &'a mut dyn FnMut(Event),
    table: Table,
    names: Names,
    teredo: Pairs,
    findings: Findings,
    hosts: BTreeMap<IpAddr, HostReport>,
    connections: Vec<ConnectionReport>,
    left_out: u64,
    /// When the first packet came, in nanoseconds since 1970.
    origin: Option<u64>,
    now: Moment,
    last: Moment,
    packets: u64,
    of_interest: u64,
    cut: u64,
    comments: u64,
}

impl<'a> Dissector<'a> {
    fn new(options: &Options, tell: &'a mut dyn FnMut(Event)) -> Self {
        let stall = u64::try_from(options.stall.as_nanos()).unwrap_or(u64::MAX);
        Self {
            stall,
            tell,
            table: Table::new(options.ports.iter().copied(), stall),
            names: Names::default(),
            teredo: Pairs::default(),
            findings: Findings::default(),
            hosts: BTreeMap::new(),
            connections: Vec::new(),
            left_out: 0,
            origin: None,
            now: Moment::default(),
            last: Moment::default(),
            packets: 0,
            of_interest: 0,
            cut: 0,
            comments: 0,
        }
    }

    fn record(&mut self, record: &Record<'_>, fragments: &mut Fragments) {
        self.packets += 1;
        if let Some(time) = record.time {
            let origin = *self.origin.get_or_insert(time);
            self.now = Moment(time.saturating_sub(origin));
            self.last = self.last.max(self.now);
        }
        self.cut += u64::from((record.data.len() as u64) < u64::from(record.original_len));
        let Some(packet) = packet::parse(record, fragments) else {
            return;
        };
        let now = self.now;
        match packet {
            Packet::Tcp(segment) => {
                let mut changes = Vec::new();
                self.table.segment(now, &segment, &mut |c| changes.push(c));
                self.of_interest += u64::from(!changes.is_empty());
                self.changes(changes);
            }
            Packet::Icmp(error) => {
                let mut changes = Vec::new();
                self.table.icmp(now, &error, &mut |c| changes.push(c));
                self.of_interest += u64::from(!changes.is_empty());
                self.changes(changes);
            }
            Packet::Udp(datagram) => {
                let ports = [datagram.from.port(), datagram.to.port()];
                if ports.contains(&names::PORT) {
                    for (at, what) in self.names.datagram(now, &datagram) {
                        self.of_interest += 1;
                        self.event(at, what);
                    }
                } else if ports.contains(&teredo::PORT) {
                    self.of_interest += 1;
                    if let Some(what) = self.teredo.datagram(&datagram) {
                        self.event(now, what);
                    }
                }
            }
        }
    }

    fn comment(&mut self, text: String) {
        self.comments += 1;
        self.event(self.now, What::Comment { text });
    }

    fn event(&mut self, at: Moment, what: What) {
        (self.tell)(Event {
            at,
            connection: None,
            from: None,
            what,
        });
    }

    fn changes(&mut self, changes: Vec<Change>) {
        for change in changes {
            for (at, from, what) in change.told {
                (self.tell)(Event {
                    at,
                    connection: Some(change.number),
                    from: Some(from),
                    what,
                });
            }
            let Some(connection) = change.finished else {
                continue;
            };
            self.findings.connection(&connection, self.stall);
            let report = ConnectionReport::of(&connection);
            self.count(&report);
            if self.connections.len() < MAX_REPORTED {
                self.connections.push(report);
            } else {
                self.left_out += 1;
            }
        }
    }

    fn count(&mut self, report: &ConnectionReport) {
        let ends = [
            (report.caller.ip(), Side::Caller),
            (report.listener.ip(), Side::Listener),
        ];
        for (host, side) in ends {
            if self.hosts.len() == MAX_HOSTS && !self.hosts.contains_key(&host) {
                continue;
            }
            let (sent, got) = (report.side(side), report.side(side.other()));
            let sum = self.hosts.entry(host).or_insert(HostReport {
                host,
                connections: 0,
                piece_bytes_sent: 0,
                piece_bytes_received: 0,
                bytes_sent: 0,
                bytes_received: 0,
            });
            sum.connections += 1;
            sum.piece_bytes_sent += sent.piece_bytes;
            sum.piece_bytes_received += got.piece_bytes;
            sum.bytes_sent += sent.bytes;
            sum.bytes_received += got.bytes;
        }
    }

    fn finish(mut self) -> Report {
        let mut changes = Vec::new();
        self.table.finish_all(self.last, &mut |c| changes.push(c));
        self.changes(changes);
        self.connections.sort_by_key(|c| c.number);
        let (services, askers) = self.names.report();
        let teredo = self.teredo.report();
        self.findings.names(&services, &askers);
        self.findings.teredo(&teredo);
        if self.cut > 0 && self.of_interest > 0 {
            let title = format!("{} packets were not kept whole", self.cut);
            let evidence =
                vec!["capture again without a limit on the length of packets".to_owned()];
            self.findings
                .add(Kind::IncompleteCapture, None, None, title, evidence);
        }
        Report {
            schema: SCHEMA,
            summary: String::new(),
            file: FileReport {
                format: crate::capture::Format::Pcap,
                bytes: 0,
                packets: self.packets,
                packets_of_interest: self.of_interest,
                started_unix_seconds: self.origin.map(|nanos| nanos as f64 / 1e9),
                seconds: self.last.seconds(),
                packets_cut: self.cut,
                interfaces: Vec::new(),
                comments: self.comments,
                damages: Vec::new(),
                damaged: 0,
            },
            connections: self.connections,
            connections_left_out: self.left_out,
            hosts: self.hosts.into_values().collect(),
            services,
            askers,
            teredo,
            findings: self.findings.report(),
        }
    }
}
