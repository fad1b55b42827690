//! A TCP connection, and everything that its socket learned on the way.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Instant,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::TcpStream, time::timeout};

use super::{Call, outcome};
use crate::{
    evidence::{CallerSaw, IcmpError, OsError, Outcome},
    icmp,
};

/// Bytes in a segment of a connection that carries a session, in both directions: what every path
/// takes (RFC 1122), so that a black hole for large packets does not swallow the session that
/// reports it. Not on Windows, which has no such option.
#[cfg(unix)]
const SMALL_SEGMENT: u32 = 536;

/// Size of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segments {
    /// So small that they pass everywhere.
    Small,
    /// As the system chooses.
    Usual,
}

/// Connects. Without a connection, the outcome says why.
pub(super) async fn connect(call: &Call, segments: Segments) -> (CallerSaw, Option<TcpStream>) {
    let mut saw = CallerSaw::new(Outcome::TimedOut);
    saw.attempts = 1;
    let socket = match socket(call, segments) {
        Ok(socket) => socket,
        Err(error) => {
            saw.error = OsError::from_io(&error);
            saw.outcome = outcome::of_connect(&error);
            return (saw, None);
        }
    };
    // A second handle on the socket: connecting consumes the first, and what the kernel noted of a
    // failure is to be read after it.
    let second = socket.try_clone().ok();
    let began = Instant::now();
    let socket = tokio::net::TcpSocket::from_std_stream(socket.into());
    let result = timeout(call.patience, socket.connect(call.to)).await;
    saw.waited = began.elapsed();
    let local = second.as_ref().and_then(|socket| socket.local_addr().ok());
    saw.from = local.and_then(|addr| addr.as_socket());
    match result {
        Ok(Ok(stream)) => {
            saw.rtt = Some(saw.waited);
            saw.from = stream.local_addr().ok();
            // Small messages are answered at once, or measuring makes no sense.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no nodelay");
            }
            return (saw, Some(stream));
        }
        Ok(Err(error)) => {
            saw.error = OsError::from_io(&error);
            saw.outcome = outcome::of_connect(&error);
        }
        Err(_) => {}
    }
    saw.icmp = second.as_ref().map(icmp_errors).unwrap_or_default();
    (saw, None)
}

fn socket(call: &Call, segments: Segments) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(call.to),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    #[cfg(unix)]
    if segments == Segments::Small {
        socket.set_tcp_mss(SMALL_SEGMENT)?;
    }
    #[cfg(not(unix))]
    let _ = segments;
    hear_icmp(&socket);
    if let Some(from) = call.from {
        socket.bind(&SocketAddr::new(from, 0).into())?;
    }
    Ok(socket)
}

/// A UDP socket that is connected, and so hears of ICMP errors; and a second handle on it, to read
/// what the kernel noted of them.
pub(super) fn udp_socket(call: &Call) -> io::Result<(std::net::UdpSocket, Socket)> {
    let socket = Socket::new(
        Domain::for_address(call.to),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    hear_icmp(&socket);
    let any = match call.to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    socket.bind(&SocketAddr::new(call.from.unwrap_or(any), 0).into())?;
    socket.connect(&call.to.into())?;
    let second = socket.try_clone()?;
    Ok((socket.into(), second))
}

fn hear_icmp(socket: &Socket) {
    if let Err(error) = icmp::enable(socket) {
        tracing::debug!(%error, "ICMP errors are not kept");
    }
}

/// What was kept.
pub(super) fn icmp_errors(socket: &Socket) -> Vec<IcmpError> {
    icmp::drain(socket)
}
