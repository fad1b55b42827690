//! `dolab dissect`.

use std::{fs::File, io, path::Path};

use dolab_dissect::{CaptureError, Event, Options, Severity, dissect};

use crate::{
    args::DissectArgs,
    exit::Exit,
    failure::{CommandResult, Failure},
    output::Output,
    render::{self, Conversations},
};

pub(crate) fn run(args: &DissectArgs, output: &Output) -> CommandResult {
    let options = Options {
        ports: args.port.clone(),
        stall: args.stall,
    };
    let mut conversations = Conversations::new(&args.connection);
    let mut tell = |event: Event| {
        if output.is_json() {
            output.event("dissected", &event);
        } else {
            conversations.add(event);
        }
    };
    let result = if args.file == Path::new("-") {
        dissect(io::stdin().lock(), &options, &mut tell)
    } else {
        File::open(&args.file)
            .map_err(CaptureError::from)
            .and_then(|file| dissect(file, &options, &mut tell))
    };
    let report = result.map_err(|error| refused(&args.file, &error))?;
    output.line(render::dissection(&report, &conversations, output.style()).trim_end());
    output.document(&report);
    if report.is_empty() {
        return Ok(Exit::Inconclusive);
    }
    let wrong = report.findings.iter().any(|f| f.severity > Severity::Info);
    Ok(if wrong { Exit::Finding } else { Exit::Good })
}

fn refused(file: &Path, error: &CaptureError) -> Failure {
    let from_stdin = file == Path::new("-");
    let name = match from_stdin {
        true => "standard input".into(),
        false => file.display().to_string(),
    };
    let failure = format!("{name}: {error}");
    match error {
        CaptureError::Io(_) if from_stdin => Failure::cannot_run(failure),
        CaptureError::Io(error) => Failure::unreadable(file, error)
            .hint("name a capture in pcap or pcapng; - reads it from standard input"),
        CaptureError::Empty | CaptureError::NoCapture(_) | CaptureError::Compressed(_) => {
            Failure::wrong_use(failure)
                .hint("capture with tcpdump -w FILE port 7680, or with Wireshark")
        }
    }
}
