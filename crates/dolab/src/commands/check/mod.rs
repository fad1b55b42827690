//! `dolab check`.

mod steps;

use dolab_check::{CheckOptions, Station, Target, report::Report};
use dolab_discovery::Candidate;
use serde::Serialize;
use tokio::sync::mpsc;

use self::steps::Steps;
use crate::{
    args::CheckArgs,
    commands::{
        block_on,
        hosts::{self, LeftOut},
    },
    escape::escape,
    exit::Exit,
    failure::{CommandResult, Failure},
    interrupt::interrupted,
    output::Output,
    render, station,
};

pub(crate) fn run(args: &CheckArgs, output: &Output) -> CommandResult {
    let mut config = station::config(&args.listen, &args.access, args.access.key()?);
    config.relay = args.site.relay(args.access.allow_public)?;
    block_on(async {
        tokio::select! {
            result = check_all(args, config, output) => result,
            // When the system lets nobody listen for Ctrl-C, it ends the program by itself.
            Ok(()) = interrupted() => {
                Err(Failure::new(Exit::Inconclusive, "interrupted before the check had ended"))
            }
        }
    })?
}

async fn check_all(
    args: &CheckArgs,
    config: dolab_check::StationConfig,
    output: &Output,
) -> CommandResult {
    let allow_public = args.access.allow_public;
    let (hosts, left_out) = match &config.relay {
        _ if !args.hosts.is_empty() => hosts::named(&args.hosts, allow_public).await?,
        Some(cloud) => (hosts::at_the_cloud(cloud, allow_public).await?, Vec::new()),
        None => (
            hosts::on_the_link(args.wait, allow_public, output, |_| true).await?,
            Vec::new(),
        ),
    };
    if hosts.is_empty() {
        let list: Vec<_> = left_out.iter().map(|out| out.why.as_str()).collect();
        return Err(Failure::new(Exit::Inconclusive, escape(&list.join("; ")))
            .hint("`dolab discover` lists the hosts of this network"));
    }
    let station = station::start(config).await?;
    let options = CheckOptions {
        size: args.size.0,
        ..CheckOptions::default()
    };
    let alone = hosts.len() + left_out.len() == 1;
    let mut checked = Vec::new();
    for host in hosts {
        let report = check_one(&station, &host, &options, output).await;
        if alone {
            output.line(render::report(output.style(), &report).trim_end());
        } else {
            let gap = if checked.is_empty() { "" } else { "\n" };
            let text = render::report(output.style(), &report);
            output.line(format_args!(
                "{gap}{}: {}",
                escape(&host.name),
                text.trim_end()
            ));
            output.event(
                "report",
                Reported {
                    host: &host.name,
                    report: &report,
                },
            );
        }
        checked.push((host.name, report));
    }
    station.stop().await;
    match checked.as_slice() {
        [(_, report)] if alone => {
            output.document(report);
            Ok(report.verdict.into())
        }
        checked => Ok(sum_up(checked, &left_out, output)),
    }
}

/// One check, with its progress on the terminal and as events.
pub(crate) async fn check_one(
    station: &Station,
    host: &Candidate,
    options: &CheckOptions,
    output: &Output,
) -> Report {
    let target = Target::from(host.clone());
    let mut steps = Steps::new(&host.name, output);
    let (send, mut told) = mpsc::unbounded_channel();
    let mut check = std::pin::pin!(station.check(&target, options, send));
    let report = loop {
        tokio::select! {
            report = &mut check => break report,
            Some(step) = told.recv() => steps.show(&step),
        }
    };
    steps.end();
    report
}

#[derive(Serialize)]
struct Reported<'a> {
    host: &'a str,
    report: &'a Report,
}

/// Several hosts: how each ended, in one line and one document.
fn sum_up(checked: &[(String, Report)], left_out: &[LeftOut], output: &Output) -> Exit {
    let mut exit = Exit::Good;
    let mut lines = Vec::new();
    for (host, report) in checked {
        exit = exit.worst(report.verdict.into());
        lines.push(format!(
            "{}: {}",
            escape(host),
            render::word(&report.verdict)
        ));
    }
    for LeftOut { host, why } in left_out {
        exit = exit.worst(Exit::Inconclusive);
        lines.push(format!("{}: not checked: {}", escape(host), escape(why)));
    }
    output.line(format_args!("\nin all:\n  {}", lines.join("\n  ")));
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        checks: Vec<Reported<'a>>,
        not_checked: Vec<NotChecked<'a>>,
    }
    #[derive(Serialize)]
    struct NotChecked<'a> {
        host: &'a str,
        why: &'a str,
    }
    output.document(&Document {
        schema: "dolab.checks/1",
        checks: checked
            .iter()
            .map(|(host, report)| Reported { host, report })
            .collect(),
        not_checked: left_out
            .iter()
            .map(|out| NotChecked {
                host: &out.host,
                why: &out.why,
            })
            .collect(),
    });
    exit
}
