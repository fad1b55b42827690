//! Captures written byte by byte.

#![allow(dead_code, reason = "every test takes what it needs")]

use std::net::Ipv4Addr;

use dolab_dissect::{Event, Options, dissect, report::Report};

/// A packet of a capture: microseconds, and bytes from the Ethernet header on.
pub(crate) type Frame = (u64, Vec<u8>);

pub(crate) const CALLER: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 168, 1, 31), 49_741);
pub(crate) const LISTENER: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 168, 1, 30), 7680);

pub(crate) const SYN: u8 = 2;
pub(crate) const ACK: u8 = 16;
pub(crate) const FIN: u8 = 1;
pub(crate) const RST: u8 = 4;

/// A TCP segment in an IPv4 packet, without Ethernet. Checksums are nobody's business here.
pub(crate) fn segment(
    (from, from_port): (Ipv4Addr, u16),
    (to, to_port): (Ipv4Addr, u16),
    (seq, ack, flags): (u32, u32, u8),
    payload: &[u8],
) -> Vec<u8> {
    let mut tcp = Vec::new();
    tcp.extend(from_port.to_be_bytes());
    tcp.extend(to_port.to_be_bytes());
    tcp.extend(seq.to_be_bytes());
    tcp.extend(ack.to_be_bytes());
    tcp.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    tcp.extend(payload);
    ip(from, to, 6, &tcp)
}

pub(crate) fn ip(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((payload.len() as u16 + 20).to_be_bytes());
    packet.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(payload);
    packet
}

pub(crate) fn ethernet(packet: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &[8, 0], packet].concat()
}

pub(crate) fn udp(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(from.1.to_be_bytes());
    datagram.extend(to.1.to_be_bytes());
    datagram.extend((payload.len() as u16 + 8).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    ip(from.0, to.0, 17, &datagram)
}

/// A whole connection, of which each side says what is given, in segments of this size.
pub(crate) struct Talk {
    pub(crate) frames: Vec<Frame>,
    next: [u32; 2],
    now: u64,
}

impl Talk {
    pub(crate) fn new() -> Self {
        let mut talk = Self {
            frames: Vec::new(),
            next: [1000, u32::MAX - 40],
            now: 1_745_343_597_000_000,
        };
        talk.send(true, SYN, b"");
        talk.send(false, SYN | ACK, b"");
        talk.send(true, ACK, b"");
        talk
    }

    pub(crate) fn wait(&mut self, micros: u64) {
        self.now += micros;
    }

    pub(crate) fn send(&mut self, caller: bool, flags: u8, payload: &[u8]) {
        let (from, to, at) = match caller {
            true => (CALLER, LISTENER, 0),
            false => (LISTENER, CALLER, 1),
        };
        let flags = if flags == SYN { flags } else { flags | ACK };
        let numbers = (self.next[at], self.next[1 - at], flags);
        let packet = segment(from, to, numbers, payload);
        self.frames.push((self.now, ethernet(&packet)));
        self.now += 100;
        let counts = u32::from(flags & (SYN | FIN) != 0);
        self.next[at] = self.next[at].wrapping_add(payload.len() as u32 + counts);
    }

    /// What is longer than a packet in several.
    pub(crate) fn say(&mut self, caller: bool, bytes: &[u8]) {
        for part in bytes.chunks(1448) {
            self.send(caller, 0, part);
        }
    }
}

/// pcap with microseconds, little-endian.
pub(crate) fn pcap(link: u32, frames: &[Frame]) -> Vec<u8> {
    pcap_with([0xD4, 0xC3, 0xB2, 0xA1], u32::to_le_bytes, 1, link, frames)
}

pub(crate) fn pcap_with(
    magic: [u8; 4],
    word: fn(u32) -> [u8; 4],
    per_micro: u32,
    link: u32,
    frames: &[Frame],
) -> Vec<u8> {
    let mut file = magic.to_vec();
    let version = word(0x0004_0002);
    file.extend(version);
    for value in [0, 0, 262_144, link] {
        file.extend(word(value));
    }
    for (micros, bytes) in frames {
        let len = bytes.len() as u32;
        let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
        for value in [seconds as u32, rest as u32 * per_micro, len, len] {
            file.extend(word(value));
        }
        file.extend(bytes);
    }
    file
}

pub(crate) fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let len = padded as u32 + 12;
    let mut block = Vec::new();
    block.extend(kind.to_le_bytes());
    block.extend(len.to_le_bytes());
    block.extend(body);
    block.resize(padded + 8, 0);
    block.extend(len.to_le_bytes());
    block
}

pub(crate) fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let mut option = code.to_le_bytes().to_vec();
    option.extend((value.len() as u16).to_le_bytes());
    option.extend(value);
    option.resize(4 + value.len().next_multiple_of(4), 0);
    option
}

/// pcapng with one section and a named interface with nanoseconds; the first packet has a comment.
pub(crate) fn pcapng(frames: &[Frame]) -> Vec<u8> {
    let mut file = block(
        0x0A0D_0D0A,
        &[
            0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
        ],
    );
    let mut interface = vec![1, 0, 0, 0, 0, 0, 4, 0];
    interface.extend(option(2, b"eth0"));
    interface.extend(option(9, &[9]));
    interface.extend([0; 4]);
    file.extend(block(1, &interface));
    for (n, (micros, bytes)) in frames.iter().enumerate() {
        let nanos = micros * 1000;
        let len = bytes.len() as u32;
        let mut body = 0_u32.to_le_bytes().to_vec();
        for word in [(nanos >> 32) as u32, nanos as u32, len, len] {
            body.extend(word.to_le_bytes());
        }
        body.extend(bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        if n == 0 {
            body.extend(option(1, b"a fault begins"));
            body.extend([0; 4]);
        }
        file.extend(block(6, &body));
    }
    file
}

pub(crate) fn read(file: &[u8]) -> (Report, Vec<Event>) {
    let mut events = Vec::new();
    let report = dissect(file, &Options::default(), &mut |event| events.push(event));
    (report.expect("it is a capture"), events)
}

/// A frame of the Swarm protocol.
pub(crate) fn message(id: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32 + 1).to_be_bytes().to_vec();
    bytes.push(id);
    bytes.extend(payload);
    bytes
}

pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}
