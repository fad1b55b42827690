//! Ports: who may come in, TLS, and HTTP in both versions over it.

mod patient;
mod places;
mod quic;
mod serve;

use std::{
    io,
    net::{IpAddr, TcpListener, UdpSocket},
};

use dolab_host::{Transport, bind_tcp, bind_udp, port_holder};

pub(crate) use places::Places;
pub(crate) use quic::serve as serve_quic;
pub(crate) use serve::{Caller, Gate, Handler, NoAnswer, serve};

use crate::StartError;

/// Opens a TCP port.
pub(crate) fn listen(port: u16, on: &[IpAddr]) -> Result<(u16, Vec<TcpListener>), StartError> {
    bind_tcp(port, on).map_err(|error| failed(error, Transport::Tcp, port, on))
}

/// Opens a UDP port.
pub(crate) fn bind(port: u16, on: &[IpAddr]) -> Result<(u16, Vec<UdpSocket>), StartError> {
    bind_udp(port, on).map_err(|error| failed(error, Transport::Udp, port, on))
}

fn failed(source: io::Error, transport: Transport, port: u16, on: &[IpAddr]) -> StartError {
    let protocol = match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other kinds have no advice of their own"
    )]
    match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken {
            protocol,
            port,
            holder: port_holder(transport, port),
        },
        io::ErrorKind::PermissionDenied => StartError::PermissionDenied { protocol, port },
        _ => StartError::Listen {
            protocol,
            port,
            on: on.to_vec(),
            source,
        },
    }
}
