//! Links of devices, as against those between two of them: what a device sends over all its
//! connections shares one, in turns of a part each, and what comes to it queues for another.

use std::{collections::VecDeque, time::Duration};

use super::world::{Happening, Packet, World};
use crate::{Input, Instant};

/// Bytes of one turn.
const PART: u32 = 32 << 10;

/// A device's own link.
#[derive(Debug)]
pub(super) struct Port {
    up: u64,
    down: u64,
    /// Bodies that are being sent: over which link from which side, and how much of each is left.
    bodies: VecDeque<(usize, usize, u32)>,
    busy: bool,
    /// When everything that has come so far has passed the way down.
    down_free: Instant,
    pub(super) bytes_sent: u64,
}

impl Port {
    /// Rates in bytes per second.
    pub(super) fn new(up: u64, down: u64) -> Self {
        Self {
            up,
            down,
            bodies: VecDeque::new(),
            busy: false,
            down_free: Instant::default(),
            bytes_sent: 0,
        }
    }
}

fn time(bytes: u32, rate: u64) -> Duration {
    Duration::from_nanos(u64::from(bytes) * 1_000_000_000 / rate)
}

impl World {
    /// Sends what waits on one end of a link, up to and with the next body.
    pub(super) fn send_on(&mut self, link: usize, side: usize) {
        let now = self.now;
        while !self.links[link].ends[side].sending {
            let l = &mut self.links[link];
            let Some(packet) = l.ends[side].line.pop_front() else {
                return;
            };
            let body = match &packet {
                Packet::Head(head, _) => head.body_len(),
                Packet::Handshake(_)
                | Packet::Stalled(_)
                | Packet::BodyEnd
                | Packet::Closed { .. } => 0,
            };
            let at = (now + l.latency).max(l.ends[side].free_at);
            l.ends[side].free_at = at;
            l.ends[side].sending = body > 0;
            let (device, to) = (l.ends[side].device, 1 - side);
            self.at(at, Happening::Arrives { link, to, packet });
            let port = self.places[device].port.as_mut();
            if let Some(port) = port.filter(|_| body > 0) {
                port.bodies.push_back((link, side, body));
                self.send_part(device);
            }
        }
    }

    fn send_part(&mut self, device: usize) {
        let Some(port) = &mut self.places[device].port else {
            return;
        };
        let Some(&(_, _, left)) = port.bodies.front().filter(|_| !port.busy) else {
            return;
        };
        port.busy = true;
        let wait = time(left.min(PART), port.up);
        self.after(wait, Happening::PartSent { device });
    }

    pub(super) fn part_sent(&mut self, device: usize) {
        let now = self.now;
        let Some(port) = &mut self.places[device].port else {
            return;
        };
        port.busy = false;
        let Some((link, side, left)) = port.bodies.pop_front() else {
            return;
        };
        let part = left.min(PART);
        port.bytes_sent += u64::from(part);
        if left > part {
            port.bodies.push_back((link, side, left - part));
        }
        let to = 1 - side;
        let l = &mut self.links[link];
        let receiver = l.ends[to].device;
        let mut at = now + l.latency;
        if let Some(port) = &mut self.places[receiver].port {
            at = at.max(port.down_free) + time(part, port.down);
            port.down_free = at;
        }
        if left == part {
            l.ends[side].free_at = at;
            l.ends[side].sending = false;
            let packet = Packet::BodyEnd;
            self.at(at, Happening::Arrives { link, to, packet });
            self.end_input(link, side, |conn| Input::BodySent { conn });
            self.send_on(link, side);
        }
        self.send_part(device);
    }
}
