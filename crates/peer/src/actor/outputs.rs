//! What the engine says is to be done.

use std::net::SocketAddr;
use std::sync::{Arc, atomic::Ordering};

use dolab_content::PieceRange;
use dolab_engine::{CloseReason, ConnId, DialFailure, Event as Exchange, Input, Output};
use dolab_wire::swarm::Head;
use tokio::sync::mpsc;
use tracing::{debug, info};

use super::{Actor, Dial};
use crate::{
    Event, Stream, TransferError,
    conn::Order,
    net::{self, is_near},
    origin::Verdict,
    shared::{Content, Report},
};

impl Actor {
    pub(super) fn carry_out(&mut self, output: Output) {
        match output {
            Output::Connect { conn, addr } => self.dial(conn, addr),
            Output::SendHandshake {
                conn,
                handshake,
                content,
            } => {
                let (Some(link), Some(content)) =
                    (self.links.get(&conn), self.contents.get(&content))
                else {
                    return;
                };
                drop(link.content.set(content.clone()));
                link.outbox.handshake(&handshake);
                self.order(conn, Order::Begin(content.clone()));
            }
            Output::Send { conn, head, body } => self.send(conn, &head, body),
            Output::Receive { conn, range } => self.order(conn, Order::Receive(range)),
            Output::Discard { conn, .. } => self.order(conn, Order::Discard),
            Output::Abandon { conn, piece, .. } => self.order(conn, Order::Abandon(piece)),
            Output::Close { conn, why } => self.close(conn, &why),
            Output::FetchOrigin {
                fetch,
                content,
                source,
                pieces,
                ranged,
            } => self.fetch_origin(fetch, content, source, pieces, ranged),
            Output::KeepOrigin { fetch, piece } => self.verdict(fetch, Verdict::Keep(piece)),
            Output::SkipOrigin { fetch, piece } => self.verdict(fetch, Verdict::Skip(piece)),
            Output::CancelOrigin { fetch } => self.cancel_origin(fetch),
            Output::Event(event) => self.happened(event),
        }
    }

    fn dial(&mut self, conn: ConnId, addr: SocketAddr) {
        if let Some((_, stream)) = self.adopted.take_if(|(adopted, _)| *adopted == addr) {
            self.link(conn, stream, addr);
            self.pending.push_back(Input::Connected { conn });
            return;
        }
        if !self.tools.allow_public && !is_near(addr.ip()) {
            self.tools
                .counters
                .refused_public
                .fetch_add(1, Ordering::Relaxed);
            info!(target: "dolab_peer", %addr, "not dialled: a public address (--allow-public would let it)");
            self.tell(Event::RefusedPublic { addr });
            self.pending.push_back(Input::DialFailed {
                conn,
                why: DialFailure::Forbidden,
            });
            return;
        }
        let (reports, sockets) = (self.tools.reports.clone(), self.tools.sockets.clone());
        let limit = self.tools.dial_timeout;
        let task = self.tasks.spawn(async move {
            let result = net::dial(addr, limit, &sockets)
                .await
                .map(Stream::from)
                .map_err(|(why, error)| {
                    debug!(target: "dolab_peer", %addr, %error, "can not connect");
                    why
                });
            reports.send(Report::Dialled { conn, result }).await;
        });
        self.dials.insert(
            conn,
            Dial {
                addr,
                task: task.abort_handle(),
            },
        );
    }

    fn order(&mut self, conn: ConnId, order: Order) {
        let Some(link) = self.links.get(&conn) else {
            return;
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = link.orders.try_send(order) {
            self.overflow(conn, "too many orders wait for it");
        }
    }

    fn send(&mut self, conn: ConnId, head: &Head, body: Option<PieceRange>) {
        let Some(link) = self.links.get(&conn) else {
            return;
        };
        if let Head::Request(block) = head
            && block.offset == 0
            && let Some(probe) = link
                .content
                .get()
                .and_then(|it| it.measurement.probe.as_ref())
        {
            probe.requested(block.piece);
        }
        let put = match body {
            Some(range) => link.outbox.body(head, range),
            None => link.outbox.message(head),
        };
        if put.is_err() {
            self.overflow(conn, "it reads too little of what is due to it");
        }
    }

    fn overflow(&mut self, conn: ConnId, why: &'static str) {
        let Some(link) = self.links.remove(&conn) else {
            return;
        };
        link.task.abort();
        self.tools
            .counters
            .overflowed
            .fetch_add(1, Ordering::Relaxed);
        info!(target: "dolab_peer", %conn, remote = %link.remote, why, "connection given up");
        self.pending.push_back(Input::Closed { conn, reset: true });
    }

    fn close(&mut self, conn: ConnId, why: &CloseReason) {
        debug!(target: "dolab_peer", %conn, %why, "closing");
        if let Some(dial) = self.dials.remove(&conn) {
            dial.task.abort();
        }
        if let Some(link) = self.links.remove(&conn) {
            link.outbox.close();
            self.ending.retain(|task| !task.is_finished());
            self.ending.push(link.task);
        }
    }

    fn happened(&mut self, event: Exchange) {
        let tally = |content| {
            self.contents
                .get(content)
                .and_then(|it: &Arc<Content>| it.tally.as_ref())
        };
        let peer = |conn| self.links.get(conn).and_then(|link| link.peer);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "events may be added, and are passed on"
        )]
        match &event {
            Exchange::PieceStored {
                content,
                piece,
                conn,
                remote,
                kind,
                took,
            } => {
                if let Some(tally) = tally(content) {
                    tally.stored(*piece, *remote, peer(conn), *kind, *took);
                }
                let content = self.contents.get(content);
                if let Some(probe) = content.and_then(|it| it.measurement.probe.as_ref()) {
                    probe.kept(*piece);
                }
            }
            Exchange::PieceBad {
                content,
                piece,
                conn,
                remote,
                kind,
                banned,
            } => {
                info!(target: "dolab_peer", %content, piece, %remote, banned, "a piece failed its hash");
                if let Some(tally) = tally(content) {
                    tally.bad(*remote, peer(conn), *kind);
                }
            }
            Exchange::Completed { content } => {
                if let Some(tally) = tally(content) {
                    self.sum_up(tally, content);
                    tally.end(Ok(()));
                }
            }
            Exchange::GaveUp {
                content,
                why,
                missing,
            } => {
                info!(target: "dolab_peer", %content, %why, missing, code = ?why.do_code(), "a download was given up");
                if let Some(tally) = tally(content) {
                    self.sum_up(tally, content);
                    tally.end(Err(TransferError::GaveUp {
                        why: *why,
                        missing: *missing,
                    }));
                }
            }
            Exchange::PeerLeft {
                conn, remote, why, ..
            } => {
                if matches!(why, CloseReason::UnknownSwarm) {
                    self.tools
                        .counters
                        .unknown_swarms
                        .fetch_add(1, Ordering::Relaxed);
                }
                info!(target: "dolab_peer", %conn, %remote, %why, code = ?why.do_code(), "peer left");
            }
            Exchange::PeerJoined {
                conn,
                remote,
                content,
                peer,
            } => {
                info!(target: "dolab_peer", %conn, %remote, %content, %peer, "peer joined");
            }
            _ => {}
        }
        self.tell(Event::Exchange(event));
    }

    pub(super) fn tell(&self, event: Event) {
        // Nobody may be listening.
        drop(self.tools.events.send(event));
    }
}
