//! UDP 443: the handshake of QUIC, and nothing behind it. Whether it passes the network is the
//! question; contents come over TCP.

use std::{io, net::UdpSocket, sync::Arc, time::Duration};

use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime, TransportConfig, VarInt};
use tokio::{sync::Semaphore, time::timeout};

use super::Gate;

/// What HTTP/3 calls "no error" when a connection ends.
const H3_NO_ERROR: VarInt = VarInt::from_u32(0x100);

/// Time that a connection stays after the handshake, so that its caller sees it standing.
const STAY: Duration = Duration::from_secs(5);

/// Serves one socket until the gate closes.
pub(crate) fn serve(
    socket: UdpSocket,
    mut config: quinn::ServerConfig,
    gate: &Gate,
) -> io::Result<()> {
    let mut transport = TransportConfig::default();
    // No stream of a caller's is ever read.
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .max_idle_timeout(Some(STAY.try_into().map_err(io::Error::other)?));
    config.transport_config(Arc::new(transport));
    let endpoint = Endpoint::new(
        EndpointConfig::default(),
        Some(config),
        socket,
        Arc::new(TokioRuntime),
    )?;
    let gate = gate.clone();
    let places = Arc::new(Semaphore::new(gate.limits.quic_connections));
    gate.tasks.clone().spawn(async move {
        loop {
            let incoming = tokio::select! {
                incoming = endpoint.accept() => incoming,
                () = gate.stop.cancelled() => None,
            };
            let Some(incoming) = incoming else { break };
            admit(incoming, &places, &gate);
        }
        endpoint.close(H3_NO_ERROR, b"stopping");
        // The farewell is one datagram; nobody waits for who does not answer it.
        let _ = timeout(Duration::from_millis(200), endpoint.wait_idle()).await;
    });
    Ok(())
}

fn admit(incoming: Incoming, places: &Arc<Semaphore>, gate: &Gate) {
    let remote = incoming.remote_address();
    if !gate.allow_public && !dolab_host::is_near(remote.ip().to_canonical()) {
        tracing::info!(%remote, "quic: a public address is not served");
        return incoming.ignore();
    }
    let Ok(place) = Arc::clone(places).try_acquire_owned() else {
        return incoming.refuse();
    };
    let gate = gate.clone();
    gate.tasks.clone().spawn(async move {
        match timeout(gate.limits.handshake, incoming).await {
            Ok(Ok(connection)) => {
                gate.handshakes.inc();
                tracing::debug!(%remote, "quic: a handshake");
                tokio::select! {
                    _ = connection.closed() => {}
                    () = tokio::time::sleep(STAY) => connection.close(H3_NO_ERROR, b""),
                    () = gate.stop.cancelled() => {}
                }
            }
            Ok(Err(error)) => tracing::debug!(%remote, %error, "quic: no handshake"),
            Err(_) => tracing::debug!(%remote, "quic: too slow"),
        }
        drop(place);
    });
}
