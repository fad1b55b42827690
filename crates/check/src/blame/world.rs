//! A small simulated world: one fault somewhere on the way of a request and its answer, and the
//! evidence that real kernels would give for it (see `tests/witness_netns.rs` for the same faults
//! with real kernels). Blame must be right or unknown in all of it, and right wherever both
//! witnesses stood.

use std::{net::SocketAddr, time::Duration};

use proptest::prelude::*;

use super::judge;
use crate::{
    evidence::{
        Answer, CalleeReport, CalleeSaw, CallerReport, CallerSaw, ClosedBecause, IcmpError,
        Listener, NoWitness, OsError, Outcome, PathEvidence, Unreachable, WireSaw, Witnessed,
    },
    report::{Blame, Direction, PathId, Protocol},
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
                let target: std::net::IpAddr = self.family().callee.parse().unwrap();
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
        let evidence = PathEvidence::from_caller(
            self.path,
            self.direction,
            CallerReport {
                saw: scene.saw,
                witness,
            },
        );
        match self.session {
            false => evidence,
            true => evidence.with_callee(CalleeReport {
                saw: scene.callee,
                witness: self.witnessed(scene.callee_wire, self.callee_watch),
            }),
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
        if self.fully_watched() && self.listens {
            assert!(
                right,
                "no blame: {judged:#?}\nin {self:#?}\nwith {evidence:#?}"
            );
        }
    }
}

fn worlds() -> impl Strategy<Value = World> {
    let flags = proptest::collection::vec(any::<bool>(), 9);
    let watch = || prop::sample::select(vec![Watch::All, Watch::Some, Watch::None]);
    (
        prop::sample::select(vec![PathId::Tcp7680, PathId::Udp3544]),
        prop::sample::select(vec![Direction::Outbound, Direction::Inbound]),
        prop::sample::select(PLACES.to_vec()),
        prop::sample::select(KINDS.to_vec()),
        (watch(), watch(), any::<u8>(), 1..4_u32),
        flags,
    )
        .prop_map(|(path, direction, place, kind, watched, flags)| World {
            path,
            direction,
            place,
            kind,
            six: flags[8],
            listens: flags[0],
            caller_watch: watched.0,
            callee_watch: watched.1,
            session: flags[1],
            looked: flags[2],
            error_queue: flags[3],
            eperm: flags[4],
            forged: flags[5],
            translated: flags[6],
            noisy_link: flags[7],
            lost: watched.2,
            attempts: watched.3,
        })
        // A reset is TCP's.
        .prop_filter("udp has no resets", |w| w.tcp() || w.kind != Kind::Rst)
        .prop_filter("nobody can see this", |w| !w.undetectable())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn blame_is_right_or_unknown(world in worlds()) {
        world.check();
    }
}

#[test]
fn blame_is_right_wherever_both_sides_are_watched() {
    let mut worlds = 0;
    for place in PLACES {
        for kind in KINDS {
            for path in [PathId::Tcp7680, PathId::Udp3544] {
                for bits in 0..64_u8 {
                    let bit = |n: u8| bits & 1 << n != 0;
                    let world = World {
                        path,
                        six: bit(5),
                        direction: if bit(0) {
                            Direction::Outbound
                        } else {
                            Direction::Inbound
                        },
                        place,
                        kind,
                        listens: bit(1),
                        caller_watch: Watch::All,
                        callee_watch: Watch::All,
                        session: true,
                        looked: true,
                        error_queue: bit(2),
                        eperm: bit(3),
                        forged: bit(4),
                        translated: false,
                        noisy_link: false,
                        lost: 0,
                        attempts: 2,
                    };
                    if world.tcp() || kind != Kind::Rst {
                        world.check();
                        worlds += 1;
                    }
                }
            }
        }
    }
    assert_eq!(worlds, 9 * 11 * 64);
}
