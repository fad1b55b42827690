use std::net::{IpAddr, Ipv6Addr};

/// Whether an address lies in this host, on its link, or in a private network: what dolab
/// speaks to unless it was told otherwise.
///
/// Private are 10/8, 172.16/12, 192.168/16 and fc00::/7, link-local 169.254/16 and fe80::/10.
/// IPv4 addresses in IPv6 form count as what they stand for. Shared address space (100.64/10) and
/// Teredo (2001::/32) do not count: both lead through other people's networks.
pub fn is_near(addr: IpAddr) -> bool {
    match addr.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || unique_local(v6) || v6.is_unicast_link_local(),
    }
}

fn unique_local(addr: Ipv6Addr) -> bool {
    addr.segments()[0] & 0xFE00 == 0xFC00
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far() {
        let near = [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.3.4",
            "::1",
            "fe80::1",
            "fd00::1",
            "fc00::1",
            "::ffff:10.1.2.3",
        ];
        let far = [
            "8.8.8.8",
            "172.32.0.1",
            "172.15.0.1",
            "100.64.0.1",
            "192.0.2.1",
            "2001:db8::1",
            "2001:0:c633:640c::1",
            "fec0::1",
            "::ffff:8.8.8.8",
            "0.0.0.0",
            "::",
            "224.0.0.251",
        ];
        for addr in near {
            assert!(is_near(addr.parse().unwrap()), "{addr}");
        }
        for addr in far {
            assert!(!is_near(addr.parse().unwrap()), "{addr}");
        }
    }
}
