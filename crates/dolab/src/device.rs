//! A device as the arguments want it.

use std::net::{IpAddr, Ipv6Addr};

use dolab_content::ContentId;
use dolab_device::{Device, DeviceConfig, DeviceError, DownloadError};
use dolab_discovery::{DiscoveryConfig, Interfaces};
use serde::Serialize;

use crate::{
    args::DeviceArgs, commands::policy, exit::Exit, failure::Failure, output::Output, state,
};

/// The device that is wished for.
pub(crate) fn config(wishes: &DeviceArgs, output: &Output) -> Result<DeviceConfig, Failure> {
    let (site, listen) = (&wishes.site, &wishes.listen);
    let allow_public = wishes.access.allow_public;
    let http = site
        .http(allow_public)?
        .unwrap_or_else(|| dolab_http::ClientConfig {
            allow_public,
            clock: site.clock(),
            ..dolab_http::ClientConfig::default()
        });
    let address = listen.listen.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    let config = DeviceConfig::new(state::folder(&wishes.state)?);
    let mut config = match &site.cloud {
        Some(cloud) => config.with_cloud(cloud, http),
        None => config.with_http(http),
    };
    config.policies = policy::policies(&wishes.policies, output)?;
    if let Some(situation) = policy::situation(&wishes.policies)? {
        config.conditions = Some(situation.conditions);
        config.group = situation.group;
        config.proxy = situation.proxy;
    }
    config.peer.listen = vec![(address, listen.port).into()];
    config.peer.allow_public = allow_public;
    config.discovery = (!listen.no_announce).then(|| discovery(listen.listen));
    Ok(config)
}

/// Tells of each content when the cloud has come to offer it to others, or that it will not, for as
/// long as it is polled.
pub(crate) async fn tell_when_offered(
    device: &Device,
    contents: impl IntoIterator<Item = ContentId>,
    output: &Output,
) -> std::convert::Infallible {
    #[derive(Serialize)]
    struct Fields {
        id: String,
    }
    for content in contents {
        let offered = device.is_offered(content).await;
        let id = content.to_string();
        output.event(
            if offered { "offered" } else { "not-offered" },
            Fields { id },
        );
    }
    std::future::pending().await
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
