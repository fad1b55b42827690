use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{Request, connect::Connection};

/// Connections that wait for their next request.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: Mutex<VecDeque<(Server, Connection)>>,
    most: usize,
    patience: Duration,
}

/// Whom a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    secure: bool,
    host: String,
    port: u16,
    /// Whether it is for requests in the background.
    background: bool,
}

/// The right to give a connection back once its answer was read.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) pool: Arc<Pool>,
    pub(crate) server: Server,
    pub(crate) connection: Connection,
}

impl Pool {
    pub(crate) fn new(most: usize, patience: Duration) -> Self {
        Self {
            idle: Mutex::default(),
            most,
            patience,
        }
    }

    /// A connection to this server that is still good, as far as can be known: the one that was
    /// used last.
    pub(crate) fn take(&self, server: &Server) -> Option<Connection> {
        let mut idle = self.lock();
        let now = Instant::now();
        idle.retain(|(_, connection)| {
            now.duration_since(connection.since) < self.patience && !connection.sender.is_closed()
        });
        let at = idle.iter().rposition(|(to, _)| to == server)?;
        idle.remove(at).map(|(_, connection)| connection)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Server, Connection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Gives the connection back. The oldest goes when there are too many.
    pub(crate) fn give_back(mut self) {
        if self.connection.sender.is_closed() {
            return;
        }
        self.connection.since = Instant::now();
        self.connection.wire.portion(usize::MAX);
        let mut idle = self.pool.lock();
        idle.push_back((self.server, self.connection));
        let excess = idle.len().saturating_sub(self.pool.most);
        idle.drain(..excess);
    }
}

impl From<&Request> for Server {
    fn from(request: &Request) -> Self {
        let target = &request.target;
        Self {
            secure: target.secure,
            host: target.host.clone(),
            port: target.port,
            background: request.background,
        }
    }
}
