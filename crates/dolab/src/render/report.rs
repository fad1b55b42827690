//! A check's report for people: the answer first.

use std::fmt::Write;

use comfy_table::Color;
use dolab_check::report::{
    DiscoverySource, ExchangeDirection, ExchangeReport, Finding, FixHost, HostInfo, Report,
    Severity, System, Verdict, Via,
};

use super::{Style, table};
use crate::{
    escape::escape,
    units::{Rate, Size},
};

/// The whole report, ending with a line end.
pub fn report(style: Style, report: &Report) -> String {
    let mut text = String::new();
    let mut add = |part: String| {
        if !part.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&part);
        }
    };
    add(answer(style, report));
    add(hosts(report));
    add(table::paths(style, &report.paths));
    add(report.exchange.iter().map(exchange).collect());
    add(discovery(report));
    for finding in &report.findings {
        add(self::finding(style, finding, report));
    }
    text
}

/// The sentence to act on.
fn answer(style: Style, report: &Report) -> String {
    let (word, color) = match report.verdict {
        Verdict::Pass => ("pass", Color::Green),
        Verdict::Degraded => ("degraded", Color::Yellow),
        Verdict::Fail => ("fail", Color::Red),
        Verdict::Inconclusive => ("inconclusive", Color::Yellow),
    };
    format!(
        "{}: {}\n",
        style.paint(color, word),
        escape(&report.summary)
    )
}

fn hosts(report: &Report) -> String {
    let via = match report.control.via {
        Some(Via::Tcp7680) => "over tcp-7680",
        Some(Via::Tcp443) => "over tls on tcp-443",
        Some(Via::Udp443) => "over quic on udp-443",
        Some(Via::DnsSdCallback) => "because it called back when it saw our announcement",
        Some(Via::Cloud) => "through the simulated cloud",
        None => "not reached: nothing of its side is known",
    };
    format!(
        "this host:  {}\nother host: {}\ntalked:     {via}\n",
        host(&report.local),
        host(&report.remote)
    )
}

fn host(info: &HostInfo) -> String {
    let mut text = escape(&info.host).into_owned();
    let version = info
        .version
        .as_ref()
        .map(|version| format!("dolab {version}"));
    let facts: Vec<_> = info.os.iter().cloned().chain(version).collect();
    if !facts.is_empty() {
        let _ = write!(text, " ({})", escape(&facts.join(", ")));
    }
    if !info.addresses.is_empty() {
        let _ = write!(text, " at {}", escape(&info.addresses.join(", ")));
    }
    text
}

fn exchange(exchange: &ExchangeReport) -> String {
    let what = match exchange.direction {
        ExchangeDirection::Receive => "received:",
        ExchangeDirection::Send => "sent:    ",
    };
    let rate = Rate {
        bits_per_second: exchange.bits_per_second,
    };
    let mut text = format!(
        "{what} {} in {:.2} s, {rate}; {} of {} pieces verified",
        Size(exchange.bytes),
        exchange.seconds,
        exchange.verified,
        exchange.pieces
    );
    if exchange.bad_pieces > 0 {
        let _ = write!(text, ", {} bad", exchange.bad_pieces);
    }
    if let Some(error) = &exchange.error {
        let _ = write!(text, "; not whole: {}", escape(error));
    }
    text.push('\n');
    text
}

fn discovery(report: &Report) -> String {
    report
        .discovery
        .iter()
        .map(|way| {
            let source = match way.source {
                DiscoverySource::DnsSd => "dns-sd",
                DiscoverySource::Cloud => "the simulated cloud",
                DiscoverySource::Static => return String::new(),
            };
            if way.found {
                format!("found by {source} after {:.2} s\n", way.seconds)
            } else {
                format!("not found by {source} within {:.2} s\n", way.seconds)
            }
        })
        .collect()
}

fn finding(style: Style, finding: &Finding, report: &Report) -> String {
    let (word, color) = match finding.severity {
        Severity::Error => ("error", Color::Red),
        Severity::Warning => ("warning", Color::Yellow),
        Severity::Info => ("info", Color::Cyan),
    };
    let title = style.bold(&escape(&finding.title));
    let mut text = format!("{} {}: {title}\n", finding.code, style.paint(color, word));
    if let Some(cause) = &finding.consequence_of {
        let _ = writeln!(text, "  a consequence of {cause}: mend that first");
    }
    for evidence in &finding.evidence {
        let _ = writeln!(text, "  seen: {}", escape(evidence));
    }
    if let Some(code) = &finding.do_error {
        let _ = writeln!(text, "  delivery optimization's code: {code}");
    }
    for fix in &finding.fixes {
        let (place, os) = match fix.host {
            FixHost::Local => ("on this host", &report.local.os),
            FixHost::Remote => ("on the other host", &report.remote.os),
        };
        if !fits(fix.system, os.as_deref()) {
            continue;
        }
        let _ = writeln!(text, "  fix {place}, {}:", tool(fix.system));
        for line in fix.command.lines() {
            let _ = writeln!(text, "    {}", escape(line));
        }
    }
    match finding.consequence_of {
        Some(_) => indented(&text),
        None => text,
    }
}

/// What follows from something else stands under it.
pub(crate) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// Whether a command can run on a host with that system; where it is not known, any may.
fn fits(system: System, os: Option<&str>) -> bool {
    match os {
        Some("windows") => system == System::Windows,
        Some("linux") => system != System::Windows,
        Some(_) | None => true,
    }
}

/// What to paste a command into.
fn tool(system: System) -> &'static str {
    match system {
        System::Windows => "windows (powershell as administrator)",
        System::Nftables => "linux with nftables",
        System::Ufw => "linux with ufw",
        System::Firewalld => "linux with firewalld",
        System::Iptables => "linux with iptables",
    }
}
