use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Arrivals, strangers::Strangers, udp::Observer};
use crate::{
    evidence::{Answer, OsError},
    report::PathId,
    session::{channel::Channel, limits::Meter},
};

/// What the responders share with the station behind them.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) arrivals: Arc<Arrivals>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) allow_public: bool,
    /// Where connections go that want a check session.
    pub(crate) channels: mpsc::Sender<Channel>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Connections that have not shown yet what they want.
    pub(crate) strangers: Strangers,
}

impl Door {
    pub(crate) fn new(
        arrivals: Arc<Arrivals>,
        meter: Arc<Meter>,
        allow_public: bool,
        channels: mpsc::Sender<Channel>,
    ) -> Self {
        Self {
            arrivals,
            meter,
            allow_public,
            channels,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            strangers: Strangers::default(),
        }
    }

    /// Whether this address is spoken to.
    pub(crate) fn welcomes(&self, addr: IpAddr) -> bool {
        self.allow_public || dolab_peer::is_near(addr)
    }

    /// Runs until done or until the station stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Records what a UDP responder's socket sees.
    pub(crate) fn observer(&self, path: PathId) -> Arc<dyn Observer> {
        Arc::new(Log {
            path,
            arrivals: Arc::clone(&self.arrivals),
        })
    }
}

#[derive(Debug)]
struct Log {
    path: PathId,
    arrivals: Arc<Arrivals>,
}

impl Observer for Log {
    fn came(&self, from: SocketAddr) {
        self.arrivals.came(self.path, from);
    }

    fn sent(&self, to: SocketAddr, result: Result<(), &io::Error>) {
        self.arrivals.answered(self.path, to, &answer(result));
    }

    fn failed(&self, error: &io::Error) {
        tracing::debug!(path = %self.path, %error, "receiving failed");
    }
}

fn answer(result: Result<(), &io::Error>) -> Answer {
    let Err(error) = result else {
        return Answer::Sent;
    };
    let os = OsError::from_io(error).unwrap_or_else(|| OsError {
        code: 0,
        name: error.to_string(),
    });
    if error.kind() == io::ErrorKind::PermissionDenied {
        Answer::Forbidden(os)
    } else {
        Answer::Failed(os)
    }
}
