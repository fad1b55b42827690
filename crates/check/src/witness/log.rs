//! The last minute of observations, and what they say about a flow.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use super::{
    Flow, Role,
    filter::Way,
    packet::{Kind, Packet, Transport},
};
use crate::{evidence::WireSaw, report::PathId};

/// Observations that are kept at most, about a megabyte. Older ones go first, and are counted.
const CAPACITY: usize = 8192;
const MEMORY: Duration = Duration::from_secs(60);

/// Observations, oldest first.
#[derive(Debug)]
pub(super) struct Log {
    started: Instant,
    seen: VecDeque<Seen>,
    /// When packets were last known to be lost.
    lost: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Instant,
    way: Way,
    packet: Packet,
}

impl Log {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            seen: VecDeque::new(),
            lost: None,
        }
    }

    pub(super) fn record(&mut self, at: Instant, way: Way, packet: Packet) {
        while self
            .seen
            .front()
            .is_some_and(|s| at.saturating_duration_since(s.at) > MEMORY)
        {
            self.seen.pop_front();
        }
        if self.seen.len() == CAPACITY {
            let oldest = self.seen.pop_front();
            self.lost = self.lost.max(oldest.map(|s| s.at));
        }
        self.seen.push_back(Seen { at, way, packet });
    }

    /// Packets went by that were never recorded, some time before `at`.
    pub(super) fn lost(&mut self, at: Instant) {
        self.lost = Some(at);
    }

    /// What was seen of a flow since `since`.
    pub(super) fn saw(&self, flow: &Flow, since: Instant, now: Instant) -> WireSaw {
        let mut saw = WireSaw::default();
        let remembered = now
            .checked_sub(MEMORY)
            .map_or(self.started, |m| m.max(self.started));
        if since < remembered || self.lost.is_some_and(|lost| lost >= since) {
            saw.missed = 1;
        }
        let mut resolving = Resolving::default();
        for seen in self.seen.iter().filter(|s| s.at >= since) {
            match &seen.packet {
                Packet::Transport(packet) => count(&mut saw, flow, seen.way, packet),
                Packet::Icmp { error, about } if side(flow, Way::Left, about).is_some() => {
                    let list = match seen.way {
                        Way::Left => &mut saw.icmp_left,
                        Way::Arrived => &mut saw.icmp_arrived,
                    };
                    if !list.contains(error) {
                        list.push(*error);
                    }
                }
                Packet::Icmp { .. } => {}
                Packet::WhoHas(address) if seen.way == Way::Left => resolving.asked(*address),
                Packet::IsAt(address) if seen.way == Way::Arrived => resolving.answered(*address),
                Packet::WhoHas(_) | Packet::IsAt(_) => {}
            }
        }
        saw.unresolved = resolving.unresolved;
        saw
    }
}

impl Log {
    /// Where the SYNs of a flow that arrived since `since` came from, each once.
    pub(super) fn callers(&self, flow: &Flow, since: Instant) -> Vec<SocketAddr> {
        let mut callers = Vec::new();
        for seen in self
            .seen
            .iter()
            .filter(|s| s.at >= since && s.way == Way::Arrived)
        {
            if let Packet::Transport(packet) = &seen.packet
                && packet.kind == Kind::Syn
                && side(flow, seen.way, packet) == Some(Side::ToCallee)
            {
                let caller = SocketAddr::from(packet.from);
                if !callers.contains(&caller) {
                    callers.push(caller);
                }
            }
        }
        callers
    }
}

/// Addresses asked for on the link and not answered for.
#[derive(Default)]
struct Resolving {
    unresolved: Vec<IpAddr>,
}

impl Resolving {
    fn asked(&mut self, address: IpAddr) {
        const REMEMBERED: usize = 64;
        if !self.unresolved.contains(&address) && self.unresolved.len() < REMEMBERED {
            self.unresolved.push(address);
        }
    }

    fn answered(&mut self, address: IpAddr) {
        self.unresolved.retain(|a| *a != address);
    }
}

/// Which half of a flow a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    ToCallee,
    FromCallee,
}

/// The half of the flow that a packet belongs to by its ends. A reset that a host makes for itself
/// carries the ends that the other host's would, so the way on the wire plays no part, except that
/// only what this host itself sends to a group is meant for the other host.
fn side(flow: &Flow, way: Way, packet: &Transport) -> Option<Side> {
    if packet.protocol != flow.protocol() {
        return None;
    }
    // What arrived is compared with what a listener to the group heard.
    let heard = flow.role != Role::Callee || packet.to.0.is_multicast();
    if flow.path == PathId::Udp5353 && !heard {
        return None;
    }
    let remote = flow.remote.to_canonical();
    let ours = flow.path == PathId::Udp5353 && way == Way::Left;
    let group = |ip: IpAddr| ours && ip.is_multicast();
    let (from_remote, to_remote) = (
        packet.from.0 == remote,
        packet.to.0 == remote || group(packet.to.0),
    );
    let (to_port, from_port) = (packet.to.1 == flow.port, packet.from.1 == flow.port);
    // Multicast DNS uses one port at both ends; the message tells which it is.
    let (to_port, from_port) = match (to_port && from_port, packet.kind) {
        (true, Kind::Datagram { dns_answer }) => (!dns_answer, dns_answer),
        (true, Kind::Syn | Kind::SynAck | Kind::Reset | Kind::Other) | (false, _) => {
            (to_port, from_port)
        }
    };
    match flow.role {
        Role::Caller if to_port && to_remote => Some(Side::ToCallee),
        Role::Caller if from_port && from_remote => Some(Side::FromCallee),
        Role::Callee if to_port && from_remote => Some(Side::ToCallee),
        Role::Callee if from_port && to_remote => Some(Side::FromCallee),
        Role::Caller | Role::Callee => None,
    }
}

fn count(saw: &mut WireSaw, flow: &Flow, way: Way, packet: &Transport) {
    let request = |kind| matches!(kind, Kind::Syn | Kind::Datagram { .. });
    let Some(side) = side(flow, way, packet) else {
        let stranger = packet.protocol == flow.protocol()
            && flow.role == Role::Callee
            && way == Way::Arrived
            && packet.to.1 == flow.port
            && packet.from.0 != flow.remote.to_canonical()
            && request(packet.kind)
            && !packet.to.0.is_multicast()
            // Behind a translator the family stays the same.
            && packet.from.0.is_ipv4() == flow.remote.to_canonical().is_ipv4();
        saw.requests_from_others += u32::from(stranger);
        return;
    };
    let arrived = way == Way::Arrived;
    let (counter, hop_limit) = match (packet.kind, side) {
        (Kind::Reset, _) if arrived => (&mut saw.resets_arrived, Some(&mut saw.reset_hop_limit)),
        (Kind::Reset, _) => (&mut saw.resets_left, None),
        (Kind::Syn | Kind::Datagram { .. }, Side::ToCallee) if arrived => {
            (&mut saw.requests_arrived, Some(&mut saw.hop_limit))
        }
        (Kind::Syn | Kind::Datagram { .. }, Side::ToCallee) => (&mut saw.requests_left, None),
        (Kind::SynAck | Kind::Datagram { .. }, Side::FromCallee) if arrived => {
            (&mut saw.answers_arrived, Some(&mut saw.hop_limit))
        }
        (Kind::SynAck | Kind::Datagram { .. }, Side::FromCallee) => (&mut saw.answers_left, None),
        (Kind::Syn | Kind::SynAck | Kind::Other, _) => return,
    };
    *counter += 1;
    if let Some(field) = hop_limit {
        *field = Some(packet.hop_limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{evidence::IcmpError, report::Protocol};

    const US: &str = "192.0.2.1";
    const THEM: &str = "192.0.2.7";

    fn packet(from: (&str, u16), to: (&str, u16), kind: Kind) -> Transport {
        let protocol = match kind {
            Kind::Datagram { .. } => Protocol::Udp,
            Kind::Syn | Kind::SynAck | Kind::Reset | Kind::Other => Protocol::Tcp,
        };
        let end = |(ip, port): (&str, u16)| (ip.parse().unwrap(), port);
        Transport {
            protocol,
            from: end(from),
            to: end(to),
            kind,
            hop_limit: 63,
        }
    }

    fn flow(role: Role) -> Flow {
        Flow {
            path: PathId::Tcp7680,
            port: 7680,
            remote: THEM.parse().unwrap(),
            role,
        }
    }

    fn log(packets: &[(Way, Packet)]) -> (Log, Instant) {
        let now = Instant::now();
        let mut log = Log::new(now);
        for (way, packet) in packets {
            log.record(now, *way, *packet);
        }
        (log, now)
    }

    #[test]
    fn both_directions_at_once_stay_apart() {
        let (log, now) = log(&[
            (
                Way::Left,
                Packet::Transport(packet((US, 4000), (THEM, 7680), Kind::Syn)),
            ),
            (
                Way::Arrived,
                Packet::Transport(packet((THEM, 7680), (US, 4000), Kind::SynAck)),
            ),
            (
                Way::Arrived,
                Packet::Transport(packet((THEM, 5000), (US, 7680), Kind::Syn)),
            ),
            (
                Way::Left,
                Packet::Transport(packet((US, 7680), (THEM, 5000), Kind::Reset)),
            ),
        ]);
        let caller = log.saw(&flow(Role::Caller), now, now);
        assert_eq!((caller.requests_left, caller.answers_arrived), (1, 1));
        assert_eq!((caller.requests_arrived, caller.resets_left), (0, 0));
        let callee = log.saw(&flow(Role::Callee), now, now);
        assert_eq!((callee.requests_arrived, callee.resets_left), (1, 1));
        assert_eq!((callee.requests_left, callee.answers_arrived), (0, 0));
        assert_eq!(
            log.callers(&flow(Role::Callee), now),
            ["192.0.2.7:5000".parse().unwrap()]
        );
        assert_eq!((caller.hop_limit, callee.hop_limit), (Some(63), Some(63)));
    }

    #[test]
    fn a_hosts_reject_of_its_own_packet_is_seen_to_leave_and_to_arrive() {
        let reset = Packet::Transport(packet((THEM, 7680), (US, 4000), Kind::Reset));
        let (log, now) = log(&[(Way::Left, reset), (Way::Arrived, reset)]);
        let caller = log.saw(&flow(Role::Caller), now, now);
        assert_eq!((caller.resets_left, caller.resets_arrived), (1, 1));
    }

    #[test]
    fn errors_belong_to_the_flow_that_they_are_about() {
        let error = IcmpError {
            from: THEM.parse().unwrap(),
            icmp_type: 3,
            code: 13,
            mtu: None,
        };
        let about = packet((US, 4000), (THEM, 7680), Kind::Other);
        let (log, now) = log(&[(Way::Arrived, Packet::Icmp { error, about })]);
        assert_eq!(log.saw(&flow(Role::Caller), now, now).icmp_arrived, [error]);
        assert_eq!(log.saw(&flow(Role::Callee), now, now), WireSaw::default());
    }

    #[test]
    fn strangers_are_counted_apart() {
        let (log, now) = log(&[(
            Way::Arrived,
            Packet::Transport(packet(("203.0.113.5", 4000), (US, 7680), Kind::Syn)),
        )]);
        let saw = log.saw(&flow(Role::Callee), now, now);
        assert_eq!((saw.requests_arrived, saw.requests_from_others), (0, 1));
    }

    #[test]
    fn multicast_dns_uses_one_port_at_both_ends() {
        let group = "224.0.0.251";
        let mdns = |from, to, dns_answer| {
            Packet::Transport(packet(
                (from, 5353),
                (to, 5353),
                Kind::Datagram { dns_answer },
            ))
        };
        let (log, now) = log(&[
            (Way::Left, mdns(US, group, false)),
            (Way::Arrived, mdns(THEM, US, true)),
            (Way::Arrived, mdns("192.0.2.99", group, false)),
        ]);
        let flow = Flow {
            path: PathId::Udp5353,
            port: 5353,
            remote: THEM.parse().unwrap(),
            role: Role::Caller,
        };
        let saw = log.saw(&flow, now, now);
        assert_eq!((saw.requests_left, saw.answers_arrived), (1, 1));
        assert_eq!((saw.requests_arrived, saw.answers_left), (0, 0));
        let callee = log.saw(
            &Flow {
                role: Role::Callee,
                ..flow
            },
            now,
            now,
        );
        assert_eq!(
            callee.requests_from_others, 0,
            "a group's packets pass no translator"
        );
    }

    #[test]
    fn who_was_asked_for_and_did_not_answer() {
        let (answered, silent) = ("192.0.2.254".parse().unwrap(), THEM.parse().unwrap());
        let (log, now) = log(&[
            (Way::Left, Packet::WhoHas(answered)),
            (Way::Left, Packet::WhoHas(silent)),
            (Way::Arrived, Packet::IsAt(answered)),
            (Way::Arrived, Packet::WhoHas(US.parse().unwrap())),
        ]);
        assert_eq!(log.saw(&flow(Role::Caller), now, now).unresolved, [silent]);
    }

    #[test]
    fn what_it_forgot_it_admits() {
        let start = Instant::now();
        let mut log = Log::new(start);
        let syn = Packet::Transport(packet((US, 4000), (THEM, 7680), Kind::Syn));
        let at = |ms: u64| start + Duration::from_millis(ms);
        for n in 0..CAPACITY as u64 + 1 {
            log.record(at(n), Way::Left, syn);
        }
        let all = log.saw(&flow(Role::Caller), start, at(8192));
        assert_eq!((all.requests_left, all.is_complete()), (8192, false));
        assert!(log.saw(&flow(Role::Caller), at(1), at(8192)).is_complete());
        let later = log.saw(&flow(Role::Caller), at(1), at(70_000));
        assert!(!later.is_complete(), "older than a minute");
        log.lost(at(9000));
        assert!(
            !log.saw(&flow(Role::Caller), at(8999), at(9001))
                .is_complete()
        );
        assert!(
            log.saw(&flow(Role::Caller), at(9001), at(9002))
                .is_complete()
        );
    }
}
