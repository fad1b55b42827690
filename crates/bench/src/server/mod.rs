//! The side that is asked for benchmarks. What it does for a stranger is bounded by [`Limits`], and
//! goes with the stranger's session.

mod session;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use dolab_check::bench::{BenchService, BenchSession, BenchToken};
use dolab_wire::session::Refusal;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::watch};

use self::session::Session;
use crate::{end::Side, flow::Flow, limits::Limits, window::Windows};

/// The byte by which a connection is told that it belongs to a flow now.
pub(crate) const WELCOME: u8 = 1;

/// Serves benchmarks. To be handed to a station.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: Limits,
    store: PathBuf,
    windows: Windows,
    sessions: watch::Sender<usize>,
    expected: Mutex<Expected>,
}

/// Flows that still wait for connections, and from whom.
type Expected = HashMap<BenchToken, (IpAddr, Weak<Flow>)>;

impl Server {
    /// A server that stores in `store` what the stored layer is to store, for as long as it runs.
    pub fn new(limits: Limits, store: PathBuf) -> Self {
        Self {
            shared: Arc::new(Shared {
                limits,
                store,
                windows: Windows::default(),
                sessions: watch::Sender::new(0),
                expected: Mutex::default(),
            }),
        }
    }

    /// Sessions that have asked for a benchmark and stand, as they come and go.
    pub fn sessions(&self) -> watch::Receiver<usize> {
        self.shared.sessions.subscribe()
    }
}

impl BenchService for Server {
    fn open(&self, remote: SocketAddr) -> Result<Arc<dyn BenchSession>, Refusal> {
        let most = self.shared.limits.sessions;
        let one_more = |sessions: &mut usize| {
            let has_room = *sessions < most;
            *sessions += usize::from(has_room);
            has_room
        };
        if !self.shared.sessions.send_if_modified(one_more) {
            return Err(Refusal::TooMany {
                limit: format!("{most} benchmarks at a time"),
                retry_seconds: 10,
            });
        }
        let (shared, remote) = (Arc::clone(&self.shared), remote.ip().to_canonical());
        Ok(Arc::new(Session::new(shared, remote)))
    }

    fn connected(&self, token: BenchToken, mut stream: TcpStream, remote: SocketAddr) {
        let asker = remote.ip().to_canonical();
        let flow = match self.shared.expected().get(&token) {
            Some((of, flow)) if *of == asker => flow.upgrade(),
            _ => None,
        };
        let Some(flow) = flow.filter(|flow| flow.expect_one()) else {
            tracing::debug!(%remote, "a connection for a benchmark that nobody expects");
            return;
        };
        if let Err(error) = flow.spec().sockets().set(&stream) {
            // It was tried when the flow was prepared.
            tracing::debug!(%remote, %error, "a socket option was refused");
        }
        tokio::spawn(async move {
            match stream.write_all(&[WELCOME]).await {
                Ok(()) => flow.attach(stream, Side::Accepted),
                Err(error) => {
                    tracing::debug!(%remote, %error, "a connection ended early");
                    flow.expect_one_less();
                }
            }
        });
    }
}

impl Shared {
    fn expected(&self) -> MutexGuard<'_, Expected> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
