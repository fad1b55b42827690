//! The hosts that a command is about: those that were named, or those that DNS-SD finds.

use std::{net::SocketAddr, time::Duration};

use dolab_discovery::{Candidate, DO_PORT, Discovery, DiscoveryConfig, Kind, Target};
use dolab_peer::is_near;

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
            Ok(candidate) => found.push(near(candidate, allow_public)?),
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

/// The lab peers on the link that `wanted` wants: all that are found within `wait`, or fewer where
/// `enough` are there.
pub(crate) async fn on_the_link(
    wait: Duration,
    output: &Output,
    wanted: impl Fn(&Candidate) -> bool,
) -> Result<Vec<Candidate>, Failure> {
    let discovery =
        Discovery::start(DiscoveryConfig::default()).map_err(discover::cannot_discover)?;
    let found = discover::watch(&discovery, wait, output, |_| false).await;
    discovery.stop().await;
    let windows = found
        .iter()
        .filter(|found| matches!(found.kind, Kind::Windows))
        .count();
    let lab: Vec<_> = found
        .into_iter()
        .filter(|found| found.lab().is_some() && wanted(found))
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

/// Leaves the addresses that may be spoken to.
fn near(mut candidate: Candidate, allow_public: bool) -> Result<Candidate, Failure> {
    if !allow_public {
        let far: Vec<SocketAddr> = candidate
            .addrs
            .iter()
            .copied()
            .filter(|addr| !is_near(addr.ip()))
            .collect();
        candidate.addrs.retain(|addr| is_near(addr.ip()));
        if let (true, Some(addr)) = (candidate.addrs.is_empty(), far.first()) {
            return Err(Failure::wrong_use(format!(
                "{} is a public address: {}",
                escape(&candidate.name),
                addr.ip()
            ))
            .hint("only private addresses are spoken to; --allow-public lifts that"));
        }
    }
    Ok(candidate)
}
