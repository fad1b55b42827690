//! The site: a cloud, a device that downloads first, and one that downloads from it.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    time::Duration,
};

use dolab_cloud::{Cloud, CloudConfig, CloudPorts, Content, ContentRules};
use dolab_device::{Device, DeviceConfig, Outcome, Request};
use dolab_http::{ClientConfig, Trust};
use dolab_policy::{Name, Os, Policies, Raw, Settings, gates::Conditions};
use serde::Serialize;

use crate::{
    args::SyntheticSpec,
    device,
    failure::Failure,
    offer,
    output::Output,
    units::{self, Size},
};

/// Where all of it is.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Large enough to be shared, small enough for any disk.
const CONTENT: SyntheticSpec = SyntheticSpec {
    size: Size(64 << 20),
    seed: 7,
};

/// How long the first device may take to be known at the cloud.
const PATIENCE: Duration = Duration::from_secs(20);

/// Plays it, and returns the story: where every byte came from.
pub(super) async fn play(output: &Output) -> Result<Vec<String>, Failure> {
    let home = tempfile::tempdir().map_err(|error| {
        Failure::cannot_run(format!(
            "there is no place for the devices' caches: {error}"
        ))
    })?;
    let to = output.clone();
    let offer =
        tokio::task::spawn_blocking(move || offer::synthetic(CONTENT, offer::PIECE_SIZE, &to));
    let offer = offer.await.expect("hashing does not panic")?;
    let content = Content {
        name: offer.name,
        source: offer.source,
        hashes: offer.hashes,
        modified: None,
        rules: ContentRules::default(),
    };
    let path = content.path();
    let id = content.hashes.id();
    let cloud = Cloud::start(CloudConfig {
        listen: vec![HERE],
        ports: CloudPorts {
            quic: None,
            metrics: None,
            ..CloudPorts::free()
        },
        contents: vec![content],
        ..CloudConfig::default()
    })
    .await
    .map_err(Failure::cannot_run)?;
    let ports = cloud.ports();
    let url = format!("http://{HERE}:{}{path}", ports.http.unwrap_or_default());
    let mut story = vec![format!(
        "a cloud on {HERE}: https {}, contents on http {}",
        ports.https.unwrap_or_default(),
        ports.http.unwrap_or_default()
    )];
    let mut told = Vec::new();
    let first = device("first", &cloud, home.path()).await?;
    told.push(download(&first, "the first device", &url, &mut story).await?);
    // When it takes too long, the second is offered nobody, and the story says so.
    let _ = tokio::time::timeout(PATIENCE, first.is_offered(id)).await;
    let second = device("second", &cloud, home.path()).await?;
    told.push(download(&second, "the second device", &url, &mut story).await?);
    second.stop().await;
    first.stop().await;
    cloud.stop().await;
    output.event("site", Told { devices: told });
    Ok(story)
}

#[derive(Serialize)]
struct Told {
    devices: Vec<DeviceTold>,
}

#[derive(Serialize)]
struct DeviceTold {
    bytes: u64,
    from: dolab_device::report::ByClass<u64>,
    efficiency: dolab_device::report::Efficiency,
}

/// A device with nothing in its way, whatever this host is like.
async fn device(name: &str, cloud: &Cloud, home: &Path) -> Result<Device, Failure> {
    let mut settings = Settings::new();
    let policies = [
        (Name::DownloadMode, 1),
        (Name::RestrictPeerSelectionBy, 0),
        (Name::MinFileSizeToCache, 1),
    ];
    for (name, value) in policies {
        settings
            .set(name, Raw::Number(value))
            .map_err(Failure::cannot_run)?;
    }
    let trust = Trust::authorities_from_pem(cloud.authority_pem().as_bytes());
    let http = ClientConfig {
        trust: trust.map_err(Failure::cannot_run)?,
        ..ClientConfig::default()
    };
    let cloud = format!("https://{HERE}:{}", cloud.ports().https.unwrap_or_default());
    let mut config = DeviceConfig::new(home.join(name)).with_cloud(&cloud, http);
    config.policies = Policies::new(Os::Windows11, &settings);
    config.conditions = Some(Conditions {
        cloud: None,
        uploaded_to_internet: None,
        ..Conditions::usual()
    });
    config.peer.listen = vec![(HERE, 0).into()];
    config.discovery = None;
    Device::start(config)
        .await
        .map_err(|error| device::not_started(&error))
}

async fn download(
    device: &Device,
    who: &str,
    url: &str,
    story: &mut Vec<String>,
) -> Result<DeviceTold, Failure> {
    let outcome: Outcome = device
        .download(Request::url(url))
        .await
        .map_err(|error| device::not_downloaded(&error))?;
    story.push(format!(
        "{who}: {} in {}, mode {} ({}), {} peers offered",
        Size(outcome.status.file_size),
        units::span(outcome.elapsed),
        outcome.mode,
        outcome.mode.number(),
        outcome.status.num_peers,
    ));
    for source in &outcome.sources {
        let share = 100.0 * source.bytes as f64 / outcome.status.file_size.max(1) as f64;
        story.push(format!(
            "  from {} {}: {} ({share:.1} %)",
            source.kind,
            source.source,
            Size(source.bytes)
        ));
    }
    Ok(DeviceTold {
        bytes: outcome.status.file_size,
        from: outcome.status.from,
        efficiency: outcome.status.efficiency(),
    })
}
