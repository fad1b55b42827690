//! A whole site on loopback: the simulated cloud, a device that fetches a content from its origin and
//! keeps it, and one that then gets it from the first. Prints where the bytes came from.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{net::Ipv4Addr, path::Path, sync::Arc};

use anyhow::Context;
use dolab_cloud::{Cloud, CloudConfig, CloudPorts, Content, ContentRules};
use dolab_content::{Layout, Synthetic, hash_source};
use dolab_device::{Device, DeviceConfig, Outcome, Request};
use dolab_http::{ClientConfig, Trust};
use dolab_policy::{Name, Os, Policies, Raw, Settings, gates::Conditions};

/// Smaller contents are downloaded without peers: Delivery Optimization's simple mode.
const SIZE: u64 = 32 << 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let content = made_up()?;
    let id = content.hashes.id();
    let path = content.path();
    // Free ports and loopback only; the default are the real ports, on every address.
    let cloud = Cloud::start(CloudConfig {
        listen: vec![Ipv4Addr::LOCALHOST.into()],
        ports: CloudPorts::free(),
        contents: vec![content],
        ..CloudConfig::default()
    })
    .await?;
    let ports = cloud.ports();
    let url = format!("http://127.0.0.1:{}{path}", ports.http.context("a port")?);

    let first = device(&cloud, &home.path().join("first"), &[]).await?;
    let outcome = first.download(Request::url(&url)).await?;
    tell("first", &outcome);
    // From here on the cloud offers it to others.
    anyhow::ensure!(first.is_offered(id).await, "the cloud does not offer it");

    // An administrator who wants peers to be asked first delays HTTP.
    let delay = (Name::DelayForegroundDownloadFromHttp, Raw::Number(60));
    let second = device(&cloud, &home.path().join("second"), &[delay]).await?;
    let outcome = second.download(Request::url(&url)).await?;
    tell("second", &outcome);
    anyhow::ensure!(outcome.status.from.lan == SIZE, "not all came from peers");

    second.stop().await;
    first.stop().await;
    cloud.stop().await;
    Ok(())
}

/// A content made up from a seed; a `SharedFile` would be one of the user's files.
fn made_up() -> anyhow::Result<Content> {
    let source = Synthetic::new(7, SIZE);
    let hashes = hash_source(&source, Layout::new(SIZE, 1 << 20)?, 2, &|_| {})?;
    Ok(Content {
        name: "example".into(),
        source: Arc::new(source),
        hashes: Arc::new(hashes),
        modified: None,
        rules: ContentRules::default(),
    })
}

/// A device of the site, with these policies.
async fn device(cloud: &Cloud, state: &Path, set: &[(Name, Raw)]) -> anyhow::Result<Device> {
    let mut settings = Settings::new();
    // So small a content is shared only where a policy says so.
    settings.set(Name::MinFileSizeToCache, Raw::Number(1))?;
    settings.set(Name::RestrictPeerSelectionBy, Raw::Number(0))?;
    for (name, value) in set {
        settings.set(*name, value.clone())?;
    }
    let http = ClientConfig {
        trust: Trust::authorities_from_pem(cloud.authority_pem().as_bytes())?,
        ..ClientConfig::default()
    };
    let port = cloud.ports().https.context("a port")?;
    let mut config =
        DeviceConfig::new(state).with_cloud(&format!("https://127.0.0.1:{port}"), http);
    config.policies = Policies::new(Os::Windows11, &settings);
    // A desktop with enough of everything; without this, the host itself is looked at.
    config.conditions = Some(Conditions {
        cloud: None,
        uploaded_to_internet: None,
        ..Conditions::usual()
    });
    config.peer.listen = vec![(Ipv4Addr::LOCALHOST, 0).into()];
    config.discovery = None;
    Ok(Device::start(config).await?)
}

fn tell(device: &str, outcome: &Outcome) {
    println!("{device}: mode {}", outcome.mode.name());
    for source in &outcome.sources {
        println!(
            "  {:?} {}: {} pieces, {} bytes",
            source.kind, source.source, source.pieces, source.bytes
        );
    }
    let share = outcome.status.efficiency().all_percent;
    println!("  {share} % from peers");
}
