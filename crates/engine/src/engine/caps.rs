//! What binds the device, and whom it binds.

use std::net::SocketAddr;

use dolab_content::ContentId;
use dolab_wire::{PeerType, Priority};

use super::Engine;
use crate::{ConnId, Event, Limits};

impl Engine {
    /// Takes new limits, and lets everybody go on as far as they allow.
    pub(super) fn limit(&mut self, limits: &Limits) {
        self.caps.set(self.now, limits);
        self.downloads_go_on(Priority::Foreground);
        self.downloads_go_on(Priority::Background);
        self.uploads_go_on();
        self.review_service();
        let contents: Vec<ContentId> = self.swarms.keys().copied().collect();
        for content in contents {
            self.rouse_http(content);
        }
    }

    /// Lets those look again who wait for the cap on downloads of a priority.
    pub(super) fn downloads_go_on(&mut self, priority: Priority) {
        for conn in self.caps.download(priority).wake() {
            self.grow_hungry(conn);
        }
    }

    /// Lets those look again who wait for the cap on uploads.
    pub(super) fn uploads_go_on(&mut self) {
        for conn in self.caps.upload.wake() {
            self.hand_over(conn);
        }
    }

    /// The bytes that might go to Internet peers are used up.
    pub(super) fn end_internet_uploads(&mut self) {
        self.event(Event::InternetUploadsEnded);
        self.review_service();
    }

    /// Turns away whom nothing may be sent to, and lets in line who may have something again.
    fn review_service(&mut self) {
        let wanting = self.connections.iter().filter_map(|(conn, connection)| {
            let exchange = connection.exchange().filter(|exchange| exchange.wants)?;
            Some((conn, connection.kind, exchange.joined.content))
        });
        let wanting: Vec<(ConnId, PeerType, ContentId)> = wanting.collect();
        for (conn, kind, content) in wanting {
            if self.caps.may_serve(kind) {
                self.admit(conn, content);
            } else {
                self.leave_uploads(conn, content);
                self.choke(conn);
            }
        }
    }

    /// What a connection's peer counts as.
    pub(super) fn kind(&self, conn: ConnId) -> PeerType {
        self.connections
            .get(&conn)
            .map_or(PeerType::None, |connection| connection.kind)
    }

    /// What a peer counts as that is dialled.
    pub(super) fn kind_of(&self, content: ContentId, addr: SocketAddr) -> PeerType {
        let Some(swarm) = self.swarms.get(&content) else {
            return PeerType::None;
        };
        let known = |kind: PeerType| Some(kind).filter(|&kind| kind != PeerType::None);
        let candidates = &swarm.candidates;
        let offered = known(candidates.kind(addr)).or_else(|| known(candidates.kind_at(addr.ip())));
        match offered {
            None => self.subnets.unoffered(addr.ip(), swarm.rules.strangers),
            Some(kind) => self.subnets.offered(addr.ip(), kind),
        }
    }

    /// What the peer of an accepted connection counts as, once its content is known.
    pub(super) fn kind_of_stranger(&self, conn: ConnId, content: ContentId) -> PeerType {
        self.connections
            .get(&conn)
            .map_or(PeerType::None, |it| self.kind_of(content, it.remote))
    }
}
