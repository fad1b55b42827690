//! A download as a Delivery Optimization device does it: by policies, with the cloud, from peers, a
//! cache and the origin.

use std::{path::PathBuf, time::Duration};

use dolab_check::site::{SiteFinding, diagnose};
use dolab_device::{Device, Outcome, Request, report::Efficiency};
use dolab_peer::Priority;
use dolab_policy::gates::Verdict;
use serde::Serialize;

use super::destination;
use crate::{
    args::{FetchArgs, FetchWhat},
    device,
    escape::escape,
    evidence,
    exit::Exit,
    failure::{CommandResult, Failure},
    interrupt::interrupted,
    output::Output,
    render,
    units::{self, Rate, Size},
};

/// Between two looks at how far it is.
const TICK: Duration = Duration::from_millis(200);

pub(super) async fn run(args: &FetchArgs, output: &Output) -> CommandResult {
    destination::look_at(&args.output, args.force)?;
    let mut config = device::config(&args.device, output)?;
    config.patience = args.patience.max(Duration::from_secs(1));
    let device = Device::start(config)
        .await
        .map_err(|error| device::not_started(&error))?;
    let result = tokio::select! {
        result = fetch(args, &device, output) => result,
        // When the system lets nobody listen for Ctrl-C, it ends the program by itself.
        Ok(()) = interrupted() => Err(Failure::new(Exit::Inconclusive, "interrupted")
            .hint("what came is kept: the same command goes on from there")),
    };
    device.stop().await;
    result.map(|()| Exit::Good)
}

async fn fetch(args: &FetchArgs, device: &Device, output: &Output) -> Result<(), Failure> {
    let downloaded = tokio::select! {
        downloaded = device.download(request(args)) => downloaded,
        never = show(device, output) => match never {},
    };
    let outcome = downloaded.map_err(|error| device::not_downloaded(&error))?;
    let path = choose(args, &outcome)?;
    device.deliver(&outcome, &path).map_err(|error| {
        Failure::cannot_run(format!("{}: {error}", path.display()))
            .hint("--output chooses another place")
    })?;
    let findings = findings(device, &outcome);
    let document = Document::of(&outcome, &path, findings);
    tell(&document, &outcome, output);
    if let Some(how_long) = args.share_for {
        output.event(
            "whole",
            Whole {
                share_seconds: how_long.as_secs_f64(),
            },
        );
        output.line(format_args!(
            "sharing it for {}: Ctrl-C ends it",
            units::span(how_long)
        ));
        let content = device
            .view()
            .state
            .files
            .iter()
            .find(|file| file.status.file_id == outcome.status.file_id)
            .and_then(|file| file.content);
        if content.is_none() {
            // What came in Simple mode has no hashes, and is nothing to share.
            let id = &outcome.status.file_id;
            output.event("not-offered", NotOffered { id });
        }
        tokio::select! {
            () = tokio::time::sleep(how_long) => {}
            never = device::tell_when_offered(device, content, output) => match never {},
        }
    }
    output.document(&document);
    Ok(())
}

#[derive(Serialize)]
struct NotOffered<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Whole {
    share_seconds: f64,
}

fn request(args: &FetchArgs) -> Request {
    let mut request = match &args.content {
        FetchWhat::Id(id) => Request::id(*id),
        FetchWhat::Url(url) => Request::url(url),
    };
    request.caller.clone_from(&args.caller);
    request.size = args.size.map(|size| size.0);
    request.priority = if args.background {
        Priority::Background
    } else {
        Priority::Foreground
    };
    request
}

fn choose(args: &FetchArgs, outcome: &Outcome) -> Result<PathBuf, Failure> {
    if !args.output.is_dir() {
        return Ok(args.output.clone());
    }
    let name = match &args.content {
        FetchWhat::Id(_) => outcome.status.file_id.clone(),
        FetchWhat::Url(_) => {
            let name = request(args).name;
            // A URL may end in anything.
            dolab_content::safe_name(&name)
                .map_or_else(|_| outcome.status.file_id.clone(), |name| name.to_owned())
        }
    };
    let path = args.output.join(name);
    destination::look_at(&path, args.force)?;
    Ok(path)
}

/// What this device knows of itself that explains why most of the file came from its origin.
fn findings(device: &Device, outcome: &Outcome) -> Vec<SiteFinding> {
    let from = &outcome.status.from;
    if from.cdn <= from.peers() {
        return Vec::new();
    }
    let device = evidence::of(&device.view(), std::path::Path::new("this device"));
    let of_this = |finding: &SiteFinding| {
        let file = finding.file.as_ref();
        file.is_none_or(|file| *file == outcome.status.file_id)
    };
    let mut findings = diagnose(&[device]).findings;
    findings.retain(of_this);
    findings
}

/// Shows how far it is, for as long as it is polled.
async fn show(device: &Device, output: &Output) -> std::convert::Infallible {
    #[derive(Serialize, PartialEq, Clone, Copy)]
    struct Fields {
        bytes: u64,
        total: u64,
    }
    let mut bar = None;
    let mut shown = None;
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        let files = device.view().state.files;
        let on_its_way = |it: &&dolab_device::Entry| {
            it.status.status == dolab_device::report::Status::Downloading
        };
        let Some(file) = files.iter().find(on_its_way) else {
            continue;
        };
        let now = Fields {
            bytes: file.status.file_size_in_cache,
            total: file.status.file_size,
        };
        let bar = bar.get_or_insert_with(|| output.transfer("fetching", now.total));
        bar.set_position(now.bytes);
        if shown != Some(now) {
            shown = Some(now);
            output.event("progress", now);
        }
    }
}

/// The final document.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    id: String,
    path: String,
    bytes: u64,
    mode: u32,
    mode_name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode_reason: Option<String>,
    seconds: f64,
    from: dolab_device::report::ByClass<u64>,
    local_cache_bytes: u64,
    efficiency: Efficiency,
    peers_offered: u32,
    cached_until: Option<String>,
    sources: Vec<SourceOfBytes>,
    closed_gates: Vec<Closed>,
    findings: Vec<SiteFinding>,
}

/// Who sent what.
#[derive(Serialize)]
struct SourceOfBytes {
    source: String,
    kind: &'static str,
    bytes: u64,
    pieces: u32,
    bad_pieces: u32,
}

/// What kept it from peers, or this device from serving them.
#[derive(Serialize)]
struct Closed {
    gate: String,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

impl Document {
    fn of(outcome: &Outcome, path: &std::path::Path, findings: Vec<SiteFinding>) -> Self {
        let status = &outcome.status;
        let sources = outcome.sources.iter().map(|it| SourceOfBytes {
            source: it.source.clone(),
            kind: it.kind.name(),
            bytes: it.bytes,
            pieces: it.pieces,
            bad_pieces: it.bad_pieces,
        });
        let decisions = outcome.judgement.decisions.iter();
        let closed = decisions.filter(|it| it.verdict == Verdict::Closed);
        Self {
            schema: "dolab.download/1",
            id: status.file_id.clone(),
            path: path.display().to_string(),
            bytes: status.file_size,
            mode: outcome.mode.number(),
            mode_name: outcome.mode.name(),
            mode_reason: outcome.reason.map(|code| code.to_string()),
            seconds: (outcome.elapsed.as_secs_f64() * 1e6).round() / 1e6,
            from: status.from,
            local_cache_bytes: outcome.local_cache,
            efficiency: status.efficiency(),
            peers_offered: status.num_peers,
            cached_until: status.expire_on.map(|time| time.to_string()),
            sources: sources.collect(),
            closed_gates: closed
                .map(|it| Closed {
                    gate: it.gate.to_string(),
                    reason: it.reason.clone(),
                    code: it.code.map(|code| code.to_string()),
                })
                .collect(),
            findings,
        }
    }
}

fn tell(document: &Document, outcome: &Outcome, output: &Output) {
    let how = if outcome.status.status == dolab_device::report::Status::Caching
        || document.closed_gates.is_empty()
    {
        "whole and verified"
    } else {
        "whole"
    };
    output.line(format_args!(
        "fetched: {}, {how}, {}",
        escape(&document.path),
        Size(document.bytes)
    ));
    let fetched = document.bytes.saturating_sub(document.local_cache_bytes);
    let time = Duration::from_secs_f64(document.seconds);
    let reason = document
        .mode_reason
        .as_ref()
        .map_or_else(String::new, |code| format!(", because of {code}"));
    output.line(format_args!(
        "  mode {} ({}){reason}, {} peers offered, in {}, {}",
        document.mode_name,
        document.mode,
        document.peers_offered,
        units::span(time),
        Rate::of(fetched, time)
    ));
    for source in &document.sources {
        let share = 100.0 * source.bytes as f64 / fetched.max(1) as f64;
        output.line(format_args!(
            "  from {} {}: {} ({share:.1} %)",
            source.kind,
            escape(&source.source),
            Size(source.bytes)
        ));
    }
    if document.local_cache_bytes > 0 {
        output.line(format_args!(
            "  from the cache: {}",
            Size(document.local_cache_bytes)
        ));
    }
    for closed in &document.closed_gates {
        let code = closed.code.as_ref();
        let code = code.map_or_else(String::new, |code| format!(" ({code})"));
        output.line(format_args!(
            "  gate shut: {}: {}{code}",
            closed.gate, closed.reason
        ));
    }
    if let Some(note) = &document.efficiency.note {
        output.line(format_args!("  note: {note}"));
    }
    if !document.findings.is_empty() {
        output.line(render::findings(output.style(), &document.findings).trim_end());
    }
}
