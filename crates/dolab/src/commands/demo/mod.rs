//! `dolab demo`: a site, and a check.

mod site;

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use dolab_check::{
    CheckOptions, Ports, Station, StationConfig,
    report::{PathId, Report},
};
use dolab_discovery::Target;

use crate::{
    args::DemoArgs,
    commands::{block_on, check},
    exit::Exit,
    failure::{CommandResult, Failure},
    interrupt::interrupted,
    output::Output,
    render, station,
};

pub(crate) fn run(args: &DemoArgs, output: &Output) -> CommandResult {
    block_on(async {
        tokio::select! {
            result = play(args, output) => result,
            // When the system lets nobody listen for Ctrl-C, it ends the program by itself.
            Ok(()) = interrupted() => {
                Err(Failure::new(Exit::Inconclusive, "interrupted before the check had ended"))
            }
        }
    })?
}

async fn play(args: &DemoArgs, output: &Output) -> CommandResult {
    let story = site::play(output).await?;
    let stage = Stage::choose(args.free_ports);
    let far = station::start(stage.station("dolab-demo-peer", stage.far)).await?;
    let near = station::start(stage.station("dolab-demo-check", stage.near)).await?;
    let report = meet(args, &near, &far, stage.far, output).await;
    let ports = [stand_ins(&near, stage.near), stand_ins(&far, stage.far)].concat();
    near.stop().await;
    far.stop().await;
    let report = report?;
    output.line(render::report(output.style(), &report).trim_end());
    if !ports.is_empty() && !args.free_ports {
        output
            .line("\nnot on delivery optimization's own ports here, which are taken or forbidden:");
        for line in &ports {
            output.line(format_args!("  {line}"));
        }
    }
    output.line("\na site on this machine, and where its bytes came from:");
    for line in &story {
        output.line(format_args!("  {line}"));
    }
    output.line(
        "\nthis was one machine alone; now two hosts: `dolab peer` on one, `dolab check HOST` on \
         the other",
    );
    output.document(&report);
    Ok(report.verdict.into())
}

/// Where the two peers stand.
struct Stage {
    near: IpAddr,
    far: IpAddr,
    ports: Ports,
}

impl Stage {
    /// Two addresses of loopback. Where the system has only the one, both peers share it, and only
    /// free ports keep them apart.
    fn choose(free_ports: bool) -> Self {
        let (near, second) = (Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2));
        let two = TcpListener::bind((second, 0)).is_ok();
        let ports = if free_ports || !two {
            Ports {
                dns_sd: true,
                ..Ports::free()
            }
        } else {
            Ports::or_free()
        };
        let far = if two { second } else { near };
        Self {
            near: near.into(),
            far: far.into(),
            ports,
        }
    }

    fn station(&self, name: &str, listen: IpAddr) -> StationConfig {
        StationConfig {
            listen: vec![listen],
            ports: self.ports,
            name: Some(name.to_owned()),
            ..StationConfig::default()
        }
    }
}

async fn meet(
    args: &DemoArgs,
    near: &Station,
    far: &Station,
    at: IpAddr,
    output: &Output,
) -> Result<Report, Failure> {
    let Some(port) = far.port(PathId::Tcp7680) else {
        return Err(
            Failure::cannot_run("no port can be listened on, not even on loopback").hint(
                "something on this host keeps programs from listening: a sandbox or a policy",
            ),
        );
    };
    let host = Target::from(std::net::SocketAddr::new(at, port))
        .resolve(port)
        .await
        .map_err(Failure::cannot_run)?;
    let options = CheckOptions {
        size: args.size.0,
        ..CheckOptions::default()
    };
    Ok(check::check_one(near, &host, &options, output).await)
}

/// The ports that stand in for others, one line for each.
fn stand_ins(station: &Station, at: IpAddr) -> Vec<String> {
    station
        .listeners()
        .iter()
        .filter(|listener| listener.closed.is_none() && listener.port != listener.path.port())
        .map(|listener| format!("{} on {at}: port {} instead", listener.path, listener.port))
        .collect()
}
