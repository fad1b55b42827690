//! From a captured packet to what TCP, UDP or ICMP carries.

mod fragments;
mod link;

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    IpNumber, Ipv4HeaderSlice, Ipv6ExtensionSlice, Ipv6ExtensionsSlice, Ipv6HeaderSlice,
    TcpHeaderSlice, UdpHeaderSlice,
};

pub(crate) use self::fragments::Fragments;
use self::fragments::Piece;
use crate::capture::Record;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// An IP packet's payload, of the kinds that matter here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    Tcp(Segment<'a>),
    Udp(Datagram<'a>),
    Icmp(IcmpError),
}

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) seq: u32,
    /// Next byte that the sender waits for, if it says so.
    pub(crate) ack: Option<u32>,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    /// TTL or hop limit as it arrived.
    pub(crate) hop_limit: u8,
    /// The payload as far as it was kept.
    pub(crate) payload: &'a [u8],
    /// Bytes of payload on the wire.
    pub(crate) len: usize,
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// The payload as far as it was kept.
    pub(crate) payload: &'a [u8],
    /// Whether all of it was kept.
    pub(crate) whole: bool,
}

/// An ICMP error about a packet of TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IcmpError {
    pub(crate) maker: IpAddr,
    pub(crate) icmp_type: u8,
    pub(crate) code: u8,
    /// The sender of the packet that it is about.
    pub(crate) from: SocketAddr,
    /// Where that packet was to go.
    pub(crate) to: SocketAddr,
}

impl IcmpError {
    /// What it means (documented: RFC 792, 1812 and 4443).
    pub(crate) fn means(&self) -> &'static str {
        match (self.maker.is_ipv4(), self.icmp_type, self.code) {
            (true, 3, 3) | (false, 1, 4) => "port unreachable",
            (true, 3, 9 | 10 | 13) | (false, 1, 1 | 5 | 6) => "prohibited by an administrator",
            (true, 3, 0 | 6 | 11) | (false, 1, 0) => "network unreachable",
            (true, 3, 1 | 7 | 12) | (false, 1, 3) => "host unreachable",
            (true, 3, 4) | (false, 2, _) => "packet too big",
            (true, 11, _) | (false, 3, _) => "time exceeded",
            _ => "error",
        }
    }
}

/// What an IP header says.
#[derive(Clone, Copy, Debug)]
struct Ip<'a> {
    from: IpAddr,
    to: IpAddr,
    hop_limit: u8,
    protocol: u8,
    /// The payload as far as it was kept.
    payload: &'a [u8],
    /// Bytes of payload on the wire.
    len: usize,
    fragment: Option<Fragment>,
}

#[derive(Clone, Copy, Debug)]
struct Fragment {
    id: u32,
    offset: usize,
    more: bool,
}

/// Takes a packet apart. `None` for everything that is not of interest, is part of something that
/// is not whole yet, or makes no sense.
pub(crate) fn parse<'a>(record: &Record<'a>, fragments: &'a mut Fragments) -> Option<Packet<'a>> {
    let (data, missing) = link::network(record)?;
    let ip = Ip::parse(data, missing)?;
    let Some(fragment) = ip.fragment else {
        return transport(&ip);
    };
    let piece = Piece {
        from: ip.from,
        to: ip.to,
        protocol: ip.protocol,
        id: fragment.id,
        offset: fragment.offset,
        more: fragment.more,
        payload: ip.payload,
        whole: ip.payload.len() == ip.len,
    };
    let whole = fragments.add(&piece)?;
    transport(&Ip {
        payload: whole,
        len: whole.len(),
        fragment: None,
        ..ip
    })
}

impl<'a> Ip<'a> {
    /// `missing`: bytes behind `data` that were on the wire and were not kept.
    fn parse(data: &'a [u8], missing: usize) -> Option<Self> {
        match data.first()? >> 4 {
            4 => Self::four(data, missing),
            6 => Self::six(data, missing),
            _ => None,
        }
    }

    fn four(data: &'a [u8], missing: usize) -> Option<Self> {
        let header = Ipv4HeaderSlice::from_slice(data).ok()?;
        let behind = &data[header.slice().len()..];
        let len = match usize::from(header.total_len()) {
            // What a network card puts together or takes apart may be too long for the field.
            0 => behind.len() + missing,
            total => total.checked_sub(header.slice().len())?,
        };
        let offset = usize::from(header.fragments_offset().value()) * 8;
        let more = header.more_fragments();
        Some(Self {
            from: header.source_addr().into(),
            to: header.destination_addr().into(),
            hop_limit: header.ttl(),
            protocol: header.protocol().0,
            payload: &behind[..len.min(behind.len())],
            len,
            fragment: (more || offset > 0).then(|| Fragment {
                id: header.identification().into(),
                offset,
                more,
            }),
        })
    }

    fn six(data: &'a [u8], missing: usize) -> Option<Self> {
        let header = Ipv6HeaderSlice::from_slice(data).ok()?;
        let behind = &data[header.slice().len()..];
        let mut len = match usize::from(header.payload_length()) {
            0 => behind.len() + missing,
            len => len,
        };
        let behind = &behind[..len.min(behind.len())];
        let (extensions, protocol, payload, error) =
            Ipv6ExtensionsSlice::from_slice_lax(header.next_header(), behind);
        if error.is_some() {
            return None;
        }
        len -= behind.len() - payload.len();
        let fragment = extensions.into_iter().find_map(|extension| {
            let Ipv6ExtensionSlice::Fragment(part) = extension else {
                return None;
            };
            part.is_fragmenting_payload().then(|| Fragment {
                id: part.identification(),
                offset: usize::from(part.fragment_offset().value()) * 8,
                more: part.more_fragments(),
            })
        });
        Some(Self {
            from: header.source_addr().into(),
            to: header.destination_addr().into(),
            hop_limit: header.hop_limit(),
            protocol: protocol.0,
            payload,
            len,
            fragment,
        })
    }
}

fn transport<'a>(ip: &Ip<'a>) -> Option<Packet<'a>> {
    match ip.protocol {
        TCP => tcp(ip).map(Packet::Tcp),
        UDP => udp(ip).map(Packet::Udp),
        ICMP | ICMPV6 => icmp(ip).map(Packet::Icmp),
        _ => None,
    }
}

fn tcp<'a>(ip: &Ip<'a>) -> Option<Segment<'a>> {
    let header = TcpHeaderSlice::from_slice(ip.payload).ok()?;
    let header_len = header.slice().len();
    Some(Segment {
        from: SocketAddr::new(ip.from, header.source_port()),
        to: SocketAddr::new(ip.to, header.destination_port()),
        seq: header.sequence_number(),
        ack: header.ack().then(|| header.acknowledgment_number()),
        syn: header.syn(),
        fin: header.fin(),
        rst: header.rst(),
        hop_limit: ip.hop_limit,
        payload: &ip.payload[header_len..],
        len: ip.len.checked_sub(header_len)?,
    })
}

fn udp<'a>(ip: &Ip<'a>) -> Option<Datagram<'a>> {
    let header = UdpHeaderSlice::from_slice(ip.payload).ok()?;
    let behind = &ip.payload[header.slice().len()..];
    let len = usize::from(header.length()).checked_sub(header.slice().len())?;
    Some(Datagram {
        from: SocketAddr::new(ip.from, header.source_port()),
        to: SocketAddr::new(ip.to, header.destination_port()),
        payload: &behind[..len.min(behind.len())],
        whole: len <= behind.len(),
    })
}

/// An error names the packet that it is about by its first bytes.
fn icmp(ip: &Ip<'_>) -> Option<IcmpError> {
    let &[icmp_type, code, _, _, _, _, _, _, ref about @ ..] = ip.payload else {
        return None;
    };
    let is_error = match ip.protocol {
        ICMP => matches!(icmp_type, 3 | 11),
        _ => matches!(icmp_type, 1..=3),
    };
    if !is_error {
        return None;
    }
    let inner = Ip::parse(about, 0)?;
    let ports = inner.payload.first_chunk::<4>()?;
    if inner.protocol != IpNumber::TCP.0 || inner.fragment.is_some_and(|f| f.offset > 0) {
        return None;
    }
    Some(IcmpError {
        maker: ip.from,
        icmp_type,
        code,
        from: SocketAddr::new(inner.from, u16::from_be_bytes([ports[0], ports[1]])),
        to: SocketAddr::new(inner.to, u16::from_be_bytes([ports[2], ports[3]])),
    })
}
