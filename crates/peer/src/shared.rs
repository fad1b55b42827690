//! What the tasks and threads of a peer share.

use std::{net::SocketAddr, sync::Arc};

use dolab_content::{ContentId, Layout, PiecesHashFile, Sink, Source, StoreError};
use dolab_engine::{ConnId, DialFailure, Input, PieceOutcome, Rules};
use dolab_wire::{WireError, swarm::Handshake};
use tokio::sync::mpsc;

use crate::{
    Measurement, Stream,
    data::{Lane, PieceName, Whole},
    origin::Target,
    throttle::Throttle,
    transfer::Tally,
};

/// A content that the user named.
pub(crate) struct Content {
    pub(crate) id: ContentId,
    pub(crate) name: String,
    pub(crate) layout: Layout,
    pub(crate) hashes: Arc<PiecesHashFile>,
    pub(crate) source: Option<Arc<dyn Source>>,
    /// Where its pieces go, when it is being fetched.
    lane: Option<Lane>,
    pub(crate) tally: Option<Arc<Tally>>,
    /// How it is measured, in a benchmark.
    pub(crate) measurement: Measurement,
    /// What its connections share their rate by, when it is fetched in the background.
    pub(crate) throttle: Option<Arc<Throttle>>,
    /// Where else it may be had, and by which rules.
    pub(crate) targets: Vec<Target>,
    pub(crate) rules: Option<Rules>,
}

impl Content {
    pub(crate) fn new(
        name: String,
        hashes: Arc<PiecesHashFile>,
        source: Option<Arc<dyn Source>>,
        sink: Option<Arc<dyn Sink>>,
        tally: Option<Arc<Tally>>,
    ) -> Self {
        let (id, layout) = (hashes.id(), hashes.layout());
        Self {
            id,
            name,
            layout,
            hashes,
            source,
            lane: sink.map(Lane::new),
            tally,
            measurement: Measurement::default(),
            throttle: None,
            targets: Vec::new(),
            rules: None,
        }
    }

    /// The same, measured.
    pub(crate) fn measured(self, measurement: Measurement) -> Self {
        Self {
            measurement,
            ..self
        }
    }

    /// The same, in the background.
    pub(crate) fn throttled(self, throttle: Option<Arc<Throttle>>) -> Self {
        Self { throttle, ..self }
    }

    /// The same, with HTTP sources.
    pub(crate) fn sourced(self, targets: Vec<Target>, rules: Option<Rules>) -> Self {
        Self {
            targets,
            rules,
            ..self
        }
    }

    /// Sends a verified piece on its way to the sink.
    pub(crate) fn store(&self, whole: Whole, reports: &Reports) {
        match &self.lane {
            Some(lane) => lane.push(whole, reports),
            // The engine asks for pieces of contents that are being fetched only.
            None => {
                tracing::error!(target: "dolab_peer", content = %self.id, "a piece came for a content that has no sink")
            }
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What the actor is told by the tasks and threads around it.
#[derive(Debug)]
pub(crate) enum Report {
    /// A connection was accepted, and said what it wants: a swarm, or nonsense.
    Greeted {
        stream: Stream,
        remote: SocketAddr,
        greeting: Result<Handshake, WireError>,
    },
    /// A dial ended.
    Dialled {
        conn: ConnId,
        result: Result<Stream, DialFailure>,
    },
    /// Something happened on a connection.
    Conn { conn: ConnId, input: Input },
    /// So many bodies have left on a connection.
    #[cfg(target_os = "linux")]
    BodiesSent { conn: ConnId, bodies: usize },
    /// Something happened to a request over HTTP.
    Origin { fetch: ConnId, input: Input },
    /// A piece was verified, and kept or not.
    Piece {
        conn: ConnId,
        content: ContentId,
        index: u32,
        outcome: PieceOutcome,
        error: Option<StoreError>,
    },
    /// A content's own bytes could not be read.
    SourceFailed {
        conn: ConnId,
        input: Input,
        content: ContentId,
        error: StoreError,
    },
}

/// The way to the actor. Bounded: a peer that sends faster than the engine decides waits.
#[derive(Clone, Debug)]
pub(crate) struct Reports(pub(crate) mpsc::Sender<Report>);

impl Reports {
    /// From a task. Nothing to do when the actor is gone: the tasks are about to end as well.
    pub(crate) async fn send(&self, report: Report) {
        drop(self.0.send(report).await);
    }

    /// From a connection's task.
    pub(crate) async fn input(&self, conn: ConnId, input: Input) {
        self.send(Report::Conn { conn, input }).await;
    }

    /// From a thread that sends: so many bodies have left.
    #[cfg(target_os = "linux")]
    pub(crate) fn bodies_sent(&self, conn: ConnId, bodies: usize) {
        if bodies > 0 {
            drop(self.0.blocking_send(Report::BodiesSent { conn, bodies }));
        }
    }

    /// From a hash or store thread.
    pub(crate) fn piece_done(
        &self,
        piece: PieceName,
        outcome: PieceOutcome,
        error: Option<StoreError>,
    ) {
        let PieceName {
            conn,
            content,
            index,
        } = piece;
        drop(self.0.blocking_send(Report::Piece {
            conn,
            content,
            index,
            outcome,
            error,
        }));
    }
}
