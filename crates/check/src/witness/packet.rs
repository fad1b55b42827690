//! Packets, as far as a witness looks at them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{evidence::IcmpError, report::Protocol};

/// What a packet is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// A segment or datagram.
    Transport(Transport),
    /// An ICMP error about one.
    Icmp {
        /// The error.
        error: IcmpError,
        /// The packet that it is about.
        about: Transport,
    },
    /// Somebody asks the link for an address.
    WhoHas(IpAddr),
    /// Somebody answers for one.
    IsAt(IpAddr),
}

/// Ends and kind of a segment or datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transport {
    pub(super) protocol: Protocol,
    pub(super) from: (IpAddr, u16),
    pub(super) to: (IpAddr, u16),
    pub(super) kind: Kind,
    pub(super) hop_limit: u8,
}

/// Kind of a segment or datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Syn,
    SynAck,
    Reset,
    /// A datagram, with its bit that marks DNS answers.
    Datagram {
        dns_answer: bool,
    },
    /// Any other segment, or one of which an ICMP error shows the ports only.
    Other,
}

/// Reads a packet from its network header on. `None` for anything that a witness has no use for.
pub(super) fn parse(packet: &[u8]) -> Option<Packet> {
    // ARP has no version; its first two bytes are the hardware type, 1 for Ethernet.
    match packet.first()? >> 4 {
        4 => {
            let ip = Ip::v4(packet)?;
            if ip.protocol != 1 {
                return transport(&ip).map(Packet::Transport);
            }
            let (icmp_type, code) = (*ip.payload.first()?, *ip.payload.get(1)?);
            let about = transport(&Ip::v4(ip.payload.get(8..)?)?)?;
            let too_big = (icmp_type, code) == (3, 4);
            let mtu = too_big
                .then(|| u16_at(ip.payload, 6).map(u32::from))
                .flatten();
            Some(Packet::Icmp {
                error: IcmpError {
                    from: ip.from,
                    icmp_type,
                    code,
                    mtu,
                },
                about,
            })
        }
        6 => {
            let ip = Ip::v6(packet)?;
            if ip.protocol != 58 {
                return transport(&ip).map(Packet::Transport);
            }
            let (icmp_type, code) = (*ip.payload.first()?, *ip.payload.get(1)?);
            if matches!(icmp_type, 135 | 136) {
                let target = IpAddr::V6(v6_at(ip.payload, 8)?);
                let asks = icmp_type == 135;
                return Some(if asks {
                    Packet::WhoHas(target)
                } else {
                    Packet::IsAt(target)
                });
            }
            let about = transport(&Ip::v6(ip.payload.get(8..)?)?)?;
            let mtu = (icmp_type == 2).then(|| u32_at(ip.payload, 4)).flatten();
            Some(Packet::Icmp {
                error: IcmpError {
                    from: ip.from,
                    icmp_type,
                    code,
                    mtu,
                },
                about,
            })
        }
        0 => arp(packet),
        _ => None,
    }
}

struct Ip<'a> {
    protocol: u8,
    from: IpAddr,
    to: IpAddr,
    hop_limit: u8,
    payload: &'a [u8],
}

impl<'a> Ip<'a> {
    fn v4(packet: &'a [u8]) -> Option<Self> {
        let header = usize::from(*packet.first()? & 0xf) * 4;
        Some(Self {
            protocol: *packet.get(9)?,
            from: IpAddr::V4(v4_at(packet, 12)?),
            to: IpAddr::V4(v4_at(packet, 16)?),
            hop_limit: *packet.get(8)?,
            payload: packet.get(header.max(20)..)?,
        })
    }

    fn v6(packet: &'a [u8]) -> Option<Self> {
        Some(Self {
            protocol: *packet.get(6)?,
            from: IpAddr::V6(v6_at(packet, 8)?),
            to: IpAddr::V6(v6_at(packet, 24)?),
            hop_limit: *packet.get(7)?,
            payload: packet.get(40..)?,
        })
    }
}

fn transport(ip: &Ip<'_>) -> Option<Transport> {
    let (from_port, to_port) = (u16_at(ip.payload, 0)?, u16_at(ip.payload, 2)?);
    let (protocol, kind) = match ip.protocol {
        6 => (Protocol::Tcp, segment(ip.payload.get(13).copied())),
        17 => {
            let dns_answer = ip.payload.get(10).is_some_and(|flags| flags & 0x80 != 0);
            (Protocol::Udp, Kind::Datagram { dns_answer })
        }
        _ => return None,
    };
    let (from, to) = ((ip.from, from_port), (ip.to, to_port));
    Some(Transport {
        protocol,
        from,
        to,
        kind,
        hop_limit: ip.hop_limit,
    })
}

fn segment(flags: Option<u8>) -> Kind {
    const SYN: u8 = 2;
    const RST: u8 = 4;
    const ACK: u8 = 16;
    match flags {
        Some(flags) if flags & RST != 0 => Kind::Reset,
        Some(flags) if flags & SYN != 0 && flags & ACK != 0 => Kind::SynAck,
        Some(flags) if flags & SYN != 0 => Kind::Syn,
        _ => Kind::Other,
    }
}

fn arp(packet: &[u8]) -> Option<Packet> {
    let (hardware, protocol) = (usize::from(*packet.get(4)?), *packet.get(5)?);
    if u16_at(packet, 2)? != 0x0800 || protocol != 4 {
        return None;
    }
    let sender = v4_at(packet, 8 + hardware)?;
    let target = v4_at(packet, 8 + hardware + 4 + hardware)?;
    match u16_at(packet, 6)? {
        1 => Some(Packet::WhoHas(IpAddr::V4(target))),
        2 => Some(Packet::IsAt(IpAddr::V4(sender))),
        _ => None,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_be_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_be_bytes)
}

fn v4_at(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    array_at::<4>(bytes, at).map(Ipv4Addr::from)
}

fn v6_at(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    array_at::<16>(bytes, at).map(Ipv6Addr::from)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_icmp_error_names_its_sender_and_the_packet_it_is_about() {
        let mut inner = vec![
            0x45, 0, 0, 40, 0, 0, 0, 0, 63, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 7,
        ];
        inner.extend([0x9c, 0x40, 0x1e, 0x00, 0, 0, 0, 0]);
        let mut packet = vec![0x45, 0xc0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0];
        packet.extend([203, 0, 113, 9, 192, 0, 2, 1]);
        packet.extend([3, 13, 0, 0, 0, 0, 0, 0]);
        packet.extend(&inner);
        let Some(Packet::Icmp { error, about }) = parse(&packet) else {
            panic!("no ICMP error")
        };
        assert_eq!(
            error.to_string(),
            "ICMP prohibited by an administrator (type 3 code 13) from 203.0.113.9"
        );
        assert_eq!(about.to, ("198.51.100.7".parse().unwrap(), 7680));
        // Eight bytes of the segment are all that RFC 792 promises: the flags are not among them.
        assert_eq!(about.kind, Kind::Other);
    }

    #[test]
    fn too_big_names_the_mtu() {
        let mut packet = vec![0x60, 0, 0, 0, 0, 0, 58, 64];
        packet.extend([0; 32]);
        packet.extend([2, 0, 0, 0, 0, 0, 0x05, 0x00]);
        packet.extend([0x60, 0, 0, 0, 0, 0, 17, 64]);
        packet.extend([0; 32]);
        packet.extend([0x0d, 0xd8, 0x9c, 0x40, 0, 0, 0, 0]);
        let Some(Packet::Icmp { error, about }) = parse(&packet) else {
            panic!("no ICMP error")
        };
        assert_eq!((error.mtu, about.from.1), (Some(1280), 3544));
    }

    #[test]
    fn arp_question_and_answer() {
        let mut packet = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 2, 2, 2, 2, 2, 192, 0, 2, 1];
        packet.extend([0, 0, 0, 0, 0, 0, 192, 0, 2, 7]);
        assert_eq!(
            parse(&packet),
            Some(Packet::WhoHas("192.0.2.7".parse().unwrap()))
        );
        packet[7] = 2;
        assert_eq!(
            parse(&packet),
            Some(Packet::IsAt("192.0.2.1".parse().unwrap()))
        );
    }

    proptest! {
        #[test]
        fn no_packet_makes_it_panic(packet in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = parse(&packet);
        }

        #[test]
        fn nor_one_that_starts_well(
            version in prop::sample::select(vec![0x45_u8, 0x4f, 0x60, 0x00]),
            next in prop::sample::select(vec![1_u8, 6, 17, 58]),
            mut packet in proptest::collection::vec(any::<u8>(), 10..120),
        ) {
            packet[0] = version;
            packet[if version == 0x60 { 6 } else { 9 }] = next;
            let _ = parse(&packet);
        }
    }
}
