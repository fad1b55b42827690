//! What the user wants.

use std::{collections::BTreeSet, net::SocketAddr};

use dolab_content::{ContentId, Layout, PieceMap};
use dolab_wire::{PeerType, Priority};
use rand::Rng;

use super::Engine;
use crate::{
    CloseReason, Command, ConnId, Misuse, Output, Rules, Traffic, candidates::Candidates,
    connection::Connection, picker::Picker, session::Session, slots::Round, swarm::Swarm,
    timers::Timer,
};

impl Engine {
    pub(super) fn command(&mut self, command: Command) -> Result<(), Misuse> {
        if self.stopped {
            return Ok(());
        }
        match command {
            Command::Add {
                content,
                layout,
                have,
                share,
            } => self.add(content, layout, have, share),
            Command::Remove { content } => self.remove(content),
            Command::Candidate {
                content,
                addr,
                kind,
            } => {
                let swarm = self.swarm_mut(content)?;
                if swarm.fetches() && swarm.rules.peers {
                    self.offer(content, addr, kind);
                }
                Ok(())
            }
            Command::Sources {
                content,
                sources,
                rules,
            } => self.mix(content, sources, rules),
            Command::Limits(limits) => {
                self.limit(&limits);
                Ok(())
            }
            Command::Subnets(subnets) => {
                self.subnets.set(subnets);
                Ok(())
            }
            Command::Dial { content, addr } => {
                self.swarm_mut(content)?;
                self.dial_once(content, addr);
                Ok(())
            }
            Command::Stop => {
                self.stop();
                Ok(())
            }
        }
    }

    pub(super) fn swarm_mut(&mut self, content: ContentId) -> Result<&mut Swarm, Misuse> {
        self.swarms
            .get_mut(&content)
            .ok_or(Misuse::UnknownContent(content))
    }

    fn add(
        &mut self,
        content: ContentId,
        layout: Layout,
        have: PieceMap,
        share: bool,
    ) -> Result<(), Misuse> {
        if self.swarms.contains_key(&content) {
            return Err(Misuse::AlreadyAdded(content));
        }
        if have.pieces() != layout.pieces() {
            return Err(Misuse::MapMismatch {
                map: have.pieces(),
                layout: layout.pieces(),
            });
        }
        let picker = (!have.is_full()).then(|| Picker::new(&have, &mut self.rng));
        let swarm = Swarm {
            layout,
            have,
            share,
            withdrawn: BTreeSet::new(),
            picker,
            failed: false,
            candidates: Candidates::default(),
            connections: BTreeSet::new(),
            peers: BTreeSet::new(),
            uploads: Round::new(self.config.unchoked_per_content),
            added: self.now,
            starved: false,
            rules: Rules::new(Priority::Foreground),
            hybrid: None,
            deliverers: 0,
            traffic: Traffic::default(),
            copies_sent: Vec::new(),
        };
        self.swarms.insert(content, swarm);
        self.roused.insert(content);
        Ok(())
    }

    fn remove(&mut self, content: ContentId) -> Result<(), Misuse> {
        let connections = self.swarm_mut(content)?.connections.clone();
        // First, so that the end of one connection makes no other ask for its pieces.
        self.swarm_mut(content)?.picker = None;
        self.end_fetches(content);
        for conn in connections {
            self.close(conn, CloseReason::Stopped);
        }
        for ((_, of, _), verifying) in &mut self.verifying {
            verifying.orphaned |= *of == content;
        }
        self.swarms.remove(&content);
        self.waiting_for_room.remove(&content);
        self.timers.set(Timer::Redial(content), None);
        self.timers.set(Timer::Starvation(content), None);
        self.timers.set(Timer::Hybrid(content), None);
        Ok(())
    }

    fn offer(&mut self, content: ContentId, addr: SocketAddr, kind: PeerType) {
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        if swarm.candidates.offer(self.now, addr, kind, &self.config) {
            swarm.starved = false;
            self.roused.insert(content);
        }
    }

    fn dial_once(&mut self, content: ContentId, addr: SocketAddr) {
        let peers = self
            .swarms
            .get(&content)
            .is_some_and(|swarm| swarm.rules.peers);
        let allowed = self.may_connect(addr);
        let allowed = allowed.and_then(|()| peers.then_some(()).ok_or(CloseReason::NoPeers));
        if let Err(why) = allowed {
            let conn = self.number_dial();
            self.never_joined(conn, Some(content), addr, why);
            return;
        }
        self.dial(content, addr, false);
    }

    /// Asks for a connection. There has to be room for it.
    pub(super) fn dial(&mut self, content: ContentId, addr: SocketAddr, candidate: bool) {
        let conn = self.number_dial();
        let session = Session::Dialling { content };
        let mut connection = Connection::new(self.now, addr, session);
        connection.candidate = candidate;
        connection.kind = self.kind_of(content, addr);
        self.insert(conn, connection);
        if let Some(swarm) = self.swarms.get_mut(&content) {
            swarm.connections.insert(conn);
        }
        self.counters.dialled += 1;
        self.outputs.push_back(Output::Connect { conn, addr });
    }

    fn number_dial(&mut self) -> ConnId {
        let conn = ConnId::dialled(self.next_dialled);
        self.next_dialled += 1;
        conn
    }

    fn stop(&mut self) {
        self.stopped = true;
        let connections: Vec<ConnId> = self.connections.keys().collect();
        for conn in connections {
            self.close(conn, CloseReason::Stopped);
        }
        let contents: Vec<ContentId> = self.swarms.keys().copied().collect();
        for content in contents {
            self.end_fetches(content);
            self.hybrids.insert(content);
        }
        self.roused.extend(self.swarms.keys());
    }

    pub(super) fn ticket(&mut self) -> u64 {
        self.rng.next_u64()
    }
}
