//! `dolab bench`.

mod compare;
mod options;

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use dolab_bench::{
    BenchError,
    report::{Event, Outcome, Report},
};
use dolab_check::Target;
use dolab_wire::session::Refusal;
use indicatif::ProgressBar;
use tokio::sync::mpsc;

use crate::{
    args::BenchArgs,
    commands::{block_on, hosts},
    escape::escape,
    exit::Exit,
    failure::{CommandResult, Failure},
    interrupt::interrupted,
    output::Output,
    render,
};

pub(crate) fn run(args: &BenchArgs, output: &Output) -> CommandResult {
    if let Some([before, after]) = args.compare.as_deref() {
        return compare::run(before, after, output);
    }
    let plan = options::plan(args)?;
    // Opened before anything is measured, so that nothing is measured in vain.
    let page = args.html.as_deref().map(|path| match File::create(path) {
        Ok(file) => Ok((path, file)),
        Err(error) => Err(not_written(path, &error)),
    });
    let page = page.transpose()?;
    let report = block_on(async {
        tokio::select! {
            report = measure(args, &plan, output) => report,
            // When the system lets nobody listen for Ctrl-C, it ends the program by itself.
            Ok(()) = interrupted() => {
                Err(Failure::new(Exit::Inconclusive, "interrupted before the benchmark had ended"))
            }
        }
    })??;
    if let Some((path, mut file)) = page {
        let page = dolab_bench::report::html::page(&report);
        file.write_all(page.as_bytes())
            .map_err(|error| not_written(path, &error))?;
    }
    output.line(render::bench(output.style(), &report).trim_end());
    output.document(&report);
    Ok(match report.outcome {
        Outcome::Done => Exit::Good,
        Outcome::Partial => Exit::Finding,
        Outcome::Failed => Exit::Inconclusive,
    })
}

async fn measure(
    args: &BenchArgs,
    plan: &dolab_bench::Plan,
    output: &Output,
) -> Result<Report, Failure> {
    let (found, left_out) = hosts::named(&args.hosts, args.access.allow_public).await?;
    if let Some(out) = left_out.first() {
        return Err(Failure::new(Exit::Inconclusive, escape(&out.why))
            .hint("`dolab discover` lists the hosts of this network"));
    }
    let targets: Vec<Target> = found.into_iter().map(Target::from).collect();
    let (events, mut told) = mpsc::unbounded_channel();
    let mut live = Live::new(output);
    let mut running = std::pin::pin!(dolab_bench::run(&targets, plan, events));
    let report = loop {
        tokio::select! {
            report = &mut running => break report,
            Some(event) = told.recv() => live.tell(&event),
        }
    };
    while let Ok(event) = told.try_recv() {
        live.tell(&event);
    }
    live.spinner.finish_and_clear();
    report.map_err(failed)
}

/// What is going on: a line on a terminal, and events.
struct Live<'a> {
    output: &'a Output,
    line: render::BenchLive,
    spinner: ProgressBar,
}

impl<'a> Live<'a> {
    fn new(output: &'a Output) -> Self {
        Self {
            output,
            line: render::BenchLive::new(output.style()),
            spinner: output.spinner("meeting the other side"),
        }
    }

    fn tell(&mut self, event: &Event) {
        self.output.event(event.name(), event);
        self.spinner.set_message(self.line.line(event));
    }
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    let path = path.display().to_string();
    Failure::cannot_run(format!("--html {}: {error}", escape(&path)))
}

/// Why nothing was measured at all.
fn failed(error: BenchError) -> Failure {
    let text = error.to_string();
    let failure = |exit| Failure::new(exit, escape(&text));
    match error {
        BenchError::Unreachable { error, .. } => {
            let hint = if error.kind() == io::ErrorKind::ConnectionRefused {
                "start `dolab peer` there: nothing listens on that port, or a firewall says so"
            } else {
                "`dolab check HOST` finds what is in the way"
            };
            failure(Exit::Finding).hint(hint)
        }
        BenchError::Session { .. } | BenchError::Confused { .. } => {
            failure(Exit::Finding).hint("`dolab peer` has to run there, in the same version")
        }
        BenchError::Declined {
            why: Refusal::Unsupported,
            ..
        } => failure(Exit::Finding).hint("benchmarks need a newer dolab on the other host"),
        BenchError::Declined { .. } => failure(Exit::Finding),
        BenchError::TooLong { .. } => failure(Exit::WrongUse),
        BenchError::Local(_) | _ => failure(Exit::CannotRun),
    }
}
