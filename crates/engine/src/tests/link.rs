//! What links do: connect, carry, close, break.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use dolab_wire::swarm::Head;
use rand::RngExt;

use super::world::{Brain, End, Happening, Link, Packet, World};
use crate::{BodyOutcome, ConnId, DialFailure, Input, Instant};

impl World {
    pub(super) fn connect(&mut self, device: usize, conn: ConnId, addr: SocketAddr) {
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
            line: VecDeque::new(),
            sending: false,
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

    pub(super) fn accepted(&mut self, link: usize) {
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
        if self.places[l.ends[side].device].port.is_some() {
            l.ends[side].line.push_back(packet);
            return self.send_on(link, side);
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
            for second in 1..=takes.as_secs() {
                let at = start + Duration::from_secs(second);
                if at < left {
                    self.at(at, Happening::SendProgress { link, from: side });
                }
            }
            self.at(left, Happening::BodySent { link, from: side });
        }
    }

    pub(super) fn arrives(&mut self, link: usize, to: usize, packet: Packet) {
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

    pub(super) fn close(&mut self, device: usize, conn: ConnId) {
        let life = self.places[device].life;
        let Some(&(link, side)) = self.ends.get(&(device, life, conn)) else {
            // A dial that already failed, or is refused before it began.
            return;
        };
        self.send_over(link, side, Packet::Closed { reset: false });
        self.links[link].ends[side].open = false;
    }

    pub(super) fn cut(&mut self, link: usize) {
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

    pub(super) fn reading(&self, link: usize, to: usize) -> bool {
        let end = &self.links[link].ends[to];
        match &self.places[end.device].brain {
            Brain::Honest(device) => device.is_reading(end.conn),
            Brain::Rogue(_) | Brain::Down => false,
        }
    }
}
