//! From a new connection to two exchanged handshakes.

use std::{net::SocketAddr, time::Duration};

use dolab_content::ContentId;
use dolab_wire::{
    PeerType,
    swarm::{Handshake, Head, PeerId},
};

use super::Engine;
use crate::{
    CloseReason, ConnId, Event, Initiator, Misuse, Output, PeerViolation,
    connection::Connection,
    session::{Joined, Session},
};

/// How long a connection stands when a second one with the same peer can not have been dialled at
/// the same time any more. A candidate that refused, because it was not up yet, is dialled again
/// after a second, and has dialled us by then.
const SETTLED: Duration = Duration::from_millis(500);

impl Engine {
    pub(super) fn accepted(&mut self, conn: ConnId, remote: SocketAddr) -> Result<(), Misuse> {
        if conn.initiator() == Initiator::Local || conn.number() < self.next_accepted {
            return Err(Misuse::ConnectionReused(conn));
        }
        self.next_accepted = conn.number() + 1;
        self.counters.accepted += 1;
        match self.may_connect(remote) {
            Ok(()) => self.insert(conn, Connection::new(self.now, remote, Session::Awaiting)),
            Err(why) => {
                self.outputs.push_back(Output::Close {
                    conn,
                    why: why.clone(),
                });
                self.never_joined(conn, None, remote, why);
            }
        }
        Ok(())
    }

    /// Says that a connection ended before it began.
    pub(super) fn never_joined(
        &mut self,
        conn: ConnId,
        content: Option<ContentId>,
        remote: SocketAddr,
        why: CloseReason,
    ) {
        let (bytes_down, bytes_up) = (0, 0);
        self.event(Event::PeerLeft {
            conn,
            content,
            remote,
            bytes_down,
            bytes_up,
            why,
        });
    }

    /// Whether a connection with this address is allowed now; counted when it is not.
    pub(super) fn may_connect(&mut self, remote: SocketAddr) -> Result<(), CloseReason> {
        if self.stopped {
            return Err(CloseReason::Stopped);
        }
        if self.bans.address(self.now, remote.ip()).is_some() {
            self.counters.banned += 1;
            return Err(CloseReason::Banned);
        }
        if !self.has_room() || self.addresses.is_full(remote) {
            self.counters.refused += 1;
            return Err(CloseReason::TooManyConnections);
        }
        Ok(())
    }

    pub(super) fn has_room(&self) -> bool {
        self.connections.len() < self.config.max_connections
    }

    pub(super) fn insert(&mut self, conn: ConnId, connection: Connection) {
        self.addresses.add(connection.remote);
        self.connections.insert(conn, connection);
        self.touched.insert(conn);
    }

    /// The dialling side shakes hands first (observed).
    pub(super) fn connected(&mut self, conn: ConnId) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        if let Session::Dialling { content } = connection.session {
            connection.session = Session::Greeting { content };
            connection.clock.began = now;
            self.send_handshake(conn, content);
        }
    }

    pub(super) fn handshake(&mut self, conn: ConnId, handshake: Handshake) {
        let content = ContentId(handshake.swarm.0);
        let greeted = self
            .connections
            .get(&conn)
            .and_then(|c| c.session.content());
        if greeted.is_some_and(|greeted| greeted != content) {
            return self.close(conn, PeerViolation::WrongSwarm(handshake.swarm).into());
        }
        if self.bans.peer(self.now, handshake.peer).is_some() {
            return self.close(conn, CloseReason::Banned);
        }
        let swarm = self.swarms.get(&content).filter(|it| it.rules.peers);
        let Some(swarm) = swarm else {
            // Silence (observed): an answer would say which contents are here.
            return self.close(conn, CloseReason::UnknownSwarm);
        };
        let ours = swarm.layout.piece_size();
        // The answer comes even when the connection ends right behind it: so the other side, too,
        // learns who it reached and can tell why.
        if greeted.is_none() {
            self.send_handshake(conn, content);
        }
        if handshake.peer == self.me {
            return self.close(conn, CloseReason::SelfConnection);
        }
        if handshake.piece_size != u64::from(ours) {
            let theirs = handshake.piece_size;
            return self.close(conn, CloseReason::PieceSize { ours, theirs });
        }
        self.know_candidate(conn, content, handshake.peer);
        match self.surplus(conn, content, handshake.peer) {
            Some(surplus) if surplus == conn => self.close(conn, CloseReason::Duplicate),
            Some(surplus) => {
                self.close(surplus, CloseReason::Duplicate);
                self.join(
                    conn,
                    Joined {
                        content,
                        peer: handshake.peer,
                    },
                );
            }
            None => self.join(
                conn,
                Joined {
                    content,
                    peer: handshake.peer,
                },
            ),
        }
    }

    fn send_handshake(&mut self, conn: ConnId, content: ContentId) {
        if let Some(swarm) = self.swarms.get(&content) {
            let handshake = swarm.handshake(content, self.me);
            self.outputs.push_back(Output::SendHandshake {
                conn,
                handshake,
                content,
            });
        }
    }

    fn know_candidate(&mut self, conn: ConnId, content: ContentId, peer: PeerId) {
        let connection = self
            .connections
            .get(&conn)
            .filter(|connection| connection.candidate);
        if let (Some(connection), Some(swarm)) = (connection, self.swarms.get_mut(&content)) {
            swarm.candidates.answered(connection.remote, peer);
        }
    }

    /// Which of two connections with one peer for one content has to go. Both sides come to the
    /// same: of two that were dialled at the same time, the one that the peer with the lower id
    /// dialled stays; one that is [`SETTLED`] stays, or what is under way over it would be lost.
    /// When one side dialled both, that side closes the newer.
    fn surplus(&self, new: ConnId, content: ContentId, peer: PeerId) -> Option<ConnId> {
        let keep = if self.me < peer {
            Initiator::Local
        } else {
            Initiator::Remote
        };
        let swarm = self.swarms.get(&content)?;
        swarm
            .connections_to(peer)
            .find_map(|old| match (old.initiator(), new.initiator()) {
                (Initiator::Local, Initiator::Local) => Some(new),
                (Initiator::Remote, Initiator::Remote) => None,
                (old_side, _) => {
                    let stays = old_side == keep || self.is_settled(old);
                    Some(if stays { new } else { old })
                }
            })
    }

    fn is_settled(&self, conn: ConnId) -> bool {
        let connection = self.connections.get(&conn);
        connection.is_some_and(|it| self.now.since(it.clock.began) >= SETTLED)
    }

    /// Both handshakes are exchanged: ours is the next word, too (observed: both sides send their
    /// bitfield unasked).
    fn join(&mut self, conn: ConnId, joined: Joined) {
        let Joined { content, peer } = joined;
        let kind = self.kind_of_stranger(conn, content);
        let (Some(connection), Some(swarm)) = (
            self.connections.get_mut(&conn),
            self.swarms.get_mut(&content),
        ) else {
            return;
        };
        connection.session = Session::Mapping(joined);
        connection.clock.joined = self.now;
        connection.clock.received = self.now;
        let remote = connection.remote;
        if connection.kind == PeerType::None {
            connection.kind = kind;
        }
        swarm.connections.insert(conn);
        swarm.peers.insert((peer, conn));
        swarm.starved = false;
        self.roused.insert(content);
        let bitfield = Head::Bitfield(swarm.offered().as_bytes().to_vec().into());
        self.event(Event::PeerJoined {
            conn,
            content,
            peer,
            remote,
        });
        self.send(conn, bitfield);
    }
}
