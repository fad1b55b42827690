//! A network on a virtual clock: devices, links with latency and rate, and what is on its way.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use dolab_wire::swarm::{Handshake, Head};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{device::Device, rogue::Rogue};
use crate::{BodyOutcome, ConnId, DialFailure, Input, Instant, Output};

/// What goes over a link.
#[derive(Clone, Debug)]
pub(super) enum Packet {
    Handshake(Handshake),
    /// A message; for one with a body, whether the body is what it should be.
    Head(Head, bool),
    /// A message whose body begins and never comes to an end.
    Stalled(Head),
    /// The body of the message before has come to its end.
    BodyEnd,
    Closed {
        reset: bool,
    },
}

#[derive(Debug)]
pub(super) enum Happening {
    Connected {
        link: usize,
    },
    Accepted {
        link: usize,
    },
    DialFailed {
        device: usize,
        life: u32,
        conn: ConnId,
        why: DialFailure,
    },
    Arrives {
        link: usize,
        to: usize,
        packet: Packet,
    },
    BodySent {
        link: usize,
        from: usize,
    },
    Progress {
        link: usize,
        to: usize,
        body: u64,
    },
    PieceDone {
        device: usize,
        life: u32,
        input: Input,
    },
    Wake {
        device: usize,
        life: u32,
    },
    Cut {
        link: usize,
    },
    Start {
        device: usize,
    },
    Down {
        device: usize,
    },
    Up {
        device: usize,
    },
}

/// One end of a link.
#[derive(Debug)]
pub(super) struct End {
    pub(super) device: usize,
    pub(super) life: u32,
    pub(super) conn: ConnId,
    pub(super) open: bool,
    /// When everything that was sent from here has left.
    free_at: Instant,
    /// Bodies that have begun to arrive here, so that old news of them can be told.
    bodies: u64,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) ends: [End; 2],
    latency: Duration,
    bytes_per_second: u64,
    cut: bool,
}

pub(super) enum Brain {
    Honest(Box<Device>),
    Rogue(Rogue),
    Down,
}

pub(super) struct Place {
    pub(super) brain: Brain,
    /// Counts restarts: news for an earlier life are dropped.
    pub(super) life: u32,
    pub(super) addr: SocketAddr,
    /// What was kept over a restart, and how to come back.
    pub(super) asleep: Option<Box<Device>>,
    pub(super) bytes_per_second: u64,
    wake_at: Option<Instant>,
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) rng: ChaCha8Rng,
    queue: BTreeMap<(Instant, u64), Happening>,
    order: u64,
    pub(super) places: Vec<Place>,
    pub(super) links: Vec<Link>,
    ends: BTreeMap<(usize, u32, ConnId), (usize, usize)>,
    pub(super) latency: Duration,
    /// Links live this long at most, drawn anew for each.
    pub(super) link_life: Option<Duration>,
    /// One dial in so many fails.
    pub(super) dial_failures: u32,
    pub(super) log: String,
    pub(super) keep_log: bool,
    pub(super) steps: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            now: Instant::default(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            queue: BTreeMap::new(),
            order: 0,
            places: Vec::new(),
            links: Vec::new(),
            ends: BTreeMap::new(),
            latency: Duration::from_millis(1),
            link_life: None,
            dial_failures: 0,
            log: String::new(),
            keep_log: false,
            steps: 0,
        }
    }

    pub(super) fn address(index: usize) -> SocketAddr {
        (
            Ipv4Addr::new(10, 0, (index / 250) as u8, (index % 250 + 1) as u8),
            7680,
        )
            .into()
    }

    pub(super) fn place(&mut self, brain: Brain, bytes_per_second: u64) -> usize {
        let addr = Self::address(self.places.len());
        self.places.push(Place {
            brain,
            life: 0,
            addr,
            asleep: None,
            bytes_per_second,
            wake_at: None,
        });
        self.places.len() - 1
    }

    pub(super) fn honest(&self, device: usize) -> Option<&Device> {
        match &self.places[device].brain {
            Brain::Honest(honest) => Some(honest),
            Brain::Rogue(_) => None,
            Brain::Down => self.places[device].asleep.as_deref(),
        }
    }

    pub(super) fn at(&mut self, at: Instant, happening: Happening) {
        self.queue.insert((at, self.order), happening);
        self.order += 1;
    }

    fn after(&mut self, wait: Duration, happening: Happening) {
        self.at(self.now + wait, happening);
    }

    /// Lets the next thing happen. Returns false when nothing is left to happen.
    pub(super) fn step(&mut self) -> bool {
        let Some(((at, _), happening)) = self.queue.pop_first() else {
            return false;
        };
        assert!(at >= self.now, "time goes on");
        self.now = at;
        self.steps += 1;
        self.happen(happening);
        true
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Connected { link } => {
                self.end_input(link, 0, |conn| Input::Connected { conn })
            }
            Happening::Accepted { link } => self.accepted(link),
            Happening::DialFailed {
                device,
                life,
                conn,
                why,
            } => {
                if self.places[device].life == life {
                    self.input(device, Input::DialFailed { conn, why });
                }
            }
            Happening::Arrives { link, to, packet } => self.arrives(link, to, packet),
            Happening::BodySent { link, from } => {
                self.end_input(link, from, |conn| Input::BodySent { conn });
            }
            Happening::Progress { link, to, body } => {
                if self.links[link].ends[to].bodies == body {
                    let reading = self.reading(link, to);
                    if reading {
                        self.end_input(link, to, |conn| Input::BodyProgress { conn });
                    }
                }
            }
            Happening::PieceDone {
                device,
                life,
                input,
            } => {
                if self.places[device].life == life {
                    self.input(device, input);
                }
            }
            Happening::Wake { device, life } => {
                if self.places[device].life == life
                    && self.places[device].wake_at.is_some_and(|at| at <= self.now)
                {
                    self.places[device].wake_at = None;
                    self.input(device, Input::Timeout);
                }
            }
            Happening::Cut { link } => self.cut(link),
            Happening::Start { device } => self.start(device),
            Happening::Down { device } => self.down(device),
            Happening::Up { device } => self.up(device),
        }
    }

    fn reading(&self, link: usize, to: usize) -> bool {
        let end = &self.links[link].ends[to];
        match &self.places[end.device].brain {
            Brain::Honest(device) => device.is_reading(end.conn),
            Brain::Rogue(_) | Brain::Down => false,
        }
    }

    fn end_input(&mut self, link: usize, side: usize, input: impl FnOnce(ConnId) -> Input) {
        let end = &self.links[link].ends[side];
        let (device, conn) = (end.device, end.conn);
        if end.open && end.life == self.places[device].life {
            self.input(device, input(conn));
        }
    }

    /// Hands an input to a device and carries out what it wants.
    pub(super) fn input(&mut self, device: usize, input: Input) {
        if self.keep_log {
            writeln!(self.log, "{} {device} < {input:?}", self.now).unwrap();
        }
        let Brain::Honest(honest) = &mut self.places[device].brain else {
            return;
        };
        let outputs = honest.handle(self.now, input);
        let deadline = honest.engine.poll_timeout();
        for output in outputs {
            if self.keep_log {
                writeln!(self.log, "{} {device} > {output:?}", self.now).unwrap();
            }
            self.carry_out(device, output);
        }
        if let Some((at, why)) = deadline {
            assert!(at > self.now, "device {device} would spin at {at}: {why}");
            let place = &mut self.places[device];
            if place.wake_at.is_none_or(|wake| wake > at) {
                place.wake_at = Some(at);
                let life = place.life;
                self.at(at, Happening::Wake { device, life });
            }
        }
    }

    fn carry_out(&mut self, device: usize, output: Output) {
        match output {
            Output::Connect { conn, addr } => self.connect(device, conn, addr),
            Output::SendHandshake {
                conn, handshake, ..
            } => {
                self.transmit(device, conn, Packet::Handshake(handshake));
            }
            Output::Send { conn, head, body } => {
                assert_eq!(matches!(head, Head::Piece(_)), body.is_some());
                self.transmit(device, conn, Packet::Head(head, true));
            }
            Output::Close { conn, .. } => self.close(device, conn),
            Output::Receive { .. } | Output::Discard { .. } | Output::Abandon { .. } => {}
            Output::Event(_) => {}
        }
    }

    fn connect(&mut self, device: usize, conn: ConnId, addr: SocketAddr) {
        let life = self.places[device].life;
        let fails = self.dial_failures > 0 && self.rng.random_range(0..self.dial_failures) == 0;
        let target = self.places.iter().position(|place| place.addr == addr);
        let why = match target {
            None => Some(DialFailure::TimedOut),
            Some(target) if matches!(self.places[target].brain, Brain::Down) => {
                Some(DialFailure::Refused)
            }
            Some(_) if fails => Some(DialFailure::Unreachable),
            Some(_) => None,
        };
        if let Some(why) = why {
            let wait = if why == DialFailure::TimedOut {
                Duration::from_secs(3)
            } else {
                self.latency
            };
            return self.after(
                wait,
                Happening::DialFailed {
                    device,
                    life,
                    conn,
                    why,
                },
            );
        }
        let target = target.expect("the dial has a target");
        let end = |device: usize, life, conn| End {
            device,
            life,
            conn,
            open: true,
            free_at: Instant::default(),
            bodies: 0,
        };
        // The listening side's number is known once the connection arrives.
        let pending = ConnId::LAST;
        let ends = [
            end(device, life, conn),
            end(target, self.places[target].life, pending),
        ];
        let slower = self.places[device]
            .bytes_per_second
            .min(self.places[target].bytes_per_second);
        let link = self.links.len();
        let jitter = self.rng.random_range(50..150);
        self.links.push(Link {
            ends,
            latency: self.latency * jitter / 100,
            bytes_per_second: slower,
            cut: false,
        });
        let latency = self.links[link].latency;
        self.ends.insert((device, life, conn), (link, 0));
        self.after(latency, Happening::Accepted { link });
        self.after(2 * latency, Happening::Connected { link });
        if let Some(life) = self.link_life {
            let life = life * self.rng.random_range(1..200) / 100;
            self.after(life, Happening::Cut { link });
        }
    }

    fn accepted(&mut self, link: usize) {
        let target = self.links[link].ends[1].device;
        let remote = self.places[self.links[link].ends[0].device].addr;
        let life = self.places[target].life;
        if self.links[link].ends[1].life != life {
            return;
        }
        match &mut self.places[target].brain {
            Brain::Down => {}
            Brain::Honest(device) => {
                let conn = device.number_accepted();
                self.links[link].ends[1].conn = conn;
                self.ends.insert((target, life, conn), (link, 1));
                // A source port of its own, as the system would give it.
                let remote = (remote.ip(), 40_000 + (link % 20_000) as u16).into();
                self.input(target, Input::Accepted { conn, remote });
            }
            Brain::Rogue(_) => self.links[link].ends[1].conn = ConnId::accepted(link as u64),
        }
    }

    pub(super) fn transmit(&mut self, device: usize, conn: ConnId, packet: Packet) {
        let life = self.places[device].life;
        let Some(&(link, side)) = self.ends.get(&(device, life, conn)) else {
            panic!("device {device} sends over {conn}, which it does not have");
        };
        let Brain::Honest(honest) = &self.places[device].brain else {
            return;
        };
        let packet = match packet {
            Packet::Head(Head::Piece(block), _) if honest.corrupts(block.piece) => {
                Packet::Head(Head::Piece(block), false)
            }
            packet => packet,
        };
        self.send_over(link, side, packet);
    }

    /// Puts a packet on a link, behind what is on it already.
    pub(super) fn send_over(&mut self, link: usize, side: usize, packet: Packet) {
        let now = self.now;
        let l = &mut self.links[link];
        if !l.ends[side].open {
            return;
        }
        let body = match &packet {
            Packet::Head(head, _) => head.body_len(),
            Packet::Handshake(_) | Packet::Stalled(_) | Packet::BodyEnd | Packet::Closed { .. } => {
                0
            }
        };
        let stalled = matches!(packet, Packet::Stalled(_));
        let is_piece = matches!(packet, Packet::Head(Head::Piece(_), _));
        let end = &mut l.ends[side];
        let start = end.free_at.max(now);
        let takes = Duration::from_nanos(u64::from(body) * 1_000_000_000 / l.bytes_per_second);
        end.free_at = start + takes;
        let (left, latency) = (end.free_at, l.latency);
        if stalled {
            // Whatever follows would be a part of the body.
            end.free_at = Instant(u64::MAX / 2);
        }
        let to = 1 - side;
        self.at(start + latency, Happening::Arrives { link, to, packet });
        if body > 0 {
            self.at(
                left + latency,
                Happening::Arrives {
                    link,
                    to,
                    packet: Packet::BodyEnd,
                },
            );
        }
        if is_piece {
            self.at(left, Happening::BodySent { link, from: side });
        }
    }

    fn arrives(&mut self, link: usize, to: usize, packet: Packet) {
        let end = &self.links[link].ends[to];
        let (device, conn) = (end.device, end.conn);
        if !end.open || end.life != self.places[device].life || self.links[link].cut {
            return;
        }
        if let Brain::Rogue(rogue) = &mut self.places[device].brain {
            let said = rogue.hears(link, &packet);
            if let Packet::Closed { .. } = packet {
                self.links[link].ends[to].open = false;
            }
            for packet in said {
                self.send_over(link, to, packet);
            }
            return;
        }
        match packet {
            Packet::Handshake(handshake) => {
                self.input(device, Input::Handshake { conn, handshake })
            }
            Packet::Head(head, good) => {
                let body = head.body_len();
                self.expect_body(link, to, body);
                if let Brain::Honest(honest) = &mut self.places[device].brain {
                    honest.body_is(conn, good);
                }
                self.input(device, Input::Head { conn, head });
            }
            Packet::Stalled(head) => {
                if let Brain::Honest(honest) = &mut self.places[device].brain {
                    honest.body_is(conn, true);
                }
                self.input(device, Input::Head { conn, head });
            }
            Packet::BodyEnd => self.body_done(device, conn, BodyOutcome::Landed),
            Packet::Closed { reset } => {
                self.links[link].ends[to].open = false;
                if self.reading(link, to) {
                    self.body_done(device, conn, BodyOutcome::Short);
                }
                self.input(device, Input::Closed { conn, reset });
            }
        }
    }

    fn expect_body(&mut self, link: usize, to: usize, body: u32) {
        if body == 0 {
            return;
        }
        let l = &mut self.links[link];
        l.ends[to].bodies += 1;
        let (body_number, seconds) = (l.ends[to].bodies, u64::from(body) / l.bytes_per_second);
        for second in 1..=seconds {
            let wait = Duration::from_secs(second);
            self.after(
                wait,
                Happening::Progress {
                    link,
                    to,
                    body: body_number,
                },
            );
        }
    }

    fn body_done(&mut self, device: usize, conn: ConnId, outcome: BodyOutcome) {
        let Brain::Honest(honest) = &mut self.places[device].brain else {
            return;
        };
        let done = honest.body_done(conn, outcome);
        self.input(device, Input::BodyDone { conn, outcome });
        if let Some(input) = done {
            let wait = Duration::from_micros(self.rng.random_range(100..5_000));
            let life = self.places[device].life;
            self.after(
                wait,
                Happening::PieceDone {
                    device,
                    life,
                    input,
                },
            );
        }
    }

    fn close(&mut self, device: usize, conn: ConnId) {
        let life = self.places[device].life;
        let Some(&(link, side)) = self.ends.get(&(device, life, conn)) else {
            // A dial that already failed, or is refused before it began.
            return;
        };
        self.send_over(link, side, Packet::Closed { reset: false });
        self.links[link].ends[side].open = false;
    }

    fn cut(&mut self, link: usize) {
        if self.links[link].cut {
            return;
        }
        self.links[link].cut = true;
        for side in 0..2 {
            let end = &self.links[link].ends[side];
            let (device, conn) = (end.device, end.conn);
            if !end.open || end.life != self.places[device].life || conn == ConnId::LAST {
                continue;
            }
            self.links[link].ends[side].open = false;
            if self.reading(link, side) {
                self.body_done(device, conn, BodyOutcome::Short);
            }
            // The dialler may not know yet that it was connected.
            let dialling = match &self.places[device].brain {
                Brain::Honest(honest) => honest.is_dialling(conn),
                Brain::Rogue(_) | Brain::Down => false,
            };
            let input = if dialling {
                Input::DialFailed {
                    conn,
                    why: DialFailure::Other,
                }
            } else {
                Input::Closed { conn, reset: true }
            };
            self.input(device, input);
        }
    }

    fn down(&mut self, device: usize) {
        let place = &mut self.places[device];
        let Brain::Honest(honest) = std::mem::replace(&mut place.brain, Brain::Down) else {
            return;
        };
        place.asleep = Some(honest);
        place.life += 1;
        place.wake_at = None;
        for link in 0..self.links.len() {
            if self.links[link].ends.iter().any(|end| end.device == device) {
                self.cut(link);
            }
        }
    }

    fn up(&mut self, device: usize) {
        let Some(asleep) = self.places[device].asleep.take() else {
            return;
        };
        let (reborn, inputs) = asleep.restart();
        self.places[device].brain = Brain::Honest(Box::new(reborn));
        for input in inputs {
            self.input(device, input);
        }
    }
}
