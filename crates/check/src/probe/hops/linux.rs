use std::{
    io,
    mem::MaybeUninit,
    net::{IpAddr, SocketAddr},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol as Kind, Socket, Type};

use super::{Look, REFERENCE_PORT, Way};
use crate::{
    evidence::{IcmpError, IcmpKind},
    hops::{HopSaw, MAX_HOPS, Step, Trace},
    icmp,
    report::Protocol,
};

/// How long a round waits for answers: far more than any path within a site takes.
const ROUND: Duration = Duration::from_millis(350);

pub(super) fn run(look: &Look) -> Vec<Option<Trace>> {
    let first = round(look, None, 1..=MAX_HOPS);
    let mut reference = [HopSaw::Silent; MAX_HOPS as usize];
    fill(&mut reference, &first);
    let length = length(&reference);
    let mut traces: Vec<Option<Vec<HopSaw>>> = look
        .ways
        .iter()
        .map(|_| Some(vec![HopSaw::Silent; length]))
        .collect();
    // A packet may be lost, or a router be slow: what is silent is asked a second time.
    for _ in 0..2 {
        std::thread::scope(|scope| {
            let rounds: Vec<_> = look
                .ways
                .iter()
                .zip(&traces)
                .map(|(way, saw)| {
                    let silent: Vec<u8> = (1..=length as u8)
                        .filter(|hop| {
                            saw.as_ref()
                                .is_some_and(|saw| saw[usize::from(*hop) - 1] == HopSaw::Silent)
                        })
                        .collect();
                    scope.spawn(move || match way.answers_from {
                        Some(port) => answers(look, way, port, &silent),
                        None => Some(round(look, Some(way), silent.into_iter())),
                    })
                })
                .collect();
            for (round, saw) in rounds.into_iter().zip(&mut traces) {
                match (round.join().ok().flatten(), saw.as_mut()) {
                    (Some(round), Some(saw)) => fill(saw, &round),
                    _ => *saw = None,
                }
            }
        });
    }
    let reference = again(look, &reference[..length], &traces);
    let from = look.from.or_else(|| source(look));
    let trace = |probes: Vec<HopSaw>| Trace {
        from,
        to: look.to,
        steps: probes
            .into_iter()
            .zip(&reference)
            .map(|(probe, reference)| Step {
                probe,
                reference: *reference,
            })
            .collect(),
    };
    if look.ways.is_empty() {
        return vec![Some(trace(vec![HopSaw::NotTried; length]))];
    }
    traces.into_iter().map(|saw| saw.map(trace)).collect()
}

/// How many hops are worth a look: up to the other host, or two behind the last that answered.
fn length(reference: &[HopSaw]) -> usize {
    let reached = reference.iter().position(|saw| *saw == HopSaw::Reached);
    let known = reference.iter().rposition(|saw| *saw != HopSaw::Silent);
    reached
        .map(|at| at + 1)
        .unwrap_or_else(|| known.map_or(2, |at| at + 3))
        .min(reference.len())
}

/// The routers behind the place where a way ends have to answer references still: one that has become
/// tired of answering proves nothing.
fn again(look: &Look, reference: &[HopSaw], traces: &[Option<Vec<HopSaw>>]) -> Vec<HopSaw> {
    let mut doubtful: Vec<u8> = traces
        .iter()
        .flatten()
        .filter_map(|saw| {
            let behind = saw
                .iter()
                .rposition(|saw| saw.router().is_some())
                .map_or(0, |at| at + 1);
            let next = (behind..reference.len()).find(|at| reference[*at].router().is_some())?;
            u8::try_from(next + 1).ok()
        })
        .collect();
    doubtful.sort_unstable();
    doubtful.dedup();
    let mut saw = reference.to_vec();
    if doubtful.is_empty() {
        return saw;
    }
    let second = round(look, None, doubtful.iter().copied());
    for hop in doubtful {
        let at = usize::from(hop) - 1;
        let still = second
            .iter()
            .any(|(h, answer)| *h == hop && *answer == saw[at]);
        if !still {
            saw[at] = HopSaw::Silent;
        }
    }
    saw
}

fn fill(saw: &mut [HopSaw], round: &[(u8, HopSaw)]) {
    for (hop, answer) in round {
        if let Some(place) = saw.get_mut(usize::from(*hop) - 1)
            && *place == HopSaw::Silent
        {
            *place = *answer;
        }
    }
}

/// A socket of its own for each hop. Without a way, references.
fn round(look: &Look, way: Option<&Way>, hops: impl Iterator<Item = u8>) -> Vec<(u8, HopSaw)> {
    let protocol = way.map_or(Protocol::Udp, |way| way.protocol);
    let mut open: Vec<(u8, Socket)> = hops
        .filter_map(|hop| {
            let reference = REFERENCE_PORT + u16::from(hop);
            let port = way.map_or(reference, |way| way.port);
            send(look, protocol, SocketAddr::new(look.to, port), hop)
                .inspect_err(|error| tracing::debug!(%error, hop, "no probe"))
                .ok()
                .map(|socket| (hop, socket))
        })
        .collect();
    let end = Instant::now() + ROUND;
    let mut answers = Vec::new();
    while !open.is_empty() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || wait(open.iter().map(|(_, socket)| socket), left).is_err() {
            break;
        }
        open.retain(|(hop, socket)| {
            let heard = heard(socket, protocol, look.to);
            answers.extend(heard.map(|answer| (*hop, answer)));
            heard.is_none()
        });
    }
    answers
}

fn send(look: &Look, protocol: Protocol, to: SocketAddr, hop: u8) -> io::Result<Socket> {
    let (kind, number) = match protocol {
        Protocol::Tcp => (Type::STREAM, Kind::TCP),
        Protocol::Udp => (Type::DGRAM, Kind::UDP),
    };
    let socket = Socket::new(Domain::for_address(to), kind, Some(number))?;
    socket.set_nonblocking(true)?;
    icmp::enable(&socket)?;
    limit(&socket, to.ip(), hop)?;
    if let Some(from) = look.from {
        socket.bind(&SocketAddr::new(from, 0).into())?;
    }
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() == Some(nix::libc::EINPROGRESS) => {}
        other => other?,
    }
    if protocol == Protocol::Udp {
        socket.send(b"dolab hop")?;
    }
    Ok(socket)
}

fn limit(socket: &Socket, to: IpAddr, hop: u8) -> io::Result<()> {
    match to {
        IpAddr::V4(_) => socket.set_ttl_v4(hop.into()),
        IpAddr::V6(_) => socket.set_unicast_hops_v6(hop.into()),
    }
}

fn wait<'a>(sockets: impl Iterator<Item = &'a Socket>, left: Duration) -> nix::Result<()> {
    let events = PollFlags::POLLIN | PollFlags::POLLOUT;
    // A datagram socket can always be written to: only what comes in is waited for there.
    let mut fds: Vec<PollFd<'_>> = sockets
        .map(|socket| {
            let stream = socket.r#type().is_ok_and(|kind| kind == Type::STREAM);
            let events = if stream { events } else { PollFlags::POLLIN };
            PollFd::new(socket.as_fd(), events)
        })
        .collect();
    let left = u16::try_from(left.as_millis() + 1).unwrap_or(u16::MAX);
    poll(&mut fds, PollTimeout::from(left)).map(drop)
}

/// What a socket has learnt, once it has.
fn heard(socket: &Socket, protocol: Protocol, to: IpAddr) -> Option<HopSaw> {
    if let Some((error, _)) = icmp::about(socket) {
        return Some(saw(&error, to));
    }
    match protocol {
        Protocol::Udp => {
            let answered = socket.peek(&mut [MaybeUninit::uninit(); 1]).is_ok();
            answered.then_some(HopSaw::Reached)
        }
        Protocol::Tcp => match socket.take_error() {
            Ok(Some(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Some(HopSaw::Reached)
            }
            Ok(None) if socket.peer_addr().is_ok() => Some(HopSaw::Reached),
            Ok(None) => None,
            // An error of this host's own, such as nobody on the link.
            Ok(Some(_)) | Err(_) => Some(HopSaw::Silent),
        },
    }
}

fn saw(error: &IcmpError, to: IpAddr) -> HopSaw {
    let from = error.from.to_canonical();
    if from == to.to_canonical() {
        HopSaw::Reached
    } else if error.kind() == IcmpKind::TimeExceeded {
        HopSaw::Router(from)
    } else {
        HopSaw::Says(*error)
    }
}

/// The address that packets to the other host leave from.
fn source(look: &Look) -> Option<IpAddr> {
    let any: SocketAddr = match look.to {
        IpAddr::V4(_) => "0.0.0.0:0".parse().ok()?,
        IpAddr::V6(_) => "[::]:0".parse().ok()?,
    };
    let socket = std::net::UdpSocket::bind(any).ok()?;
    socket.connect((look.to, REFERENCE_PORT)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Packets that look like a listener's answers, from a port that is in use: by a raw socket, which
/// takes the same privilege as a witness. `None` without it.
fn answers(look: &Look, way: &Way, port: u16, hops: &[u8]) -> Option<Vec<(u8, HopSaw)>> {
    let from = look.from.or_else(|| source(look))?;
    let number = match way.protocol {
        Protocol::Tcp => Kind::TCP,
        Protocol::Udp => Kind::UDP,
    };
    let domain = Domain::for_address(SocketAddr::new(look.to, 0));
    let socket = Socket::new(domain, Type::RAW, Some(number)).ok()?;
    socket.set_nonblocking(true).ok()?;
    icmp::enable(&socket).ok()?;
    socket.bind(&SocketAddr::new(from, 0).into()).ok()?;
    socket.connect(&SocketAddr::new(look.to, 0).into()).ok()?;
    for hop in hops {
        let packet = packet(from, look.to, way, port, *hop);
        limit(&socket, look.to, *hop).ok()?;
        // What the own rules do not let out is told by the witness.
        drop(socket.send(&packet));
    }
    let end = Instant::now() + ROUND;
    let mut heard = Vec::new();
    while heard.len() < hops.len() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || wait(std::iter::once(&socket), left).is_err() {
            break;
        }
        while let Some((error, about)) = icmp::about(&socket) {
            let [a, b, c, d, _, length, _, sequence] = about;
            let ours = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])) == (port, way.port);
            let hop = match way.protocol {
                Protocol::Tcp => sequence,
                Protocol::Udp => length.saturating_sub(UDP_HEADER),
            };
            if ours && hops.contains(&hop) {
                heard.push((hop, saw(&error, look.to)));
            }
        }
        // What else comes from there is of no interest, and must not fill the queue.
        let mut buffer = [MaybeUninit::uninit(); 1];
        while socket.recv(&mut buffer).is_ok() {}
    }
    Some(heard)
}

const UDP_HEADER: u8 = 8;

/// A SYN/ACK, or a datagram: the hop stands in the sequence number, or in the length.
fn packet(from: IpAddr, to: IpAddr, way: &Way, port: u16, hop: u8) -> Vec<u8> {
    let mut packet = Vec::new();
    packet.extend(port.to_be_bytes());
    packet.extend(way.port.to_be_bytes());
    let (number, checksum_at) = match way.protocol {
        Protocol::Tcp => {
            packet.extend(u32::from(hop).to_be_bytes());
            // Acknowledges 1; five words of header, SYN and ACK; a window.
            packet.extend([0, 0, 0, 1, 0x50, 0x12, 0x10, 0, 0, 0, 0, 0]);
            (6, 16)
        }
        Protocol::Udp => {
            packet.extend([0, UDP_HEADER + hop, 0, 0]);
            packet.resize(usize::from(UDP_HEADER + hop), 0);
            (17, 6)
        }
    };
    let sum = checksum(from, to, number, &packet);
    packet[checksum_at..checksum_at + 2].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// The checksum of TCP and UDP (documented: RFC 1071 and 8200).
fn checksum(from: IpAddr, to: IpAddr, number: u8, packet: &[u8]) -> u16 {
    let mut bytes = Vec::new();
    for address in [from, to] {
        match address {
            IpAddr::V4(four) => bytes.extend(four.octets()),
            IpAddr::V6(six) => bytes.extend(six.octets()),
        }
    }
    bytes.extend([0, number]);
    bytes.extend((packet.len() as u16).to_be_bytes());
    bytes.extend(packet);
    let words = bytes.chunks(2).map(|word| {
        u32::from(u16::from_be_bytes([
            word[0],
            word.get(1).copied().unwrap_or(0),
        ]))
    });
    let mut sum: u32 = words.sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    match !(sum as u16) {
        // In UDP zero stands for no checksum.
        0 => 0xFFFF,
        sum => sum,
    }
}
