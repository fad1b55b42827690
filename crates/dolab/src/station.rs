//! This host's side of a check, as the arguments want it.

use std::net::IpAddr;

use dolab_check::{Key, ListenerState, PortWish, Ports, Station, StationConfig, report::PathId};
use serde::Serialize;

use crate::{
    args::{Access, ListenArgs},
    failure::Failure,
};

/// What to listen on. With `--port 0` every listener takes a free port, for several on one host;
/// any other port concerns the exchange alone.
pub(crate) fn config(listen: &ListenArgs, access: &Access, key: Option<Key>) -> StationConfig {
    let ports = match listen.port {
        0 => Ports {
            dns_sd: true,
            ..Ports::free()
        },
        port => Ports {
            tcp_7680: PortWish::Exact(port),
            ..Ports::default()
        },
    };
    StationConfig {
        listen: listen.listen.iter().copied().collect(),
        ports,
        key,
        announce: !listen.no_announce,
        allow_public: access.allow_public,
        ..StationConfig::default()
    }
}

/// Starts it.
pub(crate) async fn start(config: StationConfig) -> Result<Station, Failure> {
    Station::start(config).await.map_err(|error| {
        Failure::cannot_run(error).hint("--port takes another port, and 0 any free one")
    })
}

/// The port on which others reach this host. Without it a peer is none.
pub(crate) fn exchange_port(station: &Station, wanted: u16) -> Result<u16, Failure> {
    if let Some(port) = station.port(PathId::Tcp7680) {
        return Ok(port);
    }
    let state = station.listeners().iter();
    let why = state
        .filter(|state| state.path == PathId::Tcp7680)
        .find_map(|state| state.closed.as_ref().map(ToString::to_string));
    let why = why.unwrap_or_else(|| "the system does not say why".to_owned());
    Err(
        Failure::cannot_run(format!("can not listen on tcp port {wanted}: {why}"))
            .hint("--port takes another port, and 0 any free one"),
    )
}

/// A listener as the user sees it and as it stands in the JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Listening {
    pub(crate) path: String,
    pub(crate) port: u16,
    pub(crate) open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why_not: Option<String>,
}

/// What became of each listener.
pub(crate) fn listening(station: &Station) -> Vec<Listening> {
    station.listeners().iter().map(Listening::from).collect()
}

impl From<&ListenerState> for Listening {
    fn from(state: &ListenerState) -> Self {
        Self {
            path: state.path.to_string(),
            port: state.port,
            open: state.closed.is_none(),
            why_not: state.closed.as_ref().map(ToString::to_string),
        }
    }
}

impl Listening {
    /// `tcp 7680`, and the port that it stands for where that is another.
    pub(crate) fn what(&self) -> String {
        let (protocol, port) = self.path.split_once('-').unwrap_or((&self.path, ""));
        if port == self.port.to_string() {
            format!("{protocol} {port}")
        } else {
            format!("{protocol} {} (for {port})", self.port)
        }
    }
}

/// `HOST`, or `HOST:PORT` where the port is not Delivery Optimization's: what is typed elsewhere to
/// reach this host.
pub(crate) fn dial_text(addr: Option<&IpAddr>, port: u16) -> String {
    match (addr, port == PathId::Tcp7680.port()) {
        (Some(addr), true) => addr.to_string(),
        (Some(addr @ IpAddr::V6(_)), false) => format!("[{addr}]:{port}"),
        (Some(addr), false) => format!("{addr}:{port}"),
        (None, true) => "HOST".to_owned(),
        (None, false) => format!("HOST:{port}"),
    }
}
