//! ICMPv6 router solicitations and advertisements (documented: RFC 4861).

use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::BufMut;

use super::{Address, ICMPV6, Message, PREFIX, Reader, SERVER_PORT, TeredoError};

pub(super) const SOLICITATION: u8 = 133;
pub(super) const ADVERTISEMENT: u8 = 134;
pub(super) const SOLICITATION_LEN: usize = 8;

const OPTION_PREFIX: u8 = 3;
const OPTION_MTU: u8 = 5;
/// The prefix option's flag that says: make addresses of this prefix by yourself.
const AUTONOMOUS: u8 = 0x40;

/// What a Teredo server tells a client.
///
/// Written as observed: router lifetime 0, retransmission after 2 s, and the prefix for ever. When
/// read, these are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// The server whose prefix 2001:0:SERVER::/64 it is.
    pub server: Ipv4Addr,
    /// Largest IPv6 packet, in bytes.
    pub mtu: Option<u32>,
}

/// A server's own link-local address, which it answers from (observed): the cone flag, its port
/// and its address obfuscated.
pub fn server_link_local(server: Ipv4Addr) -> Ipv6Addr {
    let node = 0x8000_u64 << 48 | u64::from(!SERVER_PORT) << 32 | u64::from(!server.to_bits());
    Ipv6Addr::from_bits(0xFE80_u128 << 112 | u128::from(node))
}

impl Advertisement {
    pub(super) fn encoded_len(&self) -> usize {
        16 + 32 + self.mtu.map_or(0, |_| 8)
    }

    pub(super) fn encode(&self, source: Ipv6Addr, destination: Ipv6Addr, out: &mut impl BufMut) {
        let mut bytes = [0; 56];
        let len = self.encoded_len();
        bytes[0] = ADVERTISEMENT;
        bytes[12..16].copy_from_slice(&2000_u32.to_be_bytes());
        bytes[16..20].copy_from_slice(&[OPTION_PREFIX, 4, 64, AUTONOMOUS]);
        bytes[20..28].fill(0xFF);
        bytes[32..36].copy_from_slice(&PREFIX.to_be_bytes());
        bytes[36..40].copy_from_slice(&self.server.octets());
        if let Some(mtu) = self.mtu {
            bytes[48..50].copy_from_slice(&[OPTION_MTU, 1]);
            bytes[52..56].copy_from_slice(&mtu.to_be_bytes());
        }
        put_with_checksum(source, destination, &mut bytes[..len], out);
    }
}

pub(super) fn encode_solicitation(source: Ipv6Addr, destination: Ipv6Addr, out: &mut impl BufMut) {
    let mut bytes = [0; SOLICITATION_LEN];
    bytes[0] = SOLICITATION;
    put_with_checksum(source, destination, &mut bytes, out);
}

/// Reads a message whose first byte says that it is one of the two.
pub(super) fn parse(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    bytes: &[u8],
) -> Result<Message<'static>, TeredoError> {
    let mut rest = Reader(bytes);
    let [kind, code, high, low] = rest.array("router message")?;
    let (got, want) = (
        u16::from_be_bytes([high, low]),
        checksum(source, destination, bytes),
    );
    if got != want {
        return Err(TeredoError::Checksum { got, want });
    }
    if code != 0 {
        return Err(TeredoError::Router("its code is not 0"));
    }
    if kind == SOLICITATION {
        rest.array::<4>("router solicitation")?;
        options(rest, |_, _| Ok(()))?;
        return Ok(Message::Solicitation);
    }
    rest.array::<12>("router advertisement")?;
    let (mut server, mut mtu) = (None, None);
    options(rest, |kind, mut option| {
        match kind {
            OPTION_PREFIX => {
                let [len, flags] = option.array("prefix option")?;
                option.array::<12>("prefix option")?;
                let prefix = Ipv6Addr::from(option.array::<16>("prefix option")?);
                // Others may stand beside it, for the link for example.
                if len == 64 && flags & AUTONOMOUS != 0 && server.is_none() {
                    server = Some(server_of(prefix)?);
                }
            }
            OPTION_MTU => {
                option.array::<2>("MTU option")?;
                mtu = Some(u32::from_be_bytes(option.array("MTU option")?));
            }
            _ => {}
        }
        Ok(())
    })?;
    let server = server.ok_or(TeredoError::Router("it hands out no prefix"))?;
    Ok(Message::Advertisement(Advertisement { server, mtu }))
}

fn server_of(prefix: Ipv6Addr) -> Result<Ipv4Addr, TeredoError> {
    let clear = prefix.to_bits() as u64 == 0;
    let address = Address::from_ipv6(prefix).filter(|_| clear);
    address
        .map(|address| address.server)
        .ok_or(TeredoError::Prefix(prefix))
}

/// Hands each option's type and what follows its length to `each`.
fn options<'a>(
    mut rest: Reader<'a>,
    mut each: impl FnMut(u8, Reader<'a>) -> Result<(), TeredoError>,
) -> Result<(), TeredoError> {
    while !rest.0.is_empty() {
        let [kind, eights] = rest.array("option")?;
        let Some(len) = (usize::from(eights) * 8).checked_sub(2) else {
            return Err(TeredoError::Router("an option has a length of 0"));
        };
        each(kind, Reader(rest.take(len, "option")?))?;
    }
    Ok(())
}

fn put_with_checksum(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    bytes: &mut [u8],
    out: &mut impl BufMut,
) {
    let sum = checksum(source, destination, bytes);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    out.put_slice(bytes);
}

/// The checksum that the message should have, whatever stands in its place now.
fn checksum(source: Ipv6Addr, destination: Ipv6Addr, bytes: &[u8]) -> u16 {
    let words = |bytes: &[u8]| -> u64 {
        let (pairs, odd) = bytes.as_chunks::<2>();
        let last = odd.first().map_or(0, |&byte| u64::from(byte) << 8);
        pairs
            .iter()
            .map(|&pair| u64::from(u16::from_be_bytes(pair)))
            .sum::<u64>()
            + last
    };
    let mut sum = words(&source.octets()) + words(&destination.octets());
    sum += bytes.len() as u64 + u64::from(ICMPV6);
    sum += words(&bytes[..2]) + words(&bytes[4..]);
    while sum > 0xFFFF {
        sum = (sum >> 16) + (sum & 0xFFFF);
    }
    !(sum as u16)
}
