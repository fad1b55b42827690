//! What a capture says.

use std::{collections::BTreeMap, fmt::Write};

use comfy_table::Color;
use dolab_dissect::{
    Event, Finding, Severity,
    event::Side,
    report::{Begin, ConnectionReport, Finish, Report, SideReport, Spoken},
};

use super::Style;
use crate::units::Size;

/// Events of one connection that are printed.
const MAX_EVENTS: usize = 500;
/// Events that are kept in all.
const MAX_ALL: usize = 50_000;

/// What is said by connection, gathered while a capture is read. Bounded: 500 events of a
/// connection and 50,000 in all; what is beyond is counted.
#[derive(Debug)]
pub struct Conversations {
    only: Vec<u32>,
    lists: BTreeMap<Option<u32>, Vec<Event>>,
    more: BTreeMap<Option<u32>, u64>,
    kept: usize,
}

impl Conversations {
    /// Of these connections; of all when there are none.
    pub fn new(only: &[u32]) -> Self {
        Self {
            only: only.to_vec(),
            lists: BTreeMap::new(),
            more: BTreeMap::new(),
            kept: 0,
        }
    }

    /// Adds what happened.
    pub fn add(&mut self, event: Event) {
        let wanted = |number| self.only.is_empty() || self.only.contains(&number);
        if !event.connection.is_none_or(wanted) {
            return;
        }
        let list = self.lists.entry(event.connection).or_default();
        if list.len() < MAX_EVENTS && self.kept < MAX_ALL {
            self.kept += 1;
            list.push(event);
        } else {
            *self.more.entry(event.connection).or_default() += 1;
        }
    }

    fn write(&self, connection: Option<u32>, out: &mut String) {
        let list = self.lists.get(&connection).map_or(&[][..], Vec::as_slice);
        let mut sorted: Vec<&Event> = list.iter().collect();
        sorted.sort_by_key(|event| event.at);
        for event in sorted {
            let from = event.from.map_or("", |from| match from {
                Side::Caller => "caller",
                Side::Listener => "listener",
            });
            let at = event.at.seconds();
            let _ = match connection {
                Some(_) => writeln!(out, "  {at:>11.6} s  {from:<8}  {}", event.what),
                None => writeln!(out, "  {at:>11.6} s  {}", event.what),
            };
        }
        if let Some(more) = self.more.get(&connection) {
            let _ = writeln!(out, "  and {more} more: all of them with --json");
        }
    }
}

/// The whole of it.
pub fn dissection(report: &Report, conversations: &Conversations, style: Style) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", style.bold(&report.summary));
    for finding in &report.findings {
        write_finding(finding, style, &mut out);
    }
    for connection in &report.connections {
        let wanted = &conversations.only;
        if wanted.is_empty() || wanted.contains(&connection.number) {
            let _ = write!(out, "\n{}", style.bold(&title(connection)));
            let _ = writeln!(out);
            conversations.write(Some(connection.number), &mut out);
            write_sides(connection, &mut out);
        }
    }
    if conversations.lists.contains_key(&None) {
        let _ = writeln!(out, "\n{}", style.bold("beside the connections"));
        conversations.write(None, &mut out);
    }
    write_hosts(report, style, &mut out);
    write_file(report, &mut out);
    out
}

fn write_finding(finding: &Finding, style: Style, out: &mut String) {
    let (color, word) = match finding.severity {
        Severity::Error => (Color::Red, "error"),
        Severity::Warning => (Color::Yellow, "warning"),
        Severity::Info => (Color::Cyan, "note"),
    };
    let code = finding
        .code
        .map(|code| format!(" {code}"))
        .unwrap_or_default();
    let _ = writeln!(
        out,
        "\n{}{code}: {}",
        style.paint(color, word),
        finding.title
    );
    for line in &finding.evidence {
        let _ = writeln!(out, "  {line}");
    }
    if let Some(code) = &finding.do_error {
        let _ = writeln!(out, "  delivery optimization's code: {code}");
    }
    if finding.count > 1 {
        let named: Vec<String> = finding.connections.iter().map(u32::to_string).collect();
        let which = if named.is_empty() {
            String::new()
        } else {
            format!(": connections {}", named.join(", "))
        };
        let _ = writeln!(out, "  {} times{which}", finding.count);
    }
}

fn title(c: &ConnectionReport) -> String {
    let begin = match (c.begin, c.accepted_ms) {
        (Begin::NotSeen, _) => ", from its middle on".to_owned(),
        (Begin::Unanswered, _) => ", not answered".to_owned(),
        (Begin::Refused, _) => ", refused".to_owned(),
        (Begin::Accepted, Some(ms)) => format!(", accepted after {ms:.1} ms"),
        (Begin::Accepted, None) => ", accepted".to_owned(),
    };
    let finish = match (c.finish, c.finished_by) {
        _ if c.begin == Begin::Refused => String::new(),
        (Finish::Closed, Some(by)) => format!(", closed by the {by} after {:.3} s", c.seconds),
        (Finish::Reset, Some(by)) => format!(", reset by the {by} after {:.3} s", c.seconds),
        _ => String::new(),
    };
    let spoken = match (c.protocol, &c.swarm) {
        (Spoken::Swarm, Some(swarm)) => format!(", swarm {swarm}"),
        (Spoken::Check, _) => ", a check of dolab".to_owned(),
        (Spoken::Bench, _) => ", a benchmark of dolab".to_owned(),
        (Spoken::Other, _) => ", another protocol".to_owned(),
        _ => String::new(),
    };
    let (number, caller, listener) = (c.number, c.caller, c.listener);
    format!("connection {number}: {caller} to {listener}{begin}{finish}{spoken}")
}

fn write_sides(c: &ConnectionReport, out: &mut String) {
    for (name, side) in [("caller", &c.caller_side), ("listener", &c.listener_side)] {
        if side.packets > 0 {
            let _ = writeln!(out, "  the {name} sent {}", sent(side));
        }
    }
}

fn sent(side: &SideReport) -> String {
    let mut parts = vec![Size(side.bytes).to_string()];
    if side.pieces > 0 {
        let (size, blocks) = (Size(side.piece_bytes), side.pieces);
        parts.push(format!("{size} of it in {blocks} blocks of pieces"));
    }
    let counts = [
        (side.retransmitted, "sent again"),
        (side.missing, "not in the capture"),
        (side.unread, "not read"),
    ];
    for (count, what) in counts {
        if count > 0 {
            parts.push(format!("{} {what}", Size(count)));
        }
    }
    parts.join(", ")
}

fn write_hosts(report: &Report, style: Style, out: &mut String) {
    let moved: Vec<_> = report
        .hosts
        .iter()
        .filter(|host| host.bytes_sent + host.bytes_received > 0)
        .collect();
    if moved.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.bold("bytes of pieces by host"));
    for host in moved {
        let _ = writeln!(
            out,
            "  {}: sent {}, received {}",
            host.host,
            Size(host.piece_bytes_sent),
            Size(host.piece_bytes_received)
        );
    }
}

fn write_file(report: &Report, out: &mut String) {
    let file = &report.file;
    let names: Vec<&str> = file
        .interfaces
        .iter()
        .filter_map(|interface| interface.name.as_deref())
        .take(16)
        .collect();
    let captured = match names[..] {
        [] => String::new(),
        _ => format!(" on {}", names.join(", ")),
    };
    let _ = writeln!(
        out,
        "\n{} packets in {:.3} s{captured}, {} of them of interest",
        file.packets, file.seconds, file.packets_of_interest
    );
    for damage in &file.damages {
        let _ = writeln!(out, "damaged at {damage}");
    }
}
