//! A device as the arguments want it.

use std::net::{IpAddr, Ipv6Addr};

use dolab_device::{DeviceConfig, DeviceError, DownloadError};
use dolab_discovery::{DiscoveryConfig, Interfaces, cloud::CloudClientConfig};
use dolab_peer::PeerConfig;
use dolab_wire::cloud::GEO_PATH;

use crate::{
    args::{Access, ListenArgs, PolicyOptions, Site, StateArgs},
    commands::policy,
    exit::Exit,
    failure::Failure,
    output::Output,
    state,
};

/// What every device of this program is set up from.
pub(crate) struct Wishes<'a> {
    pub(crate) site: &'a Site,
    pub(crate) policies: &'a PolicyOptions,
    pub(crate) state: &'a StateArgs,
    pub(crate) listen: &'a ListenArgs,
    pub(crate) access: &'a Access,
}

/// The device that is wished for.
pub(crate) fn config(wishes: &Wishes<'_>, output: &Output) -> Result<DeviceConfig, Failure> {
    let (site, listen) = (wishes.site, wishes.listen);
    let allow_public = wishes.access.allow_public;
    let http = site
        .http(allow_public)?
        .unwrap_or_else(|| dolab_http::ClientConfig {
            allow_public,
            ..dolab_http::ClientConfig::default()
        });
    let policies = policy::policies(wishes.policies, output)?;
    let cloud = site.cloud.as_ref().map(|url| CloudClientConfig {
        http: http.clone(),
        geo: format!("{}{GEO_PATH}", url.trim_end_matches('/')),
        ..CloudClientConfig::default()
    });
    let address = listen.listen.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    Ok(DeviceConfig {
        policies,
        cloud,
        peer: PeerConfig {
            listen: vec![(address, listen.port).into()],
            allow_public,
            http: http.clone(),
            ..PeerConfig::default()
        },
        http,
        discovery: (!listen.no_announce).then(|| discovery(listen.listen)),
        ..DeviceConfig::new(state::folder(wishes.state)?)
    })
}

fn discovery(listen: Option<IpAddr>) -> DiscoveryConfig {
    let loopback = listen.is_some_and(|addr| addr.is_loopback());
    DiscoveryConfig {
        interfaces: if loopback {
            Interfaces::Loopback
        } else {
            Interfaces::All
        },
        ..DiscoveryConfig::default()
    }
}

/// Why there is no device, for the user.
pub(crate) fn not_started(error: &DeviceError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others are about the port or its configuration"
    )]
    match error {
        DeviceError::State(error) => state::refused(error),
        error => Failure::cannot_run(error).hint("--port takes another port, and 0 any free one"),
    }
}

/// Why nothing whole came, for the user.
pub(crate) fn not_downloaded(error: &DownloadError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others are told about in one way"
    )]
    let exit = match error {
        DownloadError::Disk(_) | DownloadError::NoRoom { .. } => Exit::CannotRun,
        DownloadError::Busy(_) => Exit::WrongUse,
        _ => Exit::Finding,
    };
    let failure = Failure::new(exit, crate::escape::escape(&error.to_string()));
    match error.do_code() {
        Some(code) => failure
            .do_code(code)
            .hint(format_args!("`dolab error {code}` explains the code")),
        None => failure,
    }
}
