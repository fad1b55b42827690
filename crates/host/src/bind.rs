//! One port on every address that was asked for.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
};

use socket2::{Domain, Protocol, Socket, Type};

/// Numbers that are tried when any free port will do: another address may hold what the first chose.
const TRIES: u32 = 20;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Listens on one TCP port of these addresses, or of all when none is named; port 0 takes a free
/// one. Returns the port and non-blocking listeners.
///
/// # Errors
/// What the system says when one of them can not be had.
pub fn bind_tcp(port: u16, on: &[IpAddr]) -> io::Result<(u16, Vec<TcpListener>)> {
    bind_all(port, on, Type::STREAM)
}

/// Binds one UDP port of these addresses, as [`bind_tcp`] does.
///
/// # Errors
/// As [`bind_tcp`].
pub fn bind_udp(port: u16, on: &[IpAddr]) -> io::Result<(u16, Vec<UdpSocket>)> {
    bind_all(port, on, Type::DGRAM)
}

/// With port 0 the first address chooses, and the others follow.
fn bind_all<S: From<Socket>>(port: u16, on: &[IpAddr], kind: Type) -> io::Result<(u16, Vec<S>)> {
    let mut tries = if port == 0 { TRIES } else { 1 };
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
    // On Windows the option would let two programs share the port, and on Unix it lets a program
    // start again at once after one that had connections.
    #[cfg(unix)]
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    if kind == Type::STREAM {
        socket.listen(BACKLOG)?;
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

    #[test]
    fn several_addresses_get_one_port() {
        let on = [
            Ipv4Addr::LOCALHOST.into(),
            Ipv4Addr::new(127, 0, 0, 2).into(),
        ];
        let (port, sockets) = bind_udp(0, &on).unwrap();
        let ports: Vec<u16> = sockets
            .iter()
            .map(|s| s.local_addr().unwrap().port())
            .collect();
        assert_eq!(ports, [port, port]);
    }

    #[test]
    fn a_port_that_is_held_can_not_be_had() {
        let here = [Ipv4Addr::LOCALHOST.into()];
        let (port, held) = bind_tcp(0, &here).unwrap();
        let error = bind_tcp(port, &here).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(held);
    }
}
