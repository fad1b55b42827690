use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whether this host's kernel holds a connection from one of `remotes` to its `port` half-open.
/// `None` where that can not be read.
#[cfg(target_os = "linux")]
pub(super) fn half_open(remotes: &[SocketAddr], port: u16) -> Option<bool> {
    // The thread's own view: /proc/net shows the namespace of the process's first thread.
    let read = |name: &str| std::fs::read_to_string(format!("/proc/thread-self/net/{name}"));
    let four = read("tcp").ok()?;
    // Absent where IPv6 is switched off.
    let six = read("tcp6").unwrap_or_default();
    let any = |table: &str| remotes.iter().any(|remote| contains(table, *remote, port));
    Some(any(&four) || any(&six))
}

const SYN_RECV: &str = "03";

/// Whether a table in the form of /proc/net/tcp has a half-open connection.
fn contains(table: &str, remote: SocketAddr, port: u16) -> bool {
    let remote = (remote.ip().to_canonical(), remote.port());
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, peer, state) = (fields.next(), fields.next(), fields.next());
        let local_port = local.and_then(end).map(|(_, port)| port);
        (local_port, peer.and_then(end), state) == (Some(port), Some(remote), Some(SYN_RECV))
    })
}

/// `0100007F:1E00`: the address's 32-bit words in the machine's byte order, and the port.
fn end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let hex = address.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(hex, 16).ok()?.to_ne_bytes())
    };
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for (at, octets) in octets.chunks_mut(4).enumerate() {
                octets.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(octets)).to_canonical()
        }
        _ => return None,
    };
    Some((address, port))
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn finds_half_open_connections_of_both_families() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue\n\
               0: 00000000:1E00 00000000:0000 0A 00000000:00000000\n\
               1: 0102000A:1E00 0202000A:9C40 03 00000000:00000000\n\
               2: 0102000A:1E00 0302000A:9C40 01 00000000:00000000\n";
        let has = |remote: &str, port| contains(table, remote.parse().unwrap(), port);
        assert!(has("10.0.2.2:40000", 7680));
        assert!(has("[::ffff:10.0.2.2]:40000", 7680));
        assert!(!has("10.0.2.2:40001", 7680), "an earlier call");
        assert!(!has("10.0.2.2:40000", 7681));
        assert!(!has("10.0.2.3:40000", 7680), "established");

        let table = "  sl  local_address remote_address st\n\
               0: 0000000000000000FFFF00000102000A:1E00 0000000000000000FFFF00000202000A:9C40 03\n\
               1: B80D0120000000000000000001000000:1E00 B80D0120000000000000000002000000:9C40 03\n";
        let has = |remote: &str| contains(table, remote.parse().unwrap(), 7680);
        assert!(
            has("10.0.2.2:40000"),
            "over IPv4 to a listener of both families"
        );
        assert!(has("[2001:db8::2]:40000"));
        assert!(!has("[2001:db8::3]:40000"));
    }
}
