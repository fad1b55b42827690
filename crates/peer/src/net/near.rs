use std::net::{IpAddr, SocketAddr};

/// An address as a person writes it: IPv4 as IPv4, also when it came over a dual-stack socket.
pub(crate) fn canonical(addr: SocketAddr) -> SocketAddr {
    match (addr.ip().to_canonical(), addr) {
        (v4 @ IpAddr::V4(_), _) => SocketAddr::new(v4, addr.port()),
        // Not rebuilt from its parts: the scope of a link-local address would be lost.
        (IpAddr::V6(_), addr) => addr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_shown_as_ipv4_and_scopes_stay() {
        assert_eq!(
            canonical("[::ffff:10.0.0.1]:7680".parse().unwrap()).to_string(),
            "10.0.0.1:7680"
        );
        let scoped = "[fe80::1%3]:7680".parse().unwrap();
        assert_eq!(canonical(scoped), scoped);
    }
}
