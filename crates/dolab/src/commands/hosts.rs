//! The hosts that a command is about: those that were named, or those that DNS-SD or the cloud finds.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use dolab_discovery::{
    Candidate, DO_PORT, Discovery, DiscoveryConfig, Kind, Source, Target, cloud::Relay,
};
use dolab_peer::is_near;
use dolab_wire::{PeerType, relay};

use super::discover;
use crate::{escape::escape, exit::Exit, failure::Failure, output::Output};

/// Why a host is left out.
#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    /// What was typed.
    pub(crate) host: String,
    /// The reason, in words.
    pub(crate) why: String,
}

/// Looks the named hosts up. Who can not be found is among the second.
///
/// # Errors
/// A public address without `--allow-public`: the user has to decide.
pub(crate) async fn named(
    targets: &[Target],
    allow_public: bool,
) -> Result<(Vec<Candidate>, Vec<LeftOut>), Failure> {
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for target in targets {
        match target.resolve(DO_PORT).await {
            Ok(candidate) => {
                let name = candidate.name.clone();
                found.push(near(candidate, allow_public).map_err(|addr| public(&name, addr))?);
            }
            Err(error) => {
                left_out.push(LeftOut {
                    host: target.to_string(),
                    why: error.to_string(),
                });
            }
        }
    }
    Ok((found, left_out))
}

/// The lab peers on the link that `wanted` wants: all that are found within `wait`.
///
/// # Errors
/// When there is none.
pub(crate) async fn on_the_link(
    wait: Duration,
    allow_public: bool,
    output: &Output,
    wanted: impl Fn(&Candidate) -> bool,
) -> Result<Vec<Candidate>, Failure> {
    let discovery =
        Discovery::start(DiscoveryConfig::default()).map_err(discover::cannot_discover)?;
    let found = discover::watch(&discovery, wait, output).await;
    discovery.stop().await;
    let windows = found
        .iter()
        .filter(|found| matches!(found.kind, Kind::Windows))
        .count();
    let lab: Vec<_> = found
        .into_iter()
        .filter(|found| found.lab().is_some() && wanted(found))
        .filter_map(|found| near(found, allow_public).ok())
        .collect();
    if !lab.is_empty() {
        return Ok(lab);
    }
    let others = match windows {
        0 => String::new(),
        1 => ", only 1 windows host".to_owned(),
        count => format!(", only {count} windows hosts"),
    };
    Err(Failure::new(
        Exit::Inconclusive,
        format!("no lab peer was found on this network by dns-sd{others}"),
    )
    .hint("start `dolab peer` on the other host, or name it: multicast may be blocked"))
}

/// The lab peers that wait at the cloud to be called.
///
/// # Errors
/// When the cloud can not be asked, or knows none.
pub(crate) async fn at_the_cloud(
    cloud: &Relay,
    allow_public: bool,
) -> Result<Vec<Candidate>, Failure> {
    let stations = cloud.stations().await.map_err(|error| {
        Failure::new(
            Exit::Inconclusive,
            format!("the cloud can not be asked: {error}"),
        )
    })?;
    let stations = stations.into_iter().filter_map(offered);
    let near: Vec<_> = stations
        .filter_map(|found| near(found, allow_public).ok())
        .collect();
    if near.is_empty() {
        return Err(
            Failure::new(Exit::Inconclusive, "the cloud knows no lab peer".to_owned())
                .hint("start `dolab peer --cloud URL` on the other host, or name it"),
        );
    }
    Ok(near)
}

/// A lab peer as the cloud knows it: by its own addresses, and by the one that the cloud sees.
fn offered(station: relay::Station) -> Option<Candidate> {
    let port = station.addresses.first().map_or(DO_PORT, SocketAddr::port);
    let mut addrs = station.addresses;
    if !addrs.iter().any(|addr| addr.ip() == station.external) {
        addrs.push(SocketAddr::new(station.external, port));
    }
    let now = Instant::now();
    Some(Candidate {
        source: Source::Cloud,
        kind: Kind::Offered(station.id.parse().ok()?),
        host: Some(station.name.clone()),
        name: station.name,
        addrs,
        peer_type: PeerType::Lan,
        interfaces: Vec::new(),
        found: now,
        changed: now,
    })
}

/// Leaves the addresses that may be spoken to. The first of those that may not, where none is left.
fn near(mut candidate: Candidate, allow_public: bool) -> Result<Candidate, SocketAddr> {
    let first = candidate.addrs.first().copied();
    candidate
        .addrs
        .retain(|addr| allow_public || is_near(addr.ip()));
    match first {
        Some(addr) if candidate.addrs.is_empty() => Err(addr),
        _ => Ok(candidate),
    }
}

fn public(name: &str, addr: SocketAddr) -> Failure {
    let ip = addr.ip();
    Failure::wrong_use(if name.contains(&ip.to_string()) {
        format!("{ip} is a public address")
    } else {
        format!("{} has only public addresses, such as {ip}", escape(name))
    })
    .hint(
        "only private, link-local and loopback addresses are spoken to; --allow-public lifts that",
    )
}
