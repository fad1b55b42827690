//! A small simulated world: one fault somewhere on the way of a request and its answer, and the
//! evidence that real kernels would give for it (see `tests/witness_netns.rs` for the same faults
//! with real kernels). Blame must be right or unknown in all of it, and right wherever both
//! witnesses stood.

mod tests;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::judge;
use crate::{
    evidence::{
        Answer, CalleeReport, CalleeSaw, CallerReport, CallerSaw, ClosedBecause, IcmpError,
        Listener, NoWitness, OsError, Outcome, PathEvidence, Unreachable, WireSaw, Witnessed,
    },
    hops::{HopSaw, Hops, Step, Trace},
    report::{Blame, Direction, Lost, PathId, Protocol},
};

/// The two families: their addresses, and what codes mean the same (port, prohibited, net, host).
struct Family {
    caller: &'static str,
    callee: &'static str,
    router: &'static str,
    icmp_type: u8,
    codes: [u8; 4],
}

const FOUR: Family = Family {
    caller: "192.0.2.1",
    callee: "198.51.100.7",
    router: "203.0.113.9",
    icmp_type: 3,
    codes: [3, 13, 0, 1],
};
const SIX: Family = Family {
    caller: "2001:db8:1::1",
    callee: "2001:db8:2::7",
    router: "2001:db8:3::9",
    icmp_type: 1,
    codes: [4, 1, 0, 3],
};

const PORT: usize = 0;
const PROHIBITED: usize = 1;
const NET: usize = 2;
const HOST: usize = 3;

/// Where the fault is, in the order in which packets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    CallerRoute,
    CallerOut,
    /// The next hop does not answer on the link.
    Link,
    NetworkThere,
    CalleeIn,
    CalleeOut,
    NetworkBack,
    CallerIn,
}

const PLACES: [Place; 9] = [
    Place::Nowhere,
    Place::CallerRoute,
    Place::CallerOut,
    Place::Link,
    Place::NetworkThere,
    Place::CalleeIn,
    Place::CalleeOut,
    Place::NetworkBack,
    Place::CallerIn,
];

/// What it does: drop, or refuse with an ICMP error (one of the four above) or an RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Drop,
    Icmp(usize),
    Rst,
}

const KINDS: [Kind; 6] = [
    Kind::Drop,
    Kind::Icmp(PORT),
    Kind::Icmp(PROHIBITED),
    Kind::Icmp(NET),
    Kind::Icmp(HOST),
    Kind::Rst,
];

/// How well a side is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    All,
    /// Loses packets, and knows it.
    Some,
    None,
}

#[derive(Clone, Debug)]
struct World {
    path: PathId,
    six: bool,
    direction: Direction,
    place: Place,
    kind: Kind,
    listens: bool,
    caller_watch: Watch,
    callee_watch: Watch,
    /// Whether the callee tells of its listener.
    session: bool,
    /// Whether it looked at half-open connections and accepted calls.
    looked: bool,
    /// Whether the caller's system hands out ICMP senders.
    error_queue: bool,
    /// Whether a UDP send that is dropped on its own way out is told to the program.
    eperm: bool,
    /// Whether the box between forges the callee's address.
    forged: bool,
    /// Whether an address translator stands between.
    translated: bool,
    /// Whether the caller's link has some unrelated host that does not answer.
    noisy_link: bool,
    /// Which packets an incomplete witness loses.
    lost: u8,
    attempts: u32,
    way: Way,
}

/// The routers between the two, and how the way was looked at.
#[derive(Clone, Debug, Default)]
struct Way {
    /// How many there are on the way there, and on the way back.
    there: u8,
    back: u8,
    /// Behind how many of them a fault in the network is.
    fault: u8,
    /// Routers that never answer, bit by bit.
    silent: u8,
    /// Whether the fault hits everything that passes, and not only this path.
    everything: bool,
    /// Whether what routers far away say does not come back.
    deaf: bool,
    /// Whether the other host says no to references.
    polite: bool,
    /// Whether the caller and the callee looked.
    looked_there: bool,
    looked_back: bool,
}

/// The evidence as it builds up.
struct Scene {
    saw: CallerSaw,
    caller_wire: WireSaw,
    callee_wire: WireSaw,
    callee: CalleeSaw,
}

fn addr(ip: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), port)
}

impl World {
    fn tcp(&self) -> bool {
        self.path.protocol() == Protocol::Tcp
    }

    fn family(&self) -> &'static Family {
        if self.six { &SIX } else { &FOUR }
    }

    fn icmp(&self, from: &str, kind: usize) -> IcmpError {
        let Family {
            icmp_type, codes, ..
        } = self.family();
        let from = from.parse().unwrap();
        IcmpError {
            from,
            icmp_type: *icmp_type,
            code: codes[kind],
            mtu: None,
        }
    }

    fn told(&self, scene: &mut Scene, kind: usize, from: &str) {
        let error = self.icmp(from, kind);
        if !scene.caller_wire.icmp_arrived.contains(&error) {
            scene.caller_wire.icmp_arrived.push(error);
        }
        if self.error_queue {
            scene.saw.icmp.push(error);
        }
        // An unconnected UDP socket without an error queue hears nothing (observed).
        if !self.tcp() && !self.error_queue {
            return;
        }
        scene.saw.outcome = match kind {
            PORT => Outcome::Refused,
            NET => Outcome::Unreachable(Unreachable::Net),
            PROHIBITED if self.six => {
                scene.saw.error = Some(OsError {
                    code: 13,
                    name: "EACCES".into(),
                });
                Outcome::Forbidden
            }
            _ => Outcome::Unreachable(Unreachable::Host),
        };
    }

    fn call(&self, scene: &mut Scene) {
        scene.saw.attempts += 1;
        scene.saw.outcome = Outcome::TimedOut;
        match self.place {
            Place::CallerRoute => {
                scene.saw.outcome = Outcome::Unreachable(Unreachable::Host);
                if self.eperm {
                    scene.saw.outcome = Outcome::Forbidden;
                    scene.saw.error = Some(OsError {
                        code: 13,
                        name: "EACCES".into(),
                    });
                }
                return;
            }
            Place::Link => {
                let target: IpAddr = self.family().callee.parse().unwrap();
                let hop = if self.forged {
                    target
                } else {
                    self.family().router.parse().unwrap()
                };
                scene.caller_wire.unresolved = vec![hop];
                if self.eperm {
                    let own = self.family().caller;
                    scene.caller_wire.icmp_left = vec![self.icmp(own, HOST)];
                    self.told(scene, HOST, own);
                }
                return;
            }
            Place::CallerOut => return self.own_output(scene),
            Place::Nowhere
            | Place::NetworkThere
            | Place::CalleeIn
            | Place::CalleeOut
            | Place::NetworkBack
            | Place::CallerIn => {}
        }
        scene.caller_wire.requests_left += 1;
        if self.place == Place::NetworkThere {
            match self.kind {
                Kind::Drop => {}
                Kind::Icmp(code) => {
                    let Family { callee, router, .. } = self.family();
                    self.told(scene, code, if self.forged { callee } else { router });
                }
                Kind::Rst => {
                    scene.caller_wire.resets_arrived += 1;
                    scene.saw.outcome = Outcome::Refused;
                }
            }
            return;
        }
        match self.translated {
            true => scene.callee_wire.requests_from_others += 1,
            false => scene.callee_wire.requests_arrived += 1,
        }
        if self.place == Place::CalleeIn {
            match self.kind {
                Kind::Drop => {}
                Kind::Icmp(code) => self.callee_says_icmp(scene, code),
                Kind::Rst => self.callee_says_rst(scene),
            }
            return;
        }
        if !self.listens {
            return match self.tcp() {
                true => self.callee_says_rst(scene),
                false => self.callee_says_icmp(scene, PORT),
            };
        }
        if self.looked {
            match self.tcp() {
                true => scene.callee.half_open = Some(true),
                false => scene.callee.accepted = Some(true),
            }
        }
        if !self.tcp() {
            scene.callee.answer = Answer::Sent;
        }
        if self.place == Place::CalleeOut {
            return self.callee_output(scene);
        }
        if !self.translated {
            scene.callee_wire.answers_left += 1;
        }
        if self.place == Place::NetworkBack {
            match self.kind {
                Kind::Drop => {}
                Kind::Icmp(code) => {
                    scene.callee_wire.icmp_arrived = vec![self.icmp(self.family().router, code)]
                }
                Kind::Rst => {
                    scene.callee_wire.resets_arrived += 1;
                    scene.callee.half_open = scene.callee.half_open.map(|_| false);
                }
            }
            return;
        }
        scene.caller_wire.answers_arrived += 1;
        if self.place == Place::CallerIn {
            match self.kind {
                Kind::Drop => {}
                Kind::Icmp(code) => {
                    scene.caller_wire.icmp_left = vec![self.icmp(self.family().caller, code)];
                    scene.callee_wire.icmp_arrived = vec![self.icmp(self.family().caller, code)];
                }
                Kind::Rst => {
                    scene.caller_wire.resets_left += 1;
                    scene.callee_wire.resets_arrived += 1;
                }
            }
            return;
        }
        scene.saw.outcome = Outcome::Open;
        scene.callee.accepted = self.looked.then_some(true);
    }

    fn own_output(&self, scene: &mut Scene) {
        if !self.tcp() {
            if self.eperm {
                scene.saw.outcome = Outcome::Forbidden;
                scene.saw.error = Some(OsError {
                    code: 1,
                    name: "EPERM".into(),
                });
            }
            return;
        }
        match self.kind {
            Kind::Drop => {}
            Kind::Icmp(code) => {
                let own = self.family().caller;
                scene.caller_wire.icmp_left = vec![self.icmp(own, code)];
                self.told(scene, code, own);
            }
            Kind::Rst => {
                // The reset is made for this host itself and passes over its loopback device.
                scene.caller_wire.resets_left += 1;
                scene.caller_wire.resets_arrived += 1;
                scene.saw.outcome = Outcome::Refused;
            }
        }
    }

    fn callee_output(&self, scene: &mut Scene) {
        if !self.tcp() {
            if self.eperm {
                let error = OsError {
                    code: 1,
                    name: "EPERM".into(),
                };
                scene.callee.answer = Answer::Forbidden(error);
            }
            return;
        }
        match self.kind {
            Kind::Drop => {}
            Kind::Icmp(code) => {
                let own = self.icmp(self.family().callee, code);
                scene.callee_wire.icmp_left = vec![own];
                scene.callee_wire.icmp_arrived = vec![own];
                if code == NET || code == HOST {
                    scene.callee.half_open = scene.callee.half_open.map(|_| false);
                }
            }
            Kind::Rst => {
                scene.callee_wire.resets_left += 1;
                scene.callee_wire.resets_arrived += 1;
                scene.callee.half_open = scene.callee.half_open.map(|_| false);
            }
        }
    }

    fn callee_says_icmp(&self, scene: &mut Scene, code: usize) {
        let callee = self.family().callee;
        scene.callee_wire.icmp_left = vec![self.icmp(callee, code)];
        self.told(scene, code, callee);
    }

    fn callee_says_rst(&self, scene: &mut Scene) {
        if !self.translated {
            scene.callee_wire.resets_left += 1;
        }
        scene.caller_wire.resets_arrived += 1;
        scene.saw.outcome = Outcome::Refused;
    }

    fn evidence(&self) -> PathEvidence {
        let port = self.path.port();
        let mut saw = CallerSaw::new(Outcome::TimedOut);
        saw.from = Some(addr(self.family().caller, 40_000));
        saw.to = Some(addr(self.family().callee, port));
        saw.waited = Duration::from_secs(3);
        let listener = match self.listens {
            true => Listener::Listening,
            false => Listener::Closed(ClosedBecause::Stopped),
        };
        let mut scene = Scene {
            saw,
            caller_wire: WireSaw::default(),
            callee_wire: WireSaw::default(),
            callee: CalleeSaw {
                listener,
                accepted: self.looked.then_some(false),
                answer: Answer::None,
                half_open: (self.looked && self.tcp()).then_some(false),
                rules: None,
                rules_unread: None,
            },
        };
        for _ in 0..self.attempts {
            self.call(&mut scene);
        }
        if self.noisy_link {
            scene.caller_wire.unresolved.push(
                if self.six {
                    "2001:db8:1::77"
                } else {
                    "192.0.2.77"
                }
                .parse()
                .unwrap(),
            );
        }
        let witness = self.witnessed(scene.caller_wire, self.caller_watch);
        let mut evidence = PathEvidence::from_caller(
            self.path,
            self.direction,
            CallerReport {
                saw: scene.saw,
                witness,
            },
        );
        evidence.hops = Hops {
            there: self.trace(false),
            back: self.trace(true).filter(|_| self.session),
        };
        match self.session {
            false => evidence,
            true => evidence.with_callee(CalleeReport {
                saw: scene.callee,
                witness: self.witnessed(scene.callee_wire, self.callee_watch),
            }),
        }
    }

    /// Who the packets of a leg pass, its ends included.
    fn nodes(&self, back: bool) -> Vec<IpAddr> {
        let Family {
            caller,
            callee,
            router,
            ..
        } = self.family();
        let count = if back { self.way.back } else { self.way.there };
        let own = |n: u8| match (self.six, back) {
            (false, false) => format!("203.0.113.{}", 100 + n),
            (false, true) => format!("203.0.113.{}", 200 + n),
            (true, false) => format!("2001:db8:a::{n}"),
            (true, true) => format!("2001:db8:b::{n}"),
        };
        let fault = self.fault_at(back);
        let routers = (1..=count).map(|n| match fault == Some(usize::from(n)) {
            // The one that the fault is at is the one that ICMP errors come from.
            true => router.parse().unwrap(),
            false => own(n).parse().unwrap(),
        });
        let (first, last) = if back {
            (callee, caller)
        } else {
            (caller, callee)
        };
        std::iter::once(first.parse().unwrap())
            .chain(routers)
            .chain([last.parse().unwrap()])
            .collect()
    }

    /// Behind which node of a leg the fault is, if it is there.
    fn fault_at(&self, back: bool) -> Option<usize> {
        let (here, count) = match back {
            true => (Place::NetworkBack, self.way.back),
            false => (Place::NetworkThere, self.way.there),
        };
        (self.place == here).then(|| usize::from(self.way.fault.min(count)))
    }

    /// What a look at a leg shows.
    fn trace(&self, back: bool) -> Option<Trace> {
        let nodes = self.nodes(back);
        let end = nodes.len() - 1;
        if end == 1
            || !(if back {
                self.way.looked_back
            } else {
                self.way.looked_there
            })
        {
            return None;
        }
        let fault = self.fault_at(back);
        // Where the sender's own rules or its link stop it, nothing gets anywhere.
        let (stopped, all) = match (back, self.place) {
            (false, Place::CallerRoute | Place::Link) => (true, true),
            (false, Place::CallerOut) | (true, Place::CalleeOut) => (true, self.way.everything),
            _ => (false, false),
        };
        let saw = |hop: usize, reference: bool| {
            if stopped && (all || !reference) {
                return HopSaw::Silent;
            }
            let hit = fault.filter(|_| self.way.everything || !reference);
            match hit {
                Some(at) if hop > at => {
                    let refuses = self.kind != Kind::Drop && !reference;
                    return match self.kind {
                        Kind::Rst if refuses => HopSaw::Reached,
                        _ if refuses && self.forged => HopSaw::Reached,
                        Kind::Icmp(code) if refuses => {
                            HopSaw::Says(self.icmp(self.family().router, code))
                        }
                        Kind::Drop | Kind::Icmp(_) | Kind::Rst => HopSaw::Silent,
                    };
                }
                _ => {}
            }
            if hop == end {
                let answers = reference && self.way.polite;
                return if answers {
                    HopSaw::Reached
                } else {
                    HopSaw::Silent
                };
            }
            let silent = self.way.silent & 1 << hop != 0 || self.way.deaf && hop > 1;
            if silent {
                HopSaw::Silent
            } else {
                HopSaw::Router(nodes[hop])
            }
        };
        let step = |hop| Step {
            probe: saw(hop, false),
            reference: saw(hop, true),
        };
        Some(Trace {
            from: Some(nodes[0]),
            to: nodes[end],
            steps: (1..=end).map(step).collect(),
        })
    }

    /// Whether the place that is named holds the fault, on the way that is named.
    fn holds(&self, place: crate::blame::Place) -> bool {
        let back = place.lost == Lost::Answer;
        let nodes = self.nodes(back);
        let at = |address| nodes.iter().position(|node| *node == address);
        let [last, next] = place.between.map(at);
        match (self.fault_at(back), last, next) {
            (Some(fault), Some(last), Some(next)) => last <= fault && fault < next,
            _ => false,
        }
    }

    fn witnessed(&self, mut saw: WireSaw, watch: Watch) -> Witnessed {
        match watch {
            Watch::None => return Witnessed::Absent(NoWitness::NoPrivilege),
            Watch::All => {}
            Watch::Some => {
                saw.missed = 1;
                let kept = |bit: u8, count: u32| if self.lost & 1 << bit == 0 { count } else { 0 };
                saw.requests_left = kept(0, saw.requests_left);
                saw.requests_arrived = kept(1, saw.requests_arrived);
                saw.answers_left = kept(2, saw.answers_left);
                saw.answers_arrived = kept(3, saw.answers_arrived);
                saw.resets_left = kept(4, saw.resets_left);
                saw.resets_arrived = kept(5, saw.resets_arrived);
                if self.lost & 1 << 6 != 0 {
                    saw.icmp_left.clear();
                }
                if self.lost & 1 << 7 != 0 {
                    saw.icmp_arrived.clear();
                }
            }
        }
        Witnessed::Saw(saw)
    }

    /// The right answer; `None` where nothing is in the way, unknown where nobody is to blame.
    fn truth(&self) -> Option<Blame> {
        let outbound = self.direction == Direction::Outbound;
        Some(match (self.place, outbound) {
            (Place::Nowhere, _) => return None,
            (Place::Link, _) => Blame::Unknown,
            (Place::CallerRoute | Place::CallerOut, true) => Blame::LocalOutbound,
            (Place::CallerRoute | Place::CallerOut, false) => Blame::RemoteOutbound,
            (Place::CallerIn, true) => Blame::LocalInbound,
            (Place::CallerIn, false) => Blame::RemoteInbound,
            (Place::CalleeIn, true) => Blame::RemoteInbound,
            (Place::CalleeIn, false) => Blame::LocalInbound,
            (Place::CalleeOut, true) => Blame::RemoteOutbound,
            (Place::CalleeOut, false) => Blame::LocalOutbound,
            (Place::NetworkThere | Place::NetworkBack, _) => Blame::Network,
        })
    }

    /// Everything that rules may ask for is there.
    fn fully_watched(&self) -> bool {
        let watched = self.caller_watch == Watch::All && self.callee_watch == Watch::All;
        watched && self.session && self.looked && !self.translated && !self.noisy_link
    }

    /// No rule can see this: the documented exception.
    fn undetectable(&self) -> bool {
        let forged = self.place == Place::NetworkThere && self.forged;
        forged && (!self.session || self.callee_watch == Watch::None)
    }

    fn check(&self) {
        let evidence = self.evidence();
        let judged = judge(&evidence);
        let truth = self.truth();
        // What the world says of a closed port is that nothing listens, whatever else is wrong.
        let closed = !self.listens && judged.blame.is_none();
        let unknown = judged.blame == Some(Blame::Unknown);
        let right = judged.blame == truth;
        assert!(
            right || unknown || closed,
            "wrong blame: {judged:#?}\nin {self:#?}\nwith {evidence:#?}"
        );
        if let Some(place) = judged.place {
            assert!(
                judged.blame == Some(Blame::Network) && self.holds(place),
                "wrong place: {judged:#?}\nin {self:#?}\nwith {evidence:#?}"
            );
        }
        if self.fully_watched() && self.listens {
            assert!(
                right,
                "no blame: {judged:#?}\nin {self:#?}\nwith {evidence:#?}"
            );
        }
    }
}
