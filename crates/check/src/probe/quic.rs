//! UDP 443: a QUIC handshake.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use quinn::{ConnectionError, Endpoint, EndpointConfig, TokioRuntime, TransportConfig};
use tokio::{sync::Notify, time::timeout};

use super::{Call, Reached, connect, outcome};
use crate::{
    evidence::{CallerSaw, NotTested, OsError, Outcome},
    report::Via,
    responder::{Tls, udp},
    session::channel::{Carrier, Channel},
};

/// What QUIC takes for the round trip before it has measured one. It sends again after three
/// times this, and then in doubled pauses: at 0, 300, 900 and 2100 ms.
const FIRST_GUESS: Duration = Duration::from_millis(100);

/// QUIC sends its probes in pairs.
const TOGETHER: Duration = Duration::from_millis(50);

/// A QUIC stream is first heard of when something is written to it, so that the session's opening
/// follows right behind.
pub(super) async fn probe(call: &Call, tls: &Tls) -> (CallerSaw, Option<Reached>) {
    let mut saw = CallerSaw::new(Outcome::TimedOut);
    let watch = Arc::new(Watch::default());
    let (socket, second) = match connect::udp_socket(call) {
        Ok(sockets) => sockets,
        Err(error) => return (failed(saw, &error), None),
    };
    saw.from = socket.local_addr().ok();
    let began = Instant::now();
    let handshake = timeout(call.patience, connect_quic(call, tls, socket, &watch));
    let result = tokio::select! {
        result = handshake => result,
        () = watch.failed.notified() => Ok(Err(Failure::Watched)),
    };
    saw.attempts = 1;
    let failure = match result {
        Ok(Ok(connection)) => {
            saw.outcome = Outcome::Open;
            saw.rtt = Some(connection.rtt().min(began.elapsed()));
            return (saw.clone(), open_stream(&connection, call, &saw).await);
        }
        Ok(Err(failure)) => failure,
        Err(_) => Failure::Silence,
    };
    saw.attempts = watch.sent.load(Ordering::Relaxed).max(1);
    saw.icmp = connect::icmp_errors(&second);
    let watched = watch
        .error
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match (watched, failure) {
        (Some(error), _) => (failed(saw, &error), None),
        (None, Failure::Quic(error)) => {
            saw.outcome = of_quic(&error);
            (saw, None)
        }
        (None, Failure::Socket(error)) => (failed(saw, &error), None),
        (None, Failure::Silence | Failure::Watched) => (saw, None),
    }
}

enum Failure {
    Quic(ConnectionError),
    Socket(io::Error),
    Silence,
    Watched,
}

fn failed(mut saw: CallerSaw, error: &io::Error) -> CallerSaw {
    saw.error = OsError::from_io(error);
    saw.outcome = outcome::of_connect(error);
    saw
}

async fn connect_quic(
    call: &Call,
    tls: &Tls,
    socket: std::net::UdpSocket,
    watch: &Arc<Watch>,
) -> Result<quinn::Connection, Failure> {
    let observer: Arc<dyn udp::Observer> = watch.clone();
    let socket = udp::Socket::calling(socket, call.to, observer).map_err(Failure::Socket)?;
    let endpoint = Endpoint::new_with_abstract_socket(
        EndpointConfig::default(),
        None,
        Arc::new(socket),
        Arc::new(TokioRuntime),
    )
    .map_err(Failure::Socket)?;
    let mut transport = TransportConfig::default();
    transport
        .initial_rtt(FIRST_GUESS)
        .keep_alive_interval(Some(Duration::from_secs(5)));
    let configs = tls
        .configs()
        .map_err(|error| Failure::Socket(error.into()))?;
    let mut config = configs.quic_client.clone();
    config.transport_config(Arc::new(transport));
    let connecting = endpoint
        .connect_with(config, call.to, "dolab")
        .map_err(|error| Failure::Socket(io::Error::other(error)))?;
    connecting.await.map_err(Failure::Quic)
}

async fn open_stream(
    connection: &quinn::Connection,
    call: &Call,
    saw: &CallerSaw,
) -> Option<Reached> {
    let (send, receive) = connection.open_bi().await.ok()?;
    let local = saw.from?;
    let carrier = Carrier {
        via: Via::Udp443,
        local,
        remote: call.to,
    };
    Some(Reached::Channel(Channel::new(
        tokio::io::join(receive, send),
        carrier,
        &[],
    )))
}

fn of_quic(error: &ConnectionError) -> Outcome {
    match error {
        ConnectionError::TimedOut => Outcome::TimedOut,
        // It answered in QUIC, and not as dolab does.
        ConnectionError::VersionMismatch
        | ConnectionError::TransportError(_)
        | ConnectionError::ConnectionClosed(_)
        | ConnectionError::ApplicationClosed(_) => Outcome::Foreign,
        ConnectionError::Reset => Outcome::ResetAfterConnect,
        ConnectionError::LocallyClosed | ConnectionError::CidsExhausted => {
            Outcome::NotTested(NotTested::Failed {
                why: error.to_string(),
            })
        }
    }
}

/// What the socket was told while QUIC went on trying.
#[derive(Debug, Default)]
struct Watch {
    sent: AtomicU32,
    last: Mutex<Option<Instant>>,
    error: Mutex<Option<io::Error>>,
    failed: Notify,
}

impl Watch {
    /// What leaves together is one attempt.
    fn count(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() > TOGETHER) {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
        *last = Some(Instant::now());
    }

    fn note(&self, error: &io::Error) {
        let copy = match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::from(error.kind()),
        };
        self.error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(copy);
        self.failed.notify_one();
    }
}

impl udp::Observer for Watch {
    fn came(&self, _from: SocketAddr) {}

    fn sent(&self, _to: SocketAddr, result: Result<(), &io::Error>) {
        self.count();
        if let Err(error) = result {
            self.note(error);
        }
    }

    fn failed(&self, error: &io::Error) {
        self.note(error);
    }
}
