//! Opening a port, on every address that was asked for, and saying why not.

use std::{
    io,
    net::{IpAddr, TcpListener, UdpSocket},
};

use dolab_host::{Transport, bind_tcp, bind_udp, port_holder};

use crate::{evidence::ClosedBecause, station::PortWish};

/// A port that was opened, or why not.
pub(crate) struct Bound<S> {
    /// The port that is open, or that was wanted.
    pub(crate) port: u16,
    pub(crate) sockets: Result<Vec<S>, ClosedBecause>,
}

/// Opens a TCP port on these addresses, or on all when none is named.
pub(crate) fn listen_tcp(wish: PortWish, on: &[IpAddr]) -> Bound<TcpListener> {
    listen(wish, Transport::Tcp, |port| bind_tcp(port, on))
}

/// Opens a UDP port.
pub(crate) fn listen_udp(wish: PortWish, on: &[IpAddr]) -> Bound<UdpSocket> {
    listen(wish, Transport::Udp, |port| bind_udp(port, on))
}

fn listen<S>(
    wish: PortWish,
    transport: Transport,
    bind: impl Fn(u16) -> io::Result<(u16, Vec<S>)>,
) -> Bound<S> {
    let (port, fallback) = match wish {
        PortWish::Off => {
            return Bound {
                port: 0,
                sockets: Err(ClosedBecause::NotWanted),
            };
        }
        PortWish::Exact(port) => (port, false),
        PortWish::OrFree(port) => (port, true),
    };
    let bound = bind(port).or_else(|error| {
        if !fallback || port == 0 {
            return Err(error);
        }
        tracing::info!(port, %error, "the port can not be had: a free one is taken");
        bind(0)
    });
    match bound {
        Ok((port, sockets)) => Bound {
            port,
            sockets: Ok(sockets),
        },
        Err(error) => Bound {
            port,
            sockets: Err(closed_because(&error, port, transport)),
        },
    }
}

fn closed_because(error: &io::Error, port: u16, transport: Transport) -> ClosedBecause {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other kinds do not come from there, or mean nothing else"
    )]
    match error.kind() {
        io::ErrorKind::AddrInUse => ClosedBecause::Held {
            by: port_holder(transport, port).map(|holder| holder.to_string()),
        },
        io::ErrorKind::PermissionDenied => ClosedBecause::NoPrivilege,
        _ => ClosedBecause::Failed {
            why: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: &[IpAddr] = &[IpAddr::V4(Ipv4Addr::LOCALHOST)];

    #[test]
    fn a_port_that_is_held_says_so_or_gives_way() {
        let first = listen_tcp(PortWish::Exact(0), HERE);
        assert!(first.sockets.is_ok());
        let second = listen_tcp(PortWish::Exact(first.port), HERE);
        let Err(ClosedBecause::Held { by }) = second.sockets else {
            panic!("{:?}", second.sockets);
        };
        if cfg!(target_os = "linux") {
            assert!(by.is_some_and(|by| by.contains(&std::process::id().to_string())));
        }
        let third = listen_tcp(PortWish::OrFree(first.port), HERE);
        assert!(third.sockets.is_ok() && third.port != first.port);
    }

    #[test]
    fn a_port_that_is_not_wanted_is_not_opened() {
        let bound = listen_udp(PortWish::Off, HERE);
        assert_eq!(bound.sockets.unwrap_err(), ClosedBecause::NotWanted);
    }
}
