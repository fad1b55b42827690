//! What the tests of this crate share.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use dolab_check::{
    CheckOptions, Ports, Station, StationConfig, Target, TargetPorts,
    report::{Direction, PathId, PathReport, PathState, Report},
};

pub(crate) const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Another address of this machine; macOS would have to be told of it first.
pub(crate) const REMOTE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// A station on free ports of an address.
pub(crate) async fn station(addr: IpAddr) -> Station {
    station_with(addr, |_| ()).await
}

pub(crate) async fn station_with(addr: IpAddr, change: impl FnOnce(&mut StationConfig)) -> Station {
    let mut config = StationConfig {
        listen: vec![addr],
        ports: Ports::free(),
        announce: false,
        name: Some(format!("host-{addr}")),
        ..StationConfig::default()
    };
    change(&mut config);
    Station::start(config)
        .await
        .expect("loopback and free ports are always there")
}

/// Where a station can be checked.
pub(crate) fn target(station: &Station) -> Target {
    let port = station.port(PathId::Tcp7680).expect("it listens");
    let addr = SocketAddr::new(station.addresses()[0], port);
    Target {
        ports: TargetPorts {
            tcp_443: station.port(PathId::Tcp443),
            udp_443: station.port(PathId::Udp443),
            udp_3544: station.port(PathId::Udp3544),
        },
        ..Target::new(addr.ip().to_string(), vec![addr])
    }
}

/// Checks `remote` from `local`.
pub(crate) async fn check(local: &Station, remote: &Station, options: &CheckOptions) -> Report {
    check_target(local, &target(remote), options).await
}

pub(crate) async fn check_target(
    local: &Station,
    target: &Target,
    options: &CheckOptions,
) -> Report {
    let (progress, _) = tokio::sync::mpsc::unbounded_channel();
    local.check(target, options, progress).await
}

/// The report of a path.
pub(crate) fn path(report: &Report, id: PathId, direction: Direction) -> &PathReport {
    let mut paths = report.paths.iter();
    paths
        .find(|path| (path.id, path.direction) == (id, direction))
        .expect("all paths are there")
}

/// The state of a path.
pub(crate) fn open(report: &Report, id: PathId, direction: Direction) -> PathState {
    path(report, id, direction).state
}

/// Fails unless the report is what `docs/schema/check-1.json` says.
pub(crate) fn assert_fits_schema(report: &Report) {
    let schema = include_str!("../../../../docs/schema/check-1.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("the schema itself is valid");
    let document = serde_json::to_value(report).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}
