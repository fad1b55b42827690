//! Who on this link shares? Browses for two seconds and tells lab peers from other hosts.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use dolab_discovery::{Discovery, DiscoveryConfig, Kind, Target};
use tokio::time::{Instant, timeout_at};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let discovery = match Discovery::start(DiscoveryConfig::default()) {
        Ok(discovery) => discovery,
        Err(error) => {
            // Another program may keep the port for itself. That is no reason to do without the
            // hosts that the user names.
            println!("no dns-sd here: {error}");
            return Ok(());
        }
    };
    println!("browsing on {}", discovery.interfaces().join(", "));

    // What the user names is a candidate like any other.
    let target: Target = "localhost:7680".parse()?;
    discovery.add(target.resolve(7680).await?);

    let mut events = discovery.candidates();
    let end = Instant::now() + Duration::from_secs(2);
    while let Ok(Some(event)) = timeout_at(end, events.next()).await {
        let Some(candidate) = event.candidate() else {
            continue;
        };
        let what = match &candidate.kind {
            Kind::Lab(lab) => format!("dolab {} with {} contents", lab.version, lab.total),
            Kind::Offered(id) => format!("offered by a cloud, peer id {id}"),
            Kind::Windows => "announces itself as Windows does".into(),
            Kind::Other => "announces the service, in another form".into(),
            Kind::Unknown => "nothing known yet".into(),
        };
        println!("{}: {what} ({})", candidate.name, candidate.source.name());
        candidate
            .addrs
            .iter()
            .for_each(|addr| println!("    {addr}"));
    }
    println!("{} candidates", discovery.sightings().len());
    discovery.stop().await;
    Ok(())
}
