//! Teredo, IPv6 through IPv4 UDP (documented: RFC 4380), as far as a first exchange with a server
//! and between two clients needs it.
//!
//! A datagram holds, in this order, an [`Authentication`] header if any, an origin indication if
//! any, and one IPv6 packet: a router solicitation or advertisement, a bubble, or anything else.
//! What may stand behind the packet (RFC 6081's trailers, which Windows sends) is kept apart.
//!
//! Nothing here allocates. What is not fixed by the RFC is written as Debian's miredo 1.2.6 does
//! it (observed), whose solicitation has 61 bytes and whose advertisement has 117: the lengths of
//! 69 and 125 that packet dumps show count the UDP header of 8.

mod address;
mod router;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4};

use bytes::BufMut;

pub use address::{Address, PREFIX};
pub use router::{Advertisement, server_link_local};

/// UDP port of a Teredo server (documented).
pub const SERVER_PORT: u16 = 3544;

/// Smallest and usual MTU of Teredo, in bytes of the IPv6 packet (documented).
pub const MTU: u32 = 1280;

/// Where a client without an address solicits from (observed).
pub const SOLICITATION_SOURCE: Ipv6Addr = Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0xFFFF, 0xFFFF, 0xFFFF);

/// All routers on the link: where solicitations go (documented).
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 2);

const AUTHENTICATION: [u8; 2] = [0, 1];
const ORIGIN: [u8; 2] = [0, 0];
const NO_NEXT_HEADER: u8 = 59;
const ICMPV6: u8 = 58;

/// One Teredo datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The authentication header. A server's answer repeats the nonce of the question.
    pub authentication: Option<Authentication<'a>>,
    /// The address that a server saw the datagram come from. It is obfuscated on the wire, so that
    /// no NAT rewrites it, and in clear here.
    pub origin: Option<SocketAddrV4>,
    /// Source of the IPv6 packet.
    pub source: Ipv6Addr,
    /// Destination of the IPv6 packet.
    pub destination: Ipv6Addr,
    /// Hop limit of the IPv6 packet: 255 for solicitations and advertisements.
    pub hop_limit: u8,
    /// What the IPv6 packet carries.
    pub message: Message<'a>,
    /// Bytes behind the IPv6 packet.
    pub trailer: &'a [u8],
}

/// What an IPv6 packet in a Teredo datagram carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// ICMPv6 router solicitation: which prefix, and how do you see me?
    Solicitation,
    /// ICMPv6 router advertisement: the server's answer.
    Advertisement(Advertisement),
    /// Nothing at all: it opens a NAT.
    Bubble,
    /// Any other packet.
    Other {
        /// IPv6 next header.
        next_header: u8,
        /// What follows the IPv6 header.
        payload: &'a [u8],
    },
}

/// The authentication header. Without a shared secret, which is how everybody uses it, identifier
/// and value are empty and only the nonce says that an answer belongs to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentication<'a> {
    client_id: &'a [u8],
    value: &'a [u8],
    nonce: [u8; 8],
    confirmation: u8,
}

impl<'a> Authentication<'a> {
    /// The header of a client or server without a shared secret.
    pub fn plain(nonce: [u8; 8]) -> Self {
        Self {
            client_id: &[],
            value: &[],
            nonce,
            confirmation: 0,
        }
    }

    /// Who asks; at most 255 bytes.
    pub fn client_id(&self) -> &'a [u8] {
        self.client_id
    }

    /// The proof that it is so; at most 255 bytes. It is not checked here.
    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// What the client chose for this question.
    pub fn nonce(&self) -> [u8; 8] {
        self.nonce
    }

    /// 0, or 1 when a server asks for a new key.
    pub fn confirmation(&self) -> u8 {
        self.confirmation
    }
}

/// A datagram that is no Teredo packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TeredoError {
    /// It ends early.
    #[error("the datagram ends inside its {0}")]
    Truncated(&'static str),
    /// An indicator that means nothing, or one that comes twice or too late.
    #[error("the datagram has {0:#04x} {1:#04x} where a header or an IPv6 packet is expected")]
    Indicator(u8, u8),
    /// A solicitation or advertisement that came through a router, or one that breaks RFC 4861 in
    /// another way: what is said here.
    #[error("the router message is not valid: {0}")]
    Router(&'static str),
    /// The ICMPv6 checksum does not fit.
    #[error("the router message has the checksum {got:#06x}: it should have {want:#06x}")]
    Checksum {
        /// What stands there.
        got: u16,
        /// What it should be.
        want: u16,
    },
    /// The prefix that a server hands out is none of Teredo's.
    #[error("the server hands out {0}/64, which is no Teredo prefix")]
    Prefix(Ipv6Addr),
}

impl<'a> Packet<'a> {
    /// A client's question to a server.
    pub fn solicitation(nonce: [u8; 8]) -> Self {
        Self {
            authentication: Some(Authentication::plain(nonce)),
            origin: None,
            source: SOLICITATION_SOURCE,
            destination: ALL_ROUTERS,
            hop_limit: 255,
            message: Message::Solicitation,
            trailer: &[],
        }
    }

    /// A server's answer to this packet, which came from `client` to `server`; `None` when it is
    /// no solicitation. An authentication value is not repeated: there is no secret to make one.
    pub fn advertisement(&self, client: SocketAddrV4, server: Ipv4Addr) -> Option<Packet<'static>> {
        if self.message != Message::Solicitation {
            return None;
        }
        Some(Packet {
            authentication: self
                .authentication
                .map(|asked| Authentication::plain(asked.nonce)),
            origin: Some(client),
            source: server_link_local(server),
            destination: self.source,
            hop_limit: 255,
            message: Message::Advertisement(Advertisement {
                server,
                mtu: Some(MTU),
            }),
            trailer: &[],
        })
    }

    /// A packet that carries nothing, from one client to another.
    pub fn bubble(source: Ipv6Addr, destination: Ipv6Addr) -> Self {
        Self {
            authentication: None,
            origin: None,
            source,
            destination,
            hop_limit: 255,
            message: Message::Bubble,
            trailer: &[],
        }
    }

    /// Reads a datagram's payload.
    ///
    /// # Errors
    /// When it is no Teredo packet, or holds a router message that RFC 4861 does not allow.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, TeredoError> {
        let mut rest = Reader(datagram);
        let mut authentication = None;
        if rest.0.starts_with(&AUTHENTICATION) {
            rest.array::<2>("authentication header")?;
            authentication = Some(Authentication::parse(&mut rest)?);
        }
        let mut origin = None;
        if rest.0.starts_with(&ORIGIN) {
            rest.array::<2>("origin indication")?;
            origin = Some(parse_origin(&mut rest)?);
        }
        match *rest.0 {
            [first, ..] if first >> 4 == 6 => {}
            [first, second, ..] => return Err(TeredoError::Indicator(first, second)),
            _ => return Err(TeredoError::Truncated("IPv6 header")),
        }
        let [_, _, _, _, high, low, next_header, hop_limit] = rest.array("IPv6 header")?;
        let source = Ipv6Addr::from(rest.array::<16>("IPv6 header")?);
        let destination = Ipv6Addr::from(rest.array::<16>("IPv6 header")?);
        let payload = rest.take(u16::from_be_bytes([high, low]).into(), "IPv6 packet")?;
        let message = match (next_header, payload) {
            (NO_NEXT_HEADER, []) => Message::Bubble,
            (ICMPV6, [router::SOLICITATION | router::ADVERTISEMENT, ..]) => {
                if hop_limit != 255 {
                    return Err(TeredoError::Router("its hop limit is not 255"));
                }
                router::parse(source, destination, payload)?
            }
            (next_header, payload) => Message::Other {
                next_header,
                payload,
            },
        };
        let trailer = rest.0;
        Ok(Self {
            authentication,
            origin,
            source,
            destination,
            hop_limit,
            message,
            trailer,
        })
    }

    /// Bytes that [`Self::encode`] writes.
    pub fn encoded_len(&self) -> usize {
        let authentication = self
            .authentication
            .map_or(0, |header| 13 + header.client_id.len() + header.value.len());
        let origin = self.origin.map_or(0, |_| 8);
        authentication + origin + 40 + self.payload_len() + self.trailer.len()
    }

    /// Writes the datagram's payload.
    ///
    /// # Panics
    /// When an [`Message::Other`] has more than 65,535 bytes, which no datagram holds, or when
    /// `out` has no room for [`Self::encoded_len`] bytes.
    pub fn encode(&self, out: &mut impl BufMut) {
        if let Some(header) = &self.authentication {
            header.encode(out);
        }
        if let Some(origin) = self.origin {
            out.put_slice(&ORIGIN);
            out.put_u16(!origin.port());
            out.put_u32(!origin.ip().to_bits());
        }
        let next_header = match self.message {
            Message::Solicitation | Message::Advertisement(_) => ICMPV6,
            Message::Bubble => NO_NEXT_HEADER,
            Message::Other { next_header, .. } => next_header,
        };
        let len = u16::try_from(self.payload_len()).expect("a payload fits a datagram");
        out.put_slice(&[0x60, 0, 0, 0]);
        out.put_u16(len);
        out.put_u8(next_header);
        out.put_u8(self.hop_limit);
        out.put_slice(&self.source.octets());
        out.put_slice(&self.destination.octets());
        match self.message {
            Message::Solicitation => {
                router::encode_solicitation(self.source, self.destination, out)
            }
            Message::Advertisement(advertisement) => {
                advertisement.encode(self.source, self.destination, out);
            }
            Message::Bubble => {}
            Message::Other { payload, .. } => out.put_slice(payload),
        }
        out.put_slice(self.trailer);
    }

    fn payload_len(&self) -> usize {
        match self.message {
            Message::Solicitation => router::SOLICITATION_LEN,
            Message::Advertisement(advertisement) => advertisement.encoded_len(),
            Message::Bubble => 0,
            Message::Other { payload, .. } => payload.len(),
        }
    }
}

impl<'a> Authentication<'a> {
    /// Reads what follows the indicator.
    fn parse(rest: &mut Reader<'a>) -> Result<Self, TeredoError> {
        const WHAT: &str = "authentication header";
        let [client_id, value] = rest.array(WHAT)?;
        let client_id = rest.take(client_id.into(), WHAT)?;
        let value = rest.take(value.into(), WHAT)?;
        let nonce = rest.array(WHAT)?;
        let [confirmation] = rest.array(WHAT)?;
        Ok(Self {
            client_id,
            value,
            nonce,
            confirmation,
        })
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(&AUTHENTICATION);
        // Both came from a packet, where a byte told their length, or are empty.
        out.put_u8(self.client_id.len() as u8);
        out.put_u8(self.value.len() as u8);
        out.put_slice(self.client_id);
        out.put_slice(self.value);
        out.put_slice(&self.nonce);
        out.put_u8(self.confirmation);
    }
}

/// Reads what follows the indicator.
fn parse_origin(rest: &mut Reader<'_>) -> Result<SocketAddrV4, TeredoError> {
    let port = u16::from_be_bytes(rest.array("origin indication")?);
    let ip = u32::from_be_bytes(rest.array("origin indication")?);
    Ok(SocketAddrV4::new(Ipv4Addr::from_bits(!ip), !port))
}

/// Takes a packet apart from its front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], TeredoError> {
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .ok_or(TeredoError::Truncated(what))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], TeredoError> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or(TeredoError::Truncated(what))?;
        self.0 = rest;
        Ok(*taken)
    }
}
