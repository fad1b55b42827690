//! The report as rows of text, for whoever lays them out: the terminal and the page show the same.
//!
//! Texts that came from another host stand in it as they are; whoever shows them makes them safe.

use serde::Serialize;

use super::{Direction, Figures, Options, Report, Run, RunResult, Sink, Source, Spread, verdict};
use crate::Rate;

/// A table: a header, and as many cells in each row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grid {
    /// What the columns hold, with the unit where the cells have none.
    pub header: Vec<String>,
    /// The cells.
    pub rows: Vec<Vec<String>>,
}

impl Grid {
    fn new(header: &[&str]) -> Self {
        Self {
            header: header.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
        }
    }
}

/// What is not known.
const UNKNOWN: &str = "-";

/// The layers beside each other, with what each costs.
pub fn steps(report: &Report) -> Grid {
    let mut grid = Grid::new(&["direction", "layer", "goodput", "cost", "per GiB"]);
    for step in &report.steps {
        let cost = match &step.cost {
            None => UNKNOWN.to_owned(),
            Some(cost) if cost.beyond_noise == Some(false) => {
                format!("{} % (noise)", signed(-cost.percent))
            }
            Some(cost) => format!(
                "{} %, {} s/GiB",
                signed(-cost.percent),
                plus(cost.seconds_per_gib)
            ),
        };
        grid.rows.push(vec![
            step.direction.name().to_owned(),
            step.layer.name().to_owned(),
            verdict::rate(step).to_string(),
            cost,
            format!(
                "{} s",
                verdict::seconds(verdict::rate(step).seconds_per_gib())
            ),
        ]);
    }
    grid
}

/// A percentage with its sign, except where it rounds to nothing.
fn signed(percent: f64) -> String {
    let text = format!("{percent:+.1}");
    match text.as_str() {
        "+0.0" | "-0.0" => "0.0".to_owned(),
        _ => text,
    }
}

fn plus(seconds: f64) -> String {
    let text = verdict::seconds(seconds);
    if seconds < 0.0 {
        text
    } else {
        format!("+{text}")
    }
}

/// What was measured of the network and of the processors, for each run that was measured. The
/// remote is named where there are several.
pub fn runs(report: &Report) -> Grid {
    let mut header = vec!["direction", "layer"];
    let several = report.remotes.len() > 1;
    if several {
        header.extend(["remote", "goodput"]);
    }
    header.extend([
        "rtt idle, loaded",
        "bloat",
        "resent",
        "window",
        "control",
        "cpu here, there",
        "piece p50, p99",
    ]);
    let mut grid = Grid::new(&header);
    for (run, figures) in measured(report) {
        let mut row = id(run);
        if several {
            let rate = Rate {
                bits_per_second: figures.bits_per_second,
            };
            row.extend([run.id.remote.clone(), format!("{rate:#}")]);
        }
        row.extend(cells(figures));
        grid.rows.push(row);
    }
    grid
}

fn measured(report: &Report) -> impl Iterator<Item = (&Run, &Figures)> {
    let mut runs: Vec<_> = report
        .runs
        .iter()
        .filter_map(|run| Some((run, run.figures()?)))
        .collect();
    runs.sort_by_key(|(run, _)| (run.id.direction, run.id.layer));
    runs.into_iter()
}

fn id(run: &Run) -> Vec<String> {
    vec![
        run.id.direction.name().to_owned(),
        run.id.layer.name().to_owned(),
    ]
}

fn cells(figures: &Figures) -> [String; 7] {
    let trip = &figures.round_trip;
    let median = |spread: &Option<Spread>| spread.map(|spread| spread.p50);
    let cpu = figures.cpu_seconds_per_gib;
    let took = figures.piece_latency_ms;
    [
        pair(
            median(&trip.idle_ms),
            median(&trip.loaded_ms),
            milliseconds,
            "ms",
        ),
        or_unknown(trip.bloat, |bloat| {
            format!(
                "{}, {} ms",
                bloat.grade.name(),
                milliseconds(bloat.added_ms)
            )
        }),
        or_unknown(figures.retransmits, |count| format!("{count} seg.")),
        or_unknown(median(&figures.cwnd_bytes), bytes),
        or_unknown(figures.congestion_control.clone(), |control| control),
        pair(cpu.local, cpu.remote, |s| format!("{s:.2}"), "s/GiB"),
        pair(
            took.map(|took| took.p50),
            took.map(|took| took.p99),
            milliseconds,
            "ms",
        ),
    ]
}

fn or_unknown<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), show)
}

fn pair(a: Option<f64>, b: Option<f64>, show: fn(f64) -> String, unit: &str) -> String {
    if a.is_none() && b.is_none() {
        return UNKNOWN.to_owned();
    }
    format!("{}, {} {unit}", or_unknown(a, show), or_unknown(b, show))
}

fn milliseconds(ms: f64) -> String {
    let digits = match ms {
        ms if ms >= 100.0 => 0,
        ms if ms >= 10.0 => 1,
        _ => 2,
    };
    format!("{ms:.digits$}")
}

fn bytes(bytes: f64) -> String {
    let (value, unit) = if bytes >= 1048576.0 {
        (bytes / 1048576.0, "MiB")
    } else {
        (bytes / 1024.0, "KiB")
    };
    let digits = usize::from(value < 100.0);
    format!("{value:.digits$} {unit}")
}

/// A line for each run in which the receiver had to wait, and for each that was not measured.
pub fn remarks(report: &Report) -> Vec<String> {
    let several = report.remotes.len() > 1;
    report
        .runs
        .iter()
        .filter_map(|run| {
            let name = format!("{} {}", run.id.direction.name(), run.id.layer.name());
            let name = if several {
                format!("{name} with {}", run.id.remote)
            } else {
                name
            };
            match &run.result {
                RunResult::Done { figures } if figures.stalls.is_empty() => None,
                RunResult::Done { figures } => Some(format!("{name}: {}", waited(figures))),
                RunResult::Skipped { reason } => Some(format!("{name}: skipped: {reason}")),
                RunResult::Failed { error, do_error } => {
                    let code = do_error
                        .as_ref()
                        .map_or_else(String::new, |code| format!(" ({code})"));
                    Some(format!("{name}: failed: {error}{code}"))
                }
            }
        })
        .collect()
}

fn waited(figures: &Figures) -> String {
    let told: Vec<_> = figures
        .stalls
        .iter()
        .map(|stall| {
            let times = if stall.count == 1 { "time" } else { "times" };
            format!(
                "{} s for {} ({} {times})",
                verdict::seconds(stall.ms / 1e3),
                stall.reason.awaited(),
                stall.count
            )
        })
        .collect();
    format!("waited {}", told.join(", "))
}

/// Every setting, by the name that the document has for it, with its unit.
pub fn settings(options: &Options) -> Vec<(&'static str, String)> {
    let Options {
        layers,
        directions,
        both_at_once,
        streams,
        duration_ms,
        size_bytes,
        warm_up_ms,
        interval_ms,
        source,
        sink,
        piece_bytes,
        block_bytes,
        request_depth,
        congestion_control,
        send_buffer_bytes,
        receive_buffer_bytes,
        rate_limit_bits_per_second,
    } = options;
    let system = || "the system's choice".to_owned();
    let by_size = || "until the size has come".to_owned();
    let by_time = || "as much as comes in the time".to_owned();
    let size = |size: u64| bytes(size as f64);
    let ms = |ms: u64| format!("{ms} ms");
    let names = |names: Vec<&str>| names.join(", ");
    let directions = names(directions.iter().map(|way| Direction::name(*way)).collect());
    let both = if *both_at_once { " at once" } else { "" };
    let limit = |bits_per_second| format!("{:#}", Rate { bits_per_second });
    let none = || "none".to_owned();
    vec![
        (
            "layers",
            names(layers.iter().map(|layer| layer.name()).collect()),
        ),
        ("directions", format!("{directions}{both}")),
        ("streams", streams.to_string()),
        ("duration", duration_ms.map_or_else(by_size, ms)),
        ("size", size_bytes.map_or_else(by_time, size)),
        ("warm-up", ms(*warm_up_ms)),
        ("interval", ms(*interval_ms)),
        (
            "source",
            match source {
                Source::Synthetic => "synthetic",
                Source::Zero => "zero",
            }
            .to_owned(),
        ),
        (
            "sink",
            match sink {
                Sink::Layer => "as the layer says",
                Sink::Null => "null",
            }
            .to_owned(),
        ),
        ("piece", size(*piece_bytes)),
        ("block", size(*block_bytes)),
        ("request depth", request_depth.to_string()),
        (
            "congestion control",
            congestion_control.clone().unwrap_or_else(system),
        ),
        ("send buffer", send_buffer_bytes.map_or_else(system, size)),
        (
            "receive buffer",
            receive_buffer_bytes.map_or_else(system, size),
        ),
        (
            "rate limit",
            rate_limit_bits_per_second.map_or_else(none, limit),
        ),
    ]
}
