//! Where benchmarks come in. They are measured by `dolab-bench`, which stands above this crate: here
//! is what a station passes on to it, and the session that it asks in.

use std::{
    fmt,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use dolab_wire::{
    preface::{BENCH_NAME, BENCH_TOKEN_LEN},
    session::{Ask, Hello, Refusal, Reply},
};
use serde_json::Value;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use crate::{
    contents,
    key::Key,
    session::{SessionError, asker::Asker, opening::STEP},
};

/// What comes with a connection that carries a benchmark, to tell which.
pub type BenchToken = [u8; BENCH_TOKEN_LEN];

/// An answer that takes its time.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Value, Refusal>> + Send + 'a>>;

/// What serves the benchmarks that others ask a station for.
pub trait BenchService: fmt::Debug + Send + Sync + 'static {
    /// A session asks for its first benchmark. What it holds goes when the answer is dropped, and
    /// that is when the session ends, however it ends.
    ///
    /// # Errors
    /// When there are too many already.
    fn open(&self, remote: SocketAddr) -> Result<Arc<dyn BenchSession>, Refusal>;

    /// A connection came with this token.
    fn connected(&self, token: BenchToken, stream: TcpStream, remote: SocketAddr);
}

/// What serves the benchmarks of one session.
pub trait BenchSession: Send + Sync + 'static {
    /// Answers a question. Several may be asked at once.
    fn answer(&self, body: Value) -> Answering<'_>;
}

/// Reads the token off a connection of which `prefix` was read already; `None` when it does not
/// come, or more than that came.
pub(crate) async fn read_token(stream: &mut TcpStream, prefix: &[u8]) -> Option<BenchToken> {
    let mut token = [0; BENCH_TOKEN_LEN];
    let early = prefix.get(1 + BENCH_NAME.len()..)?;
    let rest = token.get_mut(early.len()..)?;
    timeout(STEP, stream.read_exact(rest)).await.ok()?.ok()?;
    token[..early.len()].copy_from_slice(early);
    Some(token)
}

/// A session in which this side asks for benchmarks. Dropped, it ends without a word.
pub struct BenchClient {
    asker: Asker,
}

impl BenchClient {
    /// Opens a session with a peer on its TCP 7680.
    ///
    /// # Errors
    /// When nobody answers there, or the peer demands another key.
    pub async fn connect(addr: SocketAddr, key: Option<&Key>) -> Result<Self, SessionError> {
        let asker = contents::connect(addr, key).await?;
        Ok(Self { asker })
    }

    /// The peer's address, as this session reached it.
    pub fn remote(&self) -> SocketAddr {
        self.asker.carrier.remote
    }

    /// Who the peer is.
    pub fn hello(&self) -> &Hello {
        &self.asker.theirs
    }

    /// Asks, and waits for the answer at most so long.
    ///
    /// # Errors
    /// [`SessionError::Declined`] with [`Refusal::Unsupported`] from a peer that is too old for
    /// benchmarks; whatever else ends a session.
    pub async fn ask(&self, body: Value, patience: Duration) -> Result<Value, SessionError> {
        let reply = self.asker.ask(Ask::Bench { body }, patience).await?;
        let Reply::Bench { body } = reply else {
            return Err(SessionError::Unexpected {
                expected: "the answer to a benchmark",
            });
        };
        Ok(body)
    }

    /// How long the smallest question takes to its answer: a round trip, and what the two programs
    /// need.
    ///
    /// # Errors
    /// When there is none.
    pub async fn echo(&self, patience: Duration) -> Result<Duration, SessionError> {
        let began = Instant::now();
        let padding = String::new();
        self.asker.ask(Ask::Echo { padding }, patience).await?;
        Ok(began.elapsed())
    }

    /// Ends the session in order.
    pub async fn bye(self) {
        self.asker.bye().await;
    }
}

impl fmt::Debug for BenchClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BenchClient")
            .field("remote", &self.remote())
            .finish_non_exhaustive()
    }
}
