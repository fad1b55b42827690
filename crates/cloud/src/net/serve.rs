use std::{
    io,
    net::{SocketAddr, TcpListener},
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use hyper::{
    Request, Response,
    body::Incoming,
    server::conn::{http1, http2},
    service::{Service, service_fn},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prometheus_client::metrics::counter::Counter;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Places, patient::Patient};
use crate::{Limits, body::Body};

/// Who sent a request, and over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) remote: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) tls: bool,
}

/// What all ports share.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) limits: Arc<Limits>,
    pub(crate) places: Places,
    pub(crate) allow_public: bool,
    pub(crate) tasks: TaskTracker,
    /// Counts who was turned away.
    pub(crate) refused: Counter,
    /// Counts the handshakes of QUIC.
    pub(crate) handshakes: Counter,
    /// Nobody is let in any more, and who is in finishes.
    pub(crate) stop: CancellationToken,
    /// Everybody has to go.
    pub(crate) abort: CancellationToken,
}

/// A request is not answered: its connection ends.
#[derive(Debug, thiserror::Error)]
#[error("no answer, on purpose")]
pub(crate) struct NoAnswer;

/// Answers requests.
pub(crate) trait Handler: Clone + Send + Sync + 'static {
    fn handle(
        &self,
        caller: Caller,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, NoAnswer>> + Send;
}

/// Serves one listener until the gate closes.
pub(crate) fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    gate: &Gate,
    handler: impl Handler,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let gate = gate.clone();
    gate.tasks.clone().spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = gate.stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, remote)) => admit(stream, remote, tls.as_ref(), &gate, &handler),
                Err(error) => {
                    // Too many open files, most likely: others have to end first.
                    tracing::warn!(%error, "accepting failed");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    Ok(())
}

fn admit(
    stream: TcpStream,
    remote: SocketAddr,
    tls: Option<&TlsAcceptor>,
    gate: &Gate,
    handler: &impl Handler,
) {
    let address = remote.ip().to_canonical();
    if !gate.allow_public && !dolab_host::is_near(address) {
        tracing::info!(%remote, "a public address is not served");
        return;
    }
    let Some(place) = gate.places.take(address) else {
        gate.refused.inc();
        tracing::warn!(%remote, "too many connections: this one is closed");
        return;
    };
    let (tls, handler, inner) = (tls.cloned(), handler.clone(), gate.clone());
    gate.tasks.spawn(async move {
        let abort = inner.abort.clone();
        tokio::select! {
            result = connection(stream, tls, &inner, handler) => if let Err(error) = result {
                tracing::debug!(%remote, %error, "a connection ended");
            },
            () = abort.cancelled() => {}
        }
        drop(place);
    });
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    gate: &Gate,
    handler: impl Handler,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let canonical = |addr: SocketAddr| SocketAddr::new(addr.ip().to_canonical(), addr.port());
    let caller = Caller {
        remote: canonical(stream.peer_addr()?),
        local: canonical(stream.local_addr()?),
        tls: tls.is_some(),
    };
    let stream = Patient::new(stream, gate.limits.stalled);
    let Some(acceptor) = tls else {
        return Ok(http1(stream, caller, gate, handler).await?);
    };
    let stream = timeout(gate.limits.handshake, acceptor.accept(stream)).await??;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2(stream, caller, gate, handler).await?;
    } else {
        http1(stream, caller, gate, handler).await?;
    }
    Ok(())
}

async fn http1(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    caller: Caller,
    gate: &Gate,
    handler: impl Handler,
) -> Result<(), hyper::Error> {
    let limits = &gate.limits;
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_headers(limits.header_count)
        .max_buf_size(limits.header_bytes)
        .serve_connection(TokioIo::new(stream), answers(caller, handler))
        .with_upgrades();
    to_its_end(serving, gate, |serving| serving.graceful_shutdown()).await
}

async fn http2(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    caller: Caller,
    gate: &Gate,
    handler: impl Handler,
) -> Result<(), hyper::Error> {
    let limits = &gate.limits;
    let serving = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_header_list_size(limits.header_bytes as u32)
        .max_concurrent_streams(limits.streams)
        .keep_alive_interval(limits.headers)
        .keep_alive_timeout(limits.headers)
        .serve_connection(TokioIo::new(stream), answers(caller, handler));
    to_its_end(serving, gate, |serving| serving.graceful_shutdown()).await
}

/// What hyper asks for an answer.
fn answers(
    caller: Caller,
    handler: impl Handler,
) -> impl Service<
    Request<Incoming>,
    Response = Response<Body>,
    Error = NoAnswer,
    Future = impl Future<Output = Result<Response<Body>, NoAnswer>> + Send,
> {
    service_fn(move |request| {
        let handler = handler.clone();
        async move { handler.handle(caller, request).await }
    })
}

/// Serves a connection until it ends. When the gate closes, what is under way is still answered.
async fn to_its_end<C: Future<Output = Result<(), hyper::Error>>>(
    serving: C,
    gate: &Gate,
    finish: impl FnOnce(Pin<&mut C>),
) -> Result<(), hyper::Error> {
    let mut serving = pin!(serving);
    tokio::select! {
        result = serving.as_mut() => return result,
        () = gate.stop.cancelled() => finish(serving.as_mut()),
    }
    serving.await
}
