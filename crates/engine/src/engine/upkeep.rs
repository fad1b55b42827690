//! What happens because time passed, and what is left to do behind every input.

use dolab_content::ContentId;
use dolab_wire::swarm::Head;

use super::Engine;
use crate::{CloseReason, ConnId, DialFailure, Event, Reason, timers::Timer};

impl Engine {
    /// Carries out what is due. Returns whether anything was.
    pub(super) fn expire(&mut self) -> bool {
        let mut any = false;
        while let Some((timer, reason)) = self.timers.expired(self.now) {
            any = true;
            match timer {
                Timer::Connection(conn) => self.expired(conn, reason),
                Timer::Rotation => self.review_slots(),
                Timer::Redial(content) | Timer::Starvation(content) => {
                    self.roused.insert(content);
                }
                Timer::Hybrid(content) => {
                    self.hybrids.insert(content);
                }
                Timer::Download(priority) => self.downloads_go_on(priority),
                Timer::Upload => self.uploads_go_on(),
                Timer::Lane => self.clear_lanes(),
            }
        }
        any
    }

    fn expired(&mut self, conn: ConnId, reason: Reason) {
        self.touched.insert(conn);
        match reason {
            Reason::KeepAlive => self.send(conn, Head::KeepAlive),
            Reason::Linger => self.close(conn, CloseReason::NothingToDo),
            Reason::Dial => self.close(conn, CloseReason::DialFailed(DialFailure::TimedOut)),
            Reason::Handshake
            | Reason::Idle
            | Reason::Request
            | Reason::Send
            | Reason::Choked
            | Reason::Rotation
            | Reason::Redial
            | Reason::Starvation
            | Reason::Http
            | Reason::Rate
            | Reason::Lane => self.close(conn, CloseReason::TimedOut(reason)),
        }
    }

    /// Brings everything that follows from what happened to an end.
    pub(super) fn settle(&mut self) {
        loop {
            self.serve();
            while let Some(content) = self.roused.pop_first() {
                self.look_after(content);
            }
            if !self.settle_http() {
                break;
            }
        }
        self.fill_lanes();
        self.rearm();
        self.time_slots();
    }

    /// Sets the deadlines of all connections on which something happened.
    pub(super) fn rearm(&mut self) {
        while let Some(conn) = self.touched.pop_first() {
            let Some(connection) = self.connections.get_mut(&conn) else {
                continue;
            };
            let exchange = connection.exchange();
            let swarm = exchange.and_then(|x| self.swarms.get(&x.joined.content));
            let finished = exchange.zip(swarm).is_some_and(|(exchange, swarm)| {
                swarm.have.is_full() && (exchange.theirs.is_full() || !swarm.share)
            });
            let linger = if finished {
                self.config.linger
            } else {
                self.config.idle_linger
            };
            let deadline = connection.deadline(self.now, &self.config, linger);
            self.timers.set(Timer::Connection(conn), deadline);
        }
    }

    /// Dials whoever may be dialled for a content, and says when nobody is left.
    fn look_after(&mut self, content: ContentId) {
        let fetches = self
            .swarms
            .get(&content)
            .is_some_and(|swarm| swarm.fetches());
        if self.stopped || !fetches {
            self.timers.set(Timer::Redial(content), None);
            self.timers.set(Timer::Starvation(content), None);
            return;
        }
        let redial = self.dial_due(content).map(|at| (at, Reason::Redial));
        self.timers.set(Timer::Redial(content), redial);
        self.notice_starvation(content);
    }

    /// Dials the candidates that are due. Returns when the next one is.
    fn dial_due(&mut self, content: ContentId) -> Option<crate::Instant> {
        loop {
            let room = self.has_room();
            let swarm = self.swarms.get_mut(&content)?;
            let (at, addr, peer) = swarm.candidates.next()?;
            if at > self.now {
                return Some(at);
            }
            let connected = peer.is_some_and(|peer| swarm.connections_to(peer).next().is_some());
            if let Some(until) = self.bans.address(self.now, addr.ip()) {
                swarm.candidates.excuse(addr, CloseReason::Banned);
                swarm.candidates.wait(addr, until);
            } else if connected {
                swarm
                    .candidates
                    .wait(addr, self.now + self.config.redial_longest);
            } else if !room {
                let full = CloseReason::TooManyConnections;
                swarm.candidates.excuse(addr, full);
                self.waiting_for_room.insert(content);
                return None;
            } else if self.addresses.is_full(addr) {
                let full = CloseReason::TooManyConnections;
                swarm.candidates.excuse(addr, full);
                swarm
                    .candidates
                    .wait(addr, self.now + self.config.redial_first);
            } else {
                swarm.candidates.begin(addr);
                self.dial(content, addr, true);
            }
        }
    }

    fn notice_starvation(&mut self, content: ContentId) {
        let patience = self.config.starved_after;
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        let soon = swarm
            .candidates
            .next()
            .is_some_and(|(at, ..)| at <= self.now + patience);
        let mut wait = None;
        if !swarm.starved && !soon && swarm.connections.is_empty() {
            let at = swarm.added + patience;
            if at > self.now {
                wait = Some((at, Reason::Starvation));
            } else {
                swarm.starved = true;
                if swarm.hybrid.is_some() {
                    // HTTP goes on by itself, or ends it.
                    self.rouse_http(content);
                } else {
                    let missing = swarm.layout.pieces() - swarm.have.count();
                    self.event(Event::Starved { content, missing });
                }
            }
        }
        self.timers.set(Timer::Starvation(content), wait);
    }
}
