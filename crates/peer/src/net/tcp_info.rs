//! What the kernel knows of a TCP connection.

use std::time::Duration;

/// What the kernel measures on one TCP connection, at one moment.
///
/// Read by [`TcpInfo::read`]: `TCP_INFO` of Linux 5.4 and later. Windows has the same as the control
/// code `SIO_TCP_INFO`, for which there is no safe call in Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// Round trip of what was sent, smoothed by the kernel: a new measurement counts an eighth. It
    /// moves only while something is sent that has to be acknowledged.
    pub round_trip: Duration,
    /// Shortest round trip of what was sent, over the last five minutes unless the system's
    /// `tcp_min_rtt_wlen` says otherwise.
    pub min_round_trip: Duration,
    /// Round trip as the receiving side sees it, from an acknowledgement to the data that it let
    /// through; `None` while nothing was received. In whole milliseconds before smoothing. Only with
    /// [`timestamps`](Self::timestamps) is it one: without, it is the time that a whole window took.
    pub receive_round_trip: Option<Duration>,
    /// Whether both sides put timestamps on their packets.
    pub timestamps: bool,
    /// Segments that were sent again, in all.
    pub retransmits: u32,
    /// Bytes that were sent again, in all.
    pub retransmitted_bytes: u64,
    /// Congestion window, in bytes: what may be on its way to the other side.
    pub congestion_window: u64,
    /// Largest segment that is sent, in bytes without headers.
    pub segment: u32,
    /// The largest packet that the kernel sends on the path, in bytes with the IP header: the
    /// interface's MTU, or what a router on the way has asked for.
    pub path_mtu: u32,
    /// The latest measurement of what arrives at the other side, in bytes per second; 0 before the
    /// first.
    pub delivery_rate: u64,
    /// Receive window that the other side announced last, in bytes.
    pub peer_window: u32,
    /// Bytes that the program takes in a round trip: what the kernel sizes the receive buffer by.
    pub receive_space: u32,
    /// Bytes that came in order, in all.
    pub received: u64,
    /// Segments that came out of order, in all: ahead of something that was lost, or overtook it.
    pub out_of_order: u32,
    /// Name of the congestion control, such as `cubic`.
    pub congestion: String,
}

impl TcpInfo {
    /// Whether this system tells at all.
    pub fn is_known() -> bool {
        #[cfg(target_os = "linux")]
        return linux::has_all();
        #[cfg(not(target_os = "linux"))]
        false
    }

    /// Reads what the kernel knows of a connection. `None` when the socket is none of TCP, or the
    /// system says less than Linux 5.4.
    #[cfg(target_os = "linux")]
    pub fn read(socket: &impl std::os::fd::AsFd) -> Option<Self> {
        linux::read(socket)
    }

    /// `None`: what this system knows is not to be had by a safe call.
    #[cfg(all(unix, not(target_os = "linux")))]
    pub fn read(_: &impl std::os::fd::AsFd) -> Option<Self> {
        None
    }

    /// `None`: what this system knows is not to be had by a safe call.
    #[cfg(windows)]
    pub fn read(_: &impl std::os::windows::io::AsSocket) -> Option<Self> {
        None
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{mem::offset_of, os::fd::AsFd, sync::OnceLock, time::Duration};

    use nix::{getsockopt_impl, libc, sockopt_impl, sys::socket::getsockopt};

    use super::TcpInfo;

    /// The kernel's `struct tcp_info` grows at its end. This is as far as it went in Linux 5.4
    /// (documented); a younger kernel writes no more than is asked for.
    const LEN: usize = offset_of!(libc::tcp_info, tcpi_snd_wnd) + size_of::<u32>();

    sockopt_impl!(
        /// `TCP_INFO` as bytes.
        Info,
        GetOnly,
        libc::IPPROTO_TCP,
        libc::TCP_INFO,
        [u8; LEN]
    );

    macro_rules! field {
        ($type:ty, $raw:expr, $field:ident) => {
            number::<$type, { size_of::<$type>() }>(
                $raw,
                offset_of!(libc::tcp_info, $field),
                <$type>::from_ne_bytes,
            )
        };
    }

    pub(super) fn read(socket: &impl AsFd) -> Option<TcpInfo> {
        if !has_all() {
            return None;
        }
        let raw = &getsockopt(socket, Info).ok()?;
        let micros = |value: u32| Duration::from_micros(value.into());
        // The kernel's word for "not measured yet" is all ones.
        let min = field!(u32, raw, tcpi_min_rtt);
        let receive = field!(u32, raw, tcpi_rcv_rtt);
        let segment = field!(u32, raw, tcpi_snd_mss);
        let options = field!(u8, raw, tcpi_options);
        let congestion = socket2::SockRef::from(socket)
            .tcp_congestion()
            .unwrap_or_default();
        let name = congestion.split(|&byte| byte == 0).next();
        Some(TcpInfo {
            round_trip: micros(field!(u32, raw, tcpi_rtt)),
            min_round_trip: if min == u32::MAX {
                micros(field!(u32, raw, tcpi_rtt))
            } else {
                micros(min)
            },
            receive_round_trip: (receive > 0).then(|| micros(receive)),
            timestamps: options & TIMESTAMPS != 0,
            retransmits: field!(u32, raw, tcpi_total_retrans),
            retransmitted_bytes: field!(u64, raw, tcpi_bytes_retrans),
            congestion_window: u64::from(field!(u32, raw, tcpi_snd_cwnd)) * u64::from(segment),
            segment,
            path_mtu: field!(u32, raw, tcpi_pmtu),
            delivery_rate: field!(u64, raw, tcpi_delivery_rate),
            peer_window: field!(u32, raw, tcpi_snd_wnd),
            receive_space: field!(u32, raw, tcpi_rcv_space),
            received: field!(u64, raw, tcpi_bytes_received),
            out_of_order: field!(u32, raw, tcpi_rcv_ooopack),
            congestion: String::from_utf8_lossy(name.unwrap_or_default()).into_owned(),
        })
    }

    /// `TCPI_OPT_TIMESTAMPS` of the kernel's headers.
    const TIMESTAMPS: u8 = 1;

    /// Whether the kernel fills the whole of what is asked for. nix takes a shorter answer for a
    /// mistake and panics, so an old kernel is not asked at all.
    pub(super) fn has_all() -> bool {
        static SINCE_5_4: OnceLock<bool> = OnceLock::new();
        *SINCE_5_4.get_or_init(|| {
            let release = rustix::system::uname();
            release.release().to_str().is_ok_and(is_since_5_4)
        })
    }

    fn is_since_5_4(release: &str) -> bool {
        let mut parts = release.split(|c: char| !c.is_ascii_digit());
        let mut part = || parts.next().and_then(|part| part.parse::<u32>().ok());
        matches!((part(), part()), (Some(major), Some(minor)) if (major, minor) >= (5, 4))
    }

    /// The field of so many bytes at an offset.
    fn number<T, const N: usize>(raw: &[u8], at: usize, from: fn([u8; N]) -> T) -> T {
        let bytes = raw[at..].first_chunk().copied();
        from(bytes.expect("every field lies before the end that was asked for"))
    }

    #[cfg(test)]
    mod tests {
        use super::is_since_5_4;

        #[test]
        fn releases_are_told_apart() {
            for new in ["5.4.0-150-generic", "5.10.0", "6.18.44-x", "10.0"] {
                assert!(is_since_5_4(new), "{new}");
            }
            for old in ["4.4.0-19041-Microsoft", "5.3.18", "", "linux", "5"] {
                assert!(!is_since_5_4(old), "{old}");
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream, UdpSocket},
    };

    use super::TcpInfo;

    #[test]
    fn a_connection_tells_what_went_over_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        near.write_all(&[7; 10_000]).unwrap();
        far.read_exact(&mut [0; 10_000]).unwrap();
        let [near, far] = [&near, &far].map(|socket| TcpInfo::read(socket).unwrap());
        assert_eq!((near.received, far.received), (0, 10_000));
        assert!(near.min_round_trip <= near.round_trip, "{near:?}");
        assert!(near.round_trip.as_secs() < 60, "{near:?}");
        assert!(near.segment >= 500, "{near:?}");
        assert!(near.path_mtu > near.segment, "{near:?}");
        assert!(near.congestion_window >= near.segment.into(), "{near:?}");
        assert!(near.peer_window > 0, "{near:?}");
        assert!(!near.congestion.is_empty() && !near.congestion.contains('\0'));
    }

    #[test]
    fn a_socket_that_is_none_of_tcp_tells_nothing() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(TcpInfo::read(&socket), None);
    }
}
