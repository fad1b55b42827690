use proptest::prelude::*;

use super::*;

/// Debian's miredo 1.2.6, client to server, captured between two namespaces.
const SOLICITATION: &str = "00010000bf70cbf26ce9e53f006000000000083afffe800000000000000000ffffffff\
    ffffff02000000000000000000000000000285007d3700000000";

/// Its server's answer: the client was seen as 198.51.100.20:48862.
const ADVERTISEMENT: &str = "00010000bf70cbf26ce9e53f000000412139cc9beb6000000000383afffe8000000000\
    00008000f22739cc9bf3fe800000000000000000ffffffffffff8600954c0000000000000000000007d003044040ff\
    ffffffffffffff0000000020010000c633640c00000000000000000501000000000500";

const NONCE: [u8; 8] = [0xBF, 0x70, 0xCB, 0xF2, 0x6C, 0xE9, 0xE5, 0x3F];
const SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 12);
const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 20), 48862);

fn hex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

fn encode(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(&mut bytes);
    assert_eq!(bytes.len(), packet.encoded_len());
    bytes
}

#[test]
fn a_real_solicitation_is_read_and_written_byte_for_byte() {
    let bytes = hex(SOLICITATION);
    assert_eq!(bytes.len(), 69 - 8);
    assert_eq!(Packet::parse(&bytes), Ok(Packet::solicitation(NONCE)));
    assert_eq!(encode(&Packet::solicitation(NONCE)), bytes);
}

#[test]
fn a_real_advertisement_is_read_and_written_byte_for_byte() {
    let (question, bytes) = (hex(SOLICITATION), hex(ADVERTISEMENT));
    assert_eq!(bytes.len(), 125 - 8);
    let answer = Packet::parse(&question)
        .unwrap()
        .advertisement(CLIENT, SERVER)
        .unwrap();
    assert_eq!(Packet::parse(&bytes), Ok(answer));
    assert_eq!(encode(&answer), bytes);
    assert_eq!(
        answer.advertisement(CLIENT, SERVER),
        None,
        "only a question has an answer"
    );
}

#[test]
fn a_changed_bit_of_a_router_message_is_noticed() {
    for text in [SOLICITATION, ADVERTISEMENT] {
        let good = hex(text);
        // The IPv6 addresses and the ICMPv6 message are what the checksum covers.
        let start = good.len() - Packet::parse(&good).unwrap().payload_len() - 32;
        for bit in start * 8..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let read = Packet::parse(&bytes);
            // Another type of message is none that is looked into.
            let other = matches!(
                read,
                Ok(Packet {
                    message: Message::Other { .. },
                    ..
                })
            );
            assert!(read.is_err() || other, "bit {bit}: {read:?}");
        }
    }
}

#[test]
fn every_end_that_comes_early_is_an_error() {
    for text in [SOLICITATION, ADVERTISEMENT] {
        let bytes = hex(text);
        for len in 0..bytes.len() {
            let read = Packet::parse(&bytes[..len]);
            assert!(
                matches!(read, Err(TeredoError::Truncated(_))),
                "{len}: {read:?}"
            );
        }
    }
}

#[test]
fn headers_come_once_and_in_order() {
    let bytes = hex(ADVERTISEMENT);
    let (authentication, origin, packet) = (&bytes[..13], &bytes[13..21], &bytes[21..]);
    let parse = |parts: &[&[u8]]| Packet::parse(&parts.concat()).map(|_| ());
    assert_eq!(parse(&[packet]), Ok(()));
    assert_eq!(parse(&[origin, packet]), Ok(()));
    let twice = Err(TeredoError::Indicator(0, 1));
    assert_eq!(parse(&[authentication, authentication, packet]), twice);
    assert_eq!(parse(&[origin, authentication, packet]), twice);
    assert_eq!(
        parse(&[origin, origin, packet]),
        Err(TeredoError::Indicator(0, 0))
    );
    assert_eq!(
        parse(&[b"GET / HTTP/1.1\r\n"]),
        Err(TeredoError::Indicator(b'G', b'E'))
    );
}

#[test]
fn a_router_message_through_a_router_is_refused() {
    let mut bytes = hex(SOLICITATION);
    bytes[20] = 254;
    assert_eq!(
        Packet::parse(&bytes),
        Err(TeredoError::Router("its hop limit is not 255"))
    );
}

#[test]
fn a_bubble_is_forty_bytes_and_keeps_what_follows_it() {
    let source = "fe80::1234:5678:9abc:def0".parse().unwrap();
    let to = Address {
        server: SERVER,
        flags: 0,
        client: CLIENT,
    }
    .to_ipv6();
    let bubble = Packet::bubble(source, to);
    let mut bytes = encode(&bubble);
    assert_eq!(bytes.len(), 40);
    assert_eq!(Packet::parse(&bytes), Ok(bubble));
    bytes.extend([1, 4, 0xDE, 0xAD, 0xBE, 0xEF]);
    assert_eq!(Packet::parse(&bytes).unwrap().trailer, &bytes[40..]);
}

/// The example that most descriptions of Teredo print.
#[test]
fn the_address_that_is_in_every_description() {
    let address = Address {
        server: Ipv4Addr::new(65, 54, 227, 120),
        flags: 0x8000,
        client: SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 45), 40000),
    };
    let text = "2001:0000:4136:e378:8000:63bf:3fff:fdd2".parse().unwrap();
    assert_eq!(address.to_ipv6(), text);
    assert_eq!(Address::from_ipv6(text), Some(address));
    assert_eq!(Address::from_ipv6("2001:1::".parse().unwrap()), None);
}

fn message(kind: u8, server: [u8; 4], mtu: Option<u32>, payload: &[u8]) -> Message<'_> {
    match kind {
        0 => Message::Solicitation,
        1 => Message::Advertisement(Advertisement {
            server: server.into(),
            mtu,
        }),
        2 => Message::Bubble,
        _ => Message::Other {
            next_header: 17,
            payload,
        },
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        (kind, server, mtu) in (0..4_u8, any::<[u8; 4]>(), any::<Option<u32>>()),
        payload in prop::collection::vec(any::<u8>(), 0..64),
        header in prop::option::of((
            prop::collection::vec(any::<u8>(), 0..=255),
            prop::collection::vec(any::<u8>(), 0..=255),
            any::<[u8; 8]>(),
            any::<u8>(),
        )),
        origin: Option<([u8; 4], u16)>,
        source: [u8; 16],
        destination: [u8; 16],
        trailer in prop::collection::vec(any::<u8>(), 0..32),
    ) {
        let packet = Packet {
            authentication: header.as_ref().map(|(client_id, value, nonce, confirmation)| {
                Authentication { client_id, value, nonce: *nonce, confirmation: *confirmation }
            }),
            origin: origin.map(|(ip, port)| SocketAddrV4::new(ip.into(), port)),
            source: source.into(),
            destination: destination.into(),
            hop_limit: 255,
            message: message(kind, server, mtu, &payload),
            trailer: &trailer,
        };
        let bytes = encode(&packet);
        prop_assert_eq!(Packet::parse(&bytes), Ok(packet));
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Packet::parse(&bytes);
    }

    #[test]
    fn damaged_packets_never_panic(at in 0..117_usize, byte: u8, len in 0..=117_usize) {
        let mut bytes = hex(ADVERTISEMENT);
        bytes[at] = byte;
        let _ = Packet::parse(&bytes[..len]);
    }

    #[test]
    fn addresses_round_trip(server: [u8; 4], flags: u16, client: [u8; 4], port: u16) {
        let client = SocketAddrV4::new(client.into(), port);
        let address = Address { server: server.into(), flags, client };
        prop_assert_eq!(Address::from_ipv6(address.to_ipv6()), Some(address));
    }
}
