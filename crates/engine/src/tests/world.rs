//! A network on a virtual clock: devices, links with latency and rate, and what is on its way.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use dolab_wire::swarm::{Handshake, Head};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{device::Device, port::Port, rogue::Rogue};
use crate::{ConnId, DialFailure, Input, Instant, Output};

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
    SendProgress {
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
    /// A device's own link has sent a part of what waits for it.
    PartSent {
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
    pub(super) free_at: Instant,
    /// Bodies that have begun to arrive here, so that old news of them can be told.
    pub(super) bodies: u64,
    /// What waits behind a body that is being sent from here, where devices have links of their
    /// own.
    pub(super) line: VecDeque<Packet>,
    pub(super) sending: bool,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) ends: [End; 2],
    pub(super) latency: Duration,
    pub(super) bytes_per_second: u64,
    pub(super) cut: bool,
}

pub(super) enum Brain {
    Honest(Box<Device>),
    Rogue(Box<Rogue>),
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
    /// The link that all connections of this device share; without one, each connection has what
    /// the slower of the two devices has.
    pub(super) port: Option<Port>,
    wake_at: Option<Instant>,
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) rng: ChaCha8Rng,
    queue: BTreeMap<(Instant, u64), Happening>,
    order: u64,
    pub(super) places: Vec<Place>,
    pub(super) links: Vec<Link>,
    pub(super) ends: BTreeMap<(usize, u32, ConnId), (usize, usize)>,
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
            port: None,
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

    pub(super) fn after(&mut self, wait: Duration, happening: Happening) {
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
            Happening::SendProgress { link, from } => {
                self.end_input(link, from, |conn| Input::SendProgress { conn });
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
            Happening::PartSent { device } => self.part_sent(device),
        }
    }

    pub(super) fn end_input(
        &mut self,
        link: usize,
        side: usize,
        input: impl FnOnce(ConnId) -> Input,
    ) {
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
            // Devices of this world know no servers.
            Output::FetchOrigin { .. }
            | Output::KeepOrigin { .. }
            | Output::SkipOrigin { .. }
            | Output::CancelOrigin { .. } => panic!("nobody has HTTP sources"),
            Output::Event(_) => {}
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
