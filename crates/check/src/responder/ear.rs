//! Hears multicast DNS beside the responder that speaks it.
//!
//! That an announcement was not understood in time proves nothing: names may collide, a responder
//! may be slow. Whether datagrams get through to a program does, and only a socket of our own
//! tells. It is bound to the group, so that nothing that is meant for the responder goes to it.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::Door;
use crate::report::PathId;

/// The group of multicast DNS (RFC 6762).
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// Enough of a datagram to know that it came.
const ENOUGH: usize = 64;

/// A socket that hears, where the system allows one: Windows binds none to a group.
pub(crate) fn open() -> Option<UdpSocket> {
    if cfg!(windows) {
        return None;
    }
    bind()
        .inspect_err(|error| tracing::debug!(%error, "nothing hears multicast dns"))
        .ok()
}

fn bind() -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((GROUP, PathId::Udp5353.port())).into())?;
    let mut joined = Err(io::ErrorKind::AddrNotAvailable.into());
    for interface in if_addrs::get_if_addrs()? {
        if let (IpAddr::V4(address), false) = (interface.ip(), interface.is_loopback()) {
            // Two addresses of one interface are one membership: the second join fails.
            let join = socket.join_multicast_v4(&GROUP, &address);
            joined = joined.or(join);
        }
    }
    joined?;
    UdpSocket::from_std(socket.into())
}

/// Notes who is heard.
pub(crate) fn listen(socket: UdpSocket, door: &Door) {
    let heard = door.arrivals.clone();
    door.spawn(async move {
        let mut scrap = [0; ENOUGH];
        loop {
            match socket.recv_from(&mut scrap).await {
                Ok((_, from)) => heard.came(PathId::Udp5353, from),
                Err(error) => {
                    tracing::debug!(%error, "multicast dns is heard no more");
                    // From here on, what was not heard may have come all the same.
                    return heard.deaf(PathId::Udp5353);
                }
            }
        }
    });
}
