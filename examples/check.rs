//! A check from code: two stations on loopback prove every path between them that they can.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::net::{Ipv4Addr, SocketAddr};

use dolab_check::{
    CheckOptions, Ports, Station, StationConfig, Target, TargetPorts,
    report::{PathId, Verdict},
};
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Any free ports, and no DNS-SD. The default are Delivery Optimization's, on every address.
    let on_loopback = || StationConfig {
        listen: vec![Ipv4Addr::LOCALHOST.into()],
        ports: Ports::free(),
        ..StationConfig::default()
    };
    let far = Station::start(on_loopback()).await?;
    let near = Station::start(on_loopback()).await?;

    let port = |path| far.port(path);
    let exchange = port(PathId::Tcp7680).expect("a station listens there");
    let mut target = Target::new(
        "the other station",
        vec![SocketAddr::from((Ipv4Addr::LOCALHOST, exchange))],
    );
    target.ports = TargetPorts {
        tcp_443: port(PathId::Tcp443),
        udp_443: port(PathId::Udp443),
        udp_3544: port(PathId::Udp3544),
    };
    let options = CheckOptions {
        size: 16 << 20,
        ..CheckOptions::default()
    };
    // What happens meanwhile would come out of the other end of this channel.
    let (progress, _) = mpsc::unbounded_channel();
    let report = near.check(&target, &options, progress).await;

    println!("{}", report.summary);
    for path in &report.paths {
        println!("{} {:?}: {:?}", path.id, path.direction, path.state);
    }
    for moved in &report.exchange {
        println!(
            "{:?}: {} bytes, verified: {}",
            moved.direction, moved.bytes, moved.verified
        );
    }
    for finding in &report.findings {
        println!("{}: {}", finding.code, finding.title);
    }
    near.stop().await;
    far.stop().await;
    anyhow::ensure!(
        report.verdict != Verdict::Fail,
        "two stations on loopback can share"
    );
    Ok(())
}
