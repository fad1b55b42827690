//! Opening a port, on every address that was asked for, and saying why not.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
};

use dolab_host::{Transport, port_holder};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{evidence::ClosedBecause, station::PortWish};

/// A port that was opened, or why not.
pub(crate) struct Bound<S> {
    /// The port that is open, or that was wanted.
    pub(crate) port: u16,
    pub(crate) sockets: Result<Vec<S>, ClosedBecause>,
}

/// Opens a TCP port on these addresses, or on all when none is named.
pub(crate) fn listen_tcp(wish: PortWish, on: &[IpAddr]) -> Bound<TcpListener> {
    listen(wish, on, Type::STREAM)
}

/// Opens a UDP port.
pub(crate) fn listen_udp(wish: PortWish, on: &[IpAddr]) -> Bound<UdpSocket> {
    listen(wish, on, Type::DGRAM)
}

fn listen<S: From<Socket>>(wish: PortWish, on: &[IpAddr], kind: Type) -> Bound<S> {
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
    match bind_all(port, on, kind) {
        Ok((port, sockets)) => Bound {
            port,
            sockets: Ok(sockets),
        },
        Err(error) if fallback && port != 0 => {
            tracing::info!(port, %error, "the port can not be had: a free one is taken");
            listen(PortWish::Exact(0), on, kind)
        }
        Err(error) => Bound {
            port,
            sockets: Err(closed_because(&error, port, kind)),
        },
    }
}

fn closed_because(error: &io::Error, port: u16, kind: Type) -> ClosedBecause {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other kinds do not come from there, or mean nothing else"
    )]
    match error.kind() {
        io::ErrorKind::AddrInUse => ClosedBecause::Held {
            by: holder(port, kind),
        },
        io::ErrorKind::PermissionDenied => ClosedBecause::NoPrivilege,
        _ => ClosedBecause::Failed {
            why: error.to_string(),
        },
    }
}

fn holder(port: u16, kind: Type) -> Option<String> {
    let transport = if kind == Type::STREAM {
        Transport::Tcp
    } else {
        Transport::Udp
    };
    port_holder(transport, port).map(|holder| holder.to_string())
}

/// Binds one port on all addresses. With port 0 the first address chooses, and the others follow:
/// another may hold the number there, so that some numbers are tried.
fn bind_all<S: From<Socket>>(port: u16, on: &[IpAddr], kind: Type) -> io::Result<(u16, Vec<S>)> {
    let mut tries = if port == 0 { 20 } else { 1 };
    loop {
        match try_bind_all(port, on, kind) {
            Err(_) if tries > 1 => tries -= 1,
            result => return result,
        }
    }
}

fn try_bind_all<S: From<Socket>>(
    port: u16,
    on: &[IpAddr],
    kind: Type,
) -> io::Result<(u16, Vec<S>)> {
    if on.is_empty() {
        // One socket for both families, where the system has IPv6.
        let four = |error: io::Error| {
            let final_word =
                [io::ErrorKind::AddrInUse, io::ErrorKind::PermissionDenied].contains(&error.kind());
            if final_word {
                return Err(error);
            }
            bind((Ipv4Addr::UNSPECIFIED, port).into(), kind, false)
        };
        let all = bind((Ipv6Addr::UNSPECIFIED, port).into(), kind, false).or_else(four)?;
        return Ok((local_port(&all)?, vec![all.into()]));
    }
    let mut port = port;
    let mut sockets = Vec::with_capacity(on.len());
    for ip in on {
        let socket = bind((*ip, port).into(), kind, true)?;
        port = local_port(&socket)?;
        sockets.push(socket.into());
    }
    Ok((port, sockets))
}

fn bind(addr: SocketAddr, kind: Type, only_v6: bool) -> io::Result<Socket> {
    let protocol = if kind == Type::STREAM {
        Protocol::TCP
    } else {
        Protocol::UDP
    };
    let socket = Socket::new(Domain::for_address(addr), kind, Some(protocol))?;
    if addr.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    // On Windows the option would let two programs share the port, and on Unix it lets a station
    // start again at once after one that had connections.
    #[cfg(unix)]
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    if kind == Type::STREAM {
        socket.listen(128)?;
    }
    Ok(socket)
}

fn local_port(socket: &Socket) -> io::Result<u16> {
    let addr = socket.local_addr()?.as_socket();
    addr.map(|addr| addr.port())
        .ok_or_else(|| io::Error::other("a socket without an IP address"))
}

#[cfg(test)]
mod tests {
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
    fn several_addresses_get_one_port() {
        let on = [
            Ipv4Addr::LOCALHOST.into(),
            Ipv4Addr::new(127, 0, 0, 2).into(),
        ];
        let bound = listen_udp(PortWish::Exact(0), &on);
        let ports: Vec<u16> = bound
            .sockets
            .unwrap()
            .iter()
            .map(|s| s.local_addr().unwrap().port())
            .collect();
        assert_eq!(ports, [bound.port, bound.port]);
    }

    #[test]
    fn a_port_that_is_not_wanted_is_not_opened() {
        let bound = listen_udp(PortWish::Off, HERE);
        assert_eq!(bound.sockets.unwrap_err(), ClosedBecause::NotWanted);
    }
}
