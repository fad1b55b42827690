use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4};

/// The first 32 bits of every Teredo address: 2001:0::/32 (documented).
pub const PREFIX: u32 = 0x2001_0000;

/// What a Teredo client's IPv6 address says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The server that the client uses.
    pub server: Ipv4Addr,
    /// Bit 15: behind a cone NAT (obsolete); bits 13 to 10 and 7 to 0: random in newer clients
    /// (documented: RFC 5991); the others are zero.
    pub flags: u16,
    /// Where the server sees the client: its NAT's address and port. Obfuscated on the wire, in
    /// clear here.
    pub client: SocketAddrV4,
}

impl Address {
    /// Takes a Teredo address apart; `None` when it is another kind of address.
    pub fn from_ipv6(address: Ipv6Addr) -> Option<Self> {
        let [
            0x2001,
            0,
            server_high,
            server_low,
            flags,
            port,
            ip_high,
            ip_low,
        ] = address.segments()
        else {
            return None;
        };
        let ipv4 = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
        Some(Self {
            server: Ipv4Addr::from_bits(ipv4(server_high, server_low)),
            flags,
            client: SocketAddrV4::new(Ipv4Addr::from_bits(!ipv4(ip_high, ip_low)), !port),
        })
    }

    /// The IPv6 address.
    pub fn to_ipv6(self) -> Ipv6Addr {
        let node = u64::from(self.flags) << 48
            | u64::from(!self.client.port()) << 32
            | u64::from(!self.client.ip().to_bits());
        let prefix = u64::from(PREFIX) << 32 | u64::from(self.server.to_bits());
        Ipv6Addr::from_bits(u128::from(prefix) << 64 | u128::from(node))
    }
}
