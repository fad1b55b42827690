//! `dolab discover`.

use std::time::{Duration, Instant};

use dolab_discovery::{Candidate, Discovery, DiscoveryConfig, DiscoveryError, Event, Kind};
use serde::Serialize;

use crate::{
    args::DiscoverArgs,
    commands::block_on,
    escape::escape,
    exit::Exit,
    failure::{CommandResult, Failure},
    output::Output,
    render::{self, FoundHost},
    units,
};

pub(crate) fn run(args: &DiscoverArgs, output: &Output) -> CommandResult {
    block_on(look(args, output))?
}

async fn look(args: &DiscoverArgs, output: &Output) -> CommandResult {
    let discovery = Discovery::start(DiscoveryConfig::default()).map_err(cannot_discover)?;
    let found = watch(&discovery, args.wait, output).await;
    let interfaces = discovery.interfaces().to_vec();
    discovery.stop().await;

    let hosts: Vec<_> = found.iter().map(describe).collect();
    let summary = summary(&hosts, args.wait, &interfaces);
    output.line(&summary);
    if !hosts.is_empty() {
        output.line("");
        output.line(render::hosts(output.style(), &hosts).trim_end());
    }
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        summary: &'a str,
        interfaces: &'a [String],
        hosts: &'a [FoundHost],
    }
    output.document(&Document {
        schema: "dolab.discover/1",
        summary: &summary,
        interfaces: &interfaces,
        hosts: &hosts,
    });
    Ok(if hosts.iter().any(|host| host.kind == "lab") {
        Exit::Good
    } else if hosts.is_empty() {
        Exit::Inconclusive
    } else {
        Exit::Finding
    })
}

/// Watches until `wait` is over. What said goodbye meanwhile is not among the answer.
pub(crate) async fn watch(
    discovery: &Discovery,
    wait: Duration,
    output: &Output,
) -> Vec<Candidate> {
    let spinner = output.spinner(format!("looking for {} by dns-sd", units::span(wait)));
    let mut events = discovery.candidates();
    // When time is up, or discovery has died, what is known by then is the answer.
    let _ = tokio::time::timeout(wait, async {
        while let Some(event) = events.next().await {
            match event {
                Event::Found(candidate) => output.event("found", describe(&candidate)),
                Event::Changed(candidate) => output.event("changed", describe(&candidate)),
                Event::Lost(candidate) => output.event("lost", describe(&candidate)),
                Event::Called(_) | Event::Announced { .. } | _ => {}
            }
        }
    })
    .await;
    spinner.finish_and_clear();
    discovery.sightings()
}

/// Why this host can not discover, for the user.
pub(crate) fn cannot_discover(error: DiscoveryError) -> Failure {
    Failure::cannot_run(error)
        .hint("dns-sd needs udp port 5353; without it, name the host: dolab check HOST")
}

fn summary(hosts: &[FoundHost], wait: Duration, interfaces: &[String]) -> String {
    let lab = hosts.iter().filter(|host| host.kind == "lab").count();
    let plural = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let found = match (lab, hosts.len() - lab) {
        (0, 0) => {
            let place = match interfaces {
                [] => "there is no network interface but loopback".to_owned(),
                names => format!("looked on {} for {}", names.join(", "), units::span(wait)),
            };
            return escape(&format!(
                "nobody was found: {place}; start `dolab peer` on another host of this network, \
                 or name the host: dolab check HOST"
            ))
            .into_owned();
        }
        (lab, 0) => format!("found {}", plural(lab, "lab peer")),
        (0, others) => format!("found no lab peer, but {}", plural(others, "other host")),
        (lab, others) => {
            format!(
                "found {} and {}",
                plural(lab, "lab peer"),
                plural(others, "other host")
            )
        }
    };
    match lab {
        0 => format!("{found}: start `dolab peer` on one of them to check it"),
        _ => format!("{found}: check one with `dolab check HOST`"),
    }
}

fn describe(candidate: &Candidate) -> FoundHost {
    let lab = candidate.lab();
    FoundHost {
        name: candidate.name.clone(),
        kind: match candidate.kind {
            Kind::Lab(_) => "lab",
            Kind::Offered(_) => "offered",
            Kind::Windows => "windows",
            Kind::Other => "other",
            Kind::Unknown => "unknown",
        },
        source: candidate.source.name(),
        host: candidate.host.clone(),
        addresses: candidate.addrs.iter().map(ToString::to_string).collect(),
        interfaces: candidate.interfaces.clone(),
        version: lab
            .map(|lab| lab.version.clone())
            .filter(|version| !version.is_empty()),
        contents: lab.map(|lab| lab.contents.iter().map(ToString::to_string).collect()),
        contents_total: lab.map(|lab| lab.total),
        age_seconds: seconds(candidate.found),
        unchanged_seconds: seconds(candidate.changed),
    }
}

/// Since then, to the millisecond.
fn seconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e3).round() / 1e3
}
