//! Sockets, with every option that serves the exchange and the reason for it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use dolab_engine::DialFailure;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that the kernel holds ready for accepting. A thousand devices that wake up for the
/// same update arrive in one burst; the system cuts the number to its own limit.
const BACKLOG: i32 = 1024;

/// After so long without a packet the kernel asks whether the other side is still there, so often,
/// so many times. The engine's keepalives find a dead peer earlier while a transfer runs; this
/// finds the ones that died while nothing was to be said. Firewalls forget idle connections after
/// some minutes (observed with Teredo and conntrack), so it stays below that.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
/// Not on Windows, where it is always ten and old versions refuse the wish.
#[cfg(not(any(target_os = "openbsd", windows)))]
const KEEPALIVE_TRIES: u32 = 4;

/// Data that nobody acknowledges, or takes, for so long ends the connection, not the 15 minutes of
/// Linux. Long enough for a receiver whose disk is busy with something else.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes that may lie unsent in the kernel before a socket counts as full: what leaves in
/// [`AHEAD`], within these bounds, and the lower one as long as nothing is known. What is handed
/// over can not be taken back, so a cancel, a choke or a have would wait behind it, and another
/// peer's piece for its end; and an upload thread would be woken for every few kilobytes if it
/// were much less.
#[cfg(target_os = "linux")]
const UNSENT: std::ops::RangeInclusive<u64> = 128 << 10..=4 << 20;

/// See [`UNSENT`].
#[cfg(target_os = "linux")]
const AHEAD: Duration = Duration::from_millis(8);

/// What a user may ask of the sockets. Everything else is decided here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// Congestion control by the system's name, such as `cubic` or `bbr`; the system's default
    /// when `None`. Linux only.
    pub congestion: Option<String>,
    /// Bytes in the kernel's send and receive buffers. `None` leaves them to the kernel's
    /// autotuning, which does better than any number wherever it exists.
    pub buffer: Option<usize>,
    /// The traffic class byte (DSCP in its upper six bits), such as `0x20` for background traffic
    /// (CS1). `None` leaves it at 0: marking is the network owner's decision.
    pub traffic_class: Option<u8>,
}

impl SocketOptions {
    /// Whether this system would set them.
    ///
    /// # Errors
    /// What the system says.
    pub fn check(&self) -> io::Result<()> {
        try_options(self)
    }

    /// Sets them on a connection that stands already. That is less than setting them before: the
    /// window's scale is decided, and who began with bbr keeps its pacing timers.
    ///
    /// # Errors
    /// What the system said.
    pub fn set(&self, stream: &TcpStream) -> io::Result<()> {
        let socket = SockRef::from(stream);
        apply_buffers(&socket, self)?;
        let v6 = stream.local_addr().is_ok_and(|addr| addr.is_ipv6());
        apply_wishes(&socket, v6, self)
    }
}

/// Tries on a socket of no further use what the user asked of all of them, so that a wish which the
/// system refuses is heard of at the start.
///
/// # Errors
/// What the system said.
pub(crate) fn try_options(options: &SocketOptions) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    let socket = SockRef::from(&socket);
    apply_wishes(&socket, false, options)?;
    apply_buffers(&socket, options)
}

/// Listens on one address. The unspecified IPv6 address means both families wherever the system
/// has both, and IPv4 alone where IPv6 is off.
///
/// # Errors
/// What the system said about the bind.
pub(crate) fn listen(addr: SocketAddr, options: &SocketOptions) -> io::Result<Vec<TcpListener>> {
    if !(addr.is_ipv6() && addr.ip().is_unspecified()) {
        return Ok(vec![listen_one(addr, false, options)?]);
    }
    match listen_one(addr, true, options) {
        Ok(listener) => Ok(vec![listener]),
        Err(error) if no_ipv6(&error) => {
            let v4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), addr.port());
            Ok(vec![listen_one(v4, false, options)?])
        }
        // Some systems have no dual-stack sockets: one of each, on the same port.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            let v6 = listen_one(addr, false, options)?;
            let v4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), v6.local_addr()?.port());
            Ok(vec![v6, listen_one(v4, false, options)?])
        }
        Err(error) => Err(error),
    }
}

fn no_ipv6(error: &io::Error) -> bool {
    // EAFNOSUPPORT: no IPv6 in the kernel (97 Linux, 47 BSD, 10047 Windows).
    matches!(error.raw_os_error(), Some(97 | 47 | 10047))
        || error.kind() == io::ErrorKind::AddrNotAvailable
}

fn listen_one(addr: SocketAddr, dual: bool, options: &SocketOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if addr.is_ipv6() {
        // Said in both cases: the default differs between systems and can be changed on each.
        socket.set_only_v6(!dual)?;
    }
    // Connections of an earlier run in TIME_WAIT must not keep us from our port. On Windows the
    // same name means that two programs may have the port at once, and is not what we want.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    // Before listening, because accepted connections inherit them: the window scale is decided by
    // the buffers in the first packet, and who starts with bbr keeps its pacing timers whatever
    // congestion control is set later (measured: half of a sender's processor time).
    apply_buffers(&SockRef::from(&socket), options)?;
    apply_wishes(&SockRef::from(&socket), addr.is_ipv6(), options)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Connects with the options that a peer's own connections have, for [`Peer::attach`] or whatever
/// else wants to be compared with them; gives up after `limit`.
///
/// # Errors
/// What the system said.
///
/// [`Peer::attach`]: crate::Peer::attach
pub async fn connect(
    addr: SocketAddr,
    limit: Duration,
    options: &SocketOptions,
) -> io::Result<TcpStream> {
    dial(addr, limit, options).await.map_err(|(_, error)| error)
}

/// Connects, and gives up after `limit`.
///
/// # Errors
/// Why there is no connection, in the engine's words, and in the system's.
pub(crate) async fn dial(
    addr: SocketAddr,
    limit: Duration,
    options: &SocketOptions,
) -> Result<TcpStream, (DialFailure, io::Error)> {
    let attempt = async {
        let socket = if addr.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        // Before connecting, for the reasons given with the listener.
        apply_buffers(&SockRef::from(&socket), options)?;
        apply_wishes(&SockRef::from(&socket), addr.is_ipv6(), options)?;
        let stream = socket.connect(addr).await?;
        apply(&stream)?;
        Ok(stream)
    };
    match tokio::time::timeout(limit, attempt).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err((dial_failure(&error), error)),
        Err(_) => {
            let error = io::Error::new(io::ErrorKind::TimedOut, format!("no answer in {limit:?}"));
            Err((DialFailure::TimedOut, error))
        }
    }
}

fn dial_failure(error: &io::Error) -> DialFailure {
    use io::ErrorKind::{
        ConnectionRefused, HostUnreachable, NetworkUnreachable, PermissionDenied, TimedOut,
    };
    let known = [
        (ConnectionRefused, DialFailure::Refused),
        (TimedOut, DialFailure::TimedOut),
        (HostUnreachable, DialFailure::Unreachable),
        (NetworkUnreachable, DialFailure::Unreachable),
        // EPERM and EACCES: a rule or a `prohibit` route of this host (measured).
        (PermissionDenied, DialFailure::Forbidden),
    ];
    let failure = known.iter().find(|(kind, _)| *kind == error.kind());
    failure.map_or(DialFailure::Other, |&(_, failure)| failure)
}

/// Sets the options of a connection, dialled or accepted. What the user asked for was inherited.
///
/// # Errors
/// When small messages would not leave at once; the rest is set where the system lets us.
pub(crate) fn apply(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    // The handshake has to leave in a segment of its own and at once (observed; dissectors rely
    // on it), and a request must not wait for the acknowledgement of the one before.
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY);
    #[cfg(not(any(target_os = "openbsd", windows)))]
    let keepalive = keepalive.with_retries(KEEPALIVE_TRIES);
    let helped = socket.set_tcp_keepalive(&keepalive);
    #[cfg(target_os = "linux")]
    let helped = helped
        .and_then(|()| socket.set_tcp_user_timeout(Some(USER_TIMEOUT)))
        .and_then(|()| set_unsent(&socket, *UNSENT.start()));
    if let Err(error) = helped {
        tracing::debug!(target: "dolab_peer", %error, "a socket option is not to be had here");
    }
    Ok(())
}

/// So many bytes took so long to leave: adapts to it how much may lie in the kernel.
#[cfg(target_os = "linux")]
pub(crate) fn keep_ahead(stream: &TcpStream, bytes: u32, took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let unsent = u64::from(bytes) * AHEAD.as_micros() as u64 / micros;
    let unsent = unsent
        .clamp(*UNSENT.start(), *UNSENT.end())
        .next_power_of_two();
    let socket = SockRef::from(stream);
    // In steps, or it would be another number for each body; no single slow one makes it less.
    let fits = |now: u32| (unsent..=2 * unsent).contains(&now.into());
    if !socket.tcp_notsent_lowat().is_ok_and(fits)
        && let Err(error) = set_unsent(&socket, unsent)
    {
        tracing::debug!(target: "dolab_peer", %error, "a socket keeps what may lie in it unsent");
    }
}

#[cfg(target_os = "linux")]
fn set_unsent(socket: &SockRef<'_>, bytes: u64) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(u32::try_from(bytes).unwrap_or(u32::MAX))
}

fn apply_wishes(socket: &SockRef<'_>, v6: bool, options: &SocketOptions) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if let Some(name) = &options.congestion {
        socket.set_tcp_congestion(name.as_bytes())?;
    }
    #[cfg(not(target_os = "linux"))]
    if options.congestion.is_some() {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "congestion control can be chosen on Linux only",
        ));
    }
    let Some(class) = options.traffic_class else {
        return Ok(());
    };
    // A dual-stack socket that carries IPv4 has an IPv6 address and needs this one; one that
    // carries IPv6 may refuse it.
    let set = socket.set_tos_v4(class.into());
    if !v6 {
        return set;
    }
    #[cfg(not(windows))]
    socket.set_tclass_v6(class.into())?;
    Ok(())
}

fn apply_buffers(socket: &SockRef<'_>, options: &SocketOptions) -> io::Result<()> {
    if let Some(bytes) = options.buffer {
        socket.set_recv_buffer_size(bytes)?;
        socket.set_send_buffer_size(bytes)?;
    }
    Ok(())
}
