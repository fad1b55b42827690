//! One connection: a task that reads heads and bodies, and sends what the engine says.

mod outbox;
mod pace;
mod read;
mod upload;
mod write;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::BytesMut;
use dolab_content::PieceRange;
use dolab_engine::{ConnId, Input};
use dolab_wire::WireError;
use tokio::sync::{Semaphore, mpsc};
use tracing::{debug, info};

pub(crate) use outbox::{Item, Outbox};
pub(crate) use read::read_some;

use crate::{
    Stream,
    data::{Hashers, Pool},
    shared::{Content, Reports},
};

/// How long a connection that we close is kept for the other side to close it too. Without that,
/// bytes on their way to us would make the kernel send a reset, which may destroy what we sent.
const LINGER: Duration = Duration::from_secs(2);

/// What the engine says to the reading half.
#[derive(Debug)]
pub(crate) enum Order {
    /// The handshake went out: this is the content that both sides talk about.
    Begin(Arc<Content>),
    /// Read the body that is due into its piece.
    Receive(PieceRange),
    /// Read the body that is due, and drop it.
    Discard,
    /// Forget what has landed of a piece.
    Abandon(u32),
}

/// Bytes that went over a connection, heads and handshakes included.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    /// Whether the reading half waits for a buffer.
    pub(crate) starved: AtomicBool,
}

/// Why a connection's task ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("closed by the peer")]
    Closed,
    #[error("closed by the peer in the middle of a message")]
    Truncated,
    #[error("connection broken: {0}")]
    Broken(io::Error),
    #[error("{0}")]
    Malformed(WireError),
    #[error("the peer sends too slowly while others wait for memory")]
    TooSlow,
    #[error(
        "the peer took nothing of what it asked for in {:?}",
        write::WRITE_STALL
    )]
    ReadsNothing,
    #[error("this host could not read its own content")]
    SourceFailed,
    /// Everything that was to be sent has left, and we close.
    #[error("closed")]
    Finished,
    /// Something that can not be, short of a panic in the user's source.
    #[error("given up after a fault of this program")]
    GivenUp,
}

/// What a connection's task works with.
pub(crate) struct Conn {
    pub(crate) conn: ConnId,
    pub(crate) remote: SocketAddr,
    pub(crate) stream: Stream,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) content: Arc<OnceLock<Arc<Content>>>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) reports: Reports,
    pub(crate) downloads: Arc<Pool>,
    pub(crate) uploads: Arc<Pool>,
    pub(crate) hashers: Arc<Hashers>,
}

impl Conn {
    /// Serves the connection until it ends, and tells the engine why unless it knows.
    pub(crate) async fn run(self) {
        let stream = self.stream;
        let reader = read::Reader {
            conn: self.conn,
            stream: &stream,
            orders: self.orders,
            reports: &self.reports,
            pool: &self.downloads,
            hashers: &self.hashers,
            meter: &self.meter,
            buffer: BytesMut::new(),
            ahead: Arc::new(Semaphore::new(self.hashers.ahead())),
            incoming: Default::default(),
            flow: None,
        };
        let writer = write::Writer {
            conn: self.conn,
            stream: &stream,
            outbox: &self.outbox,
            content: &self.content,
            reports: &self.reports,
            pool: &self.uploads,
            meter: &self.meter,
        };
        let ended = tokio::select! {
            ended = reader.run() => ended,
            ended = writer.run() => ended,
        };
        let (conn, remote) = (self.conn, self.remote);
        if let Ended::Truncated | Ended::TooSlow | Ended::ReadsNothing = &ended {
            info!(target: "dolab_peer", %conn, %remote, error = %ended, "connection given up");
        } else {
            debug!(target: "dolab_peer", %conn, %remote, why = %ended, "connection ended");
        }
        match ended {
            Ended::Closed | Ended::Truncated => {
                self.reports
                    .input(conn, Input::Closed { conn, reset: false })
                    .await
            }
            Ended::Broken(_) | Ended::TooSlow | Ended::ReadsNothing | Ended::GivenUp => {
                self.reports
                    .input(conn, Input::Closed { conn, reset: true })
                    .await;
            }
            Ended::Malformed(error) => {
                self.reports
                    .input(conn, Input::Malformed { conn, error })
                    .await;
            }
            Ended::Finished => linger(&stream).await,
            // Told already, with what could not be read.
            Ended::SourceFailed => {}
        }
    }
}

/// Says that nothing more comes, and waits a moment for the other side to say the same.
async fn linger(stream: &Stream) {
    let drain = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut scrap = BytesMut::with_capacity(4096);
        while read_some(stream, &mut scrap, 4096).await.is_ok() {
            scrap.clear();
        }
    };
    // Whoever does not close in time is cut off, and whoever keeps sending as well.
    drop(tokio::time::timeout(LINGER, drain).await);
}

impl Ended {
    /// The same end, inside a message.
    fn inside(self) -> Self {
        if matches!(self, Self::Closed) {
            Self::Truncated
        } else {
            self
        }
    }
}

impl Meter {
    pub(crate) fn starved(&self) -> bool {
        self.starved.load(Ordering::Relaxed)
    }

    pub(crate) fn totals(&self) -> (u64, u64) {
        (
            self.received.load(Ordering::Relaxed),
            self.sent.load(Ordering::Relaxed),
        )
    }
}
