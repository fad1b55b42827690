//! UDP 443: a QUIC handshake, and behind it a check session.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime, VarInt};
use tokio::time::timeout;

use super::{Tls, door::Door, udp::Socket};
use crate::{
    report::{PathId, Via},
    session::channel::{Carrier, Channel},
};

/// Time that a stranger has for the handshake and for opening its stream.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves one socket until the station stops.
pub(crate) fn serve(socket: std::net::UdpSocket, tls: &Arc<Tls>, door: &Door) -> io::Result<()> {
    let socket = Socket::serving(socket, door.observer(PathId::Udp443))?;
    let (tls, door) = (Arc::clone(tls), door.clone());
    let tasks = door.tasks.clone();
    tasks.spawn(async move {
        let stop = door.stop.clone();
        // QUIC is set up for the first datagram: see `Tls`.
        tokio::select! {
            () = socket.ready() => {}
            () = stop.cancelled() => return,
        }
        let (endpoint, local) = match endpoint(socket, &tls) {
            Ok(endpoint) => endpoint,
            Err(error) => return tracing::warn!(%error, "quic: nobody is answered"),
        };
        loop {
            let incoming = tokio::select! {
                incoming = endpoint.accept() => incoming,
                () = stop.cancelled() => None,
            };
            let Some(incoming) = incoming else { break };
            receive(incoming, local, &door);
        }
        endpoint.close(VarInt::from_u32(0), b"stopping");
        // The farewell is one datagram; nobody waits for who does not answer it.
        let _ = timeout(Duration::from_millis(200), endpoint.wait_idle()).await;
    });
    Ok(())
}

fn endpoint(socket: Socket, tls: &Tls) -> io::Result<(Endpoint, SocketAddr)> {
    let endpoint = Endpoint::new_with_abstract_socket(
        EndpointConfig::default(),
        Some(tls.configs()?.quic_server.clone()),
        Arc::new(socket),
        Arc::new(TokioRuntime),
    )?;
    let local = endpoint.local_addr()?;
    Ok((endpoint, local))
}

fn receive(incoming: Incoming, local: SocketAddr, door: &Door) {
    let remote = incoming.remote_address();
    if !door.welcomes(remote.ip()) {
        tracing::info!(%remote, "quic: a public address is not served");
        return incoming.ignore();
    }
    let place = door.strangers.enter();
    let local = SocketAddr::new(
        incoming.local_ip().unwrap_or_else(|| local.ip()),
        local.port(),
    );
    let channels = door.channels.clone();
    door.spawn(async move {
        let welcome = timeout(PATIENCE, async {
            let connection = incoming.await?;
            connection.accept_bi().await
        });
        let Some(welcome) = place.hold(welcome).await else {
            return;
        };
        match welcome {
            Ok(Ok((send, receive))) => {
                let carrier = Carrier {
                    via: Via::Udp443,
                    local,
                    remote,
                };
                let channel = Channel::new(tokio::io::join(receive, send), carrier, &[]);
                drop(channels.send(channel).await);
            }
            Ok(Err(error)) => tracing::debug!(%remote, %error, "quic: no session"),
            Err(_) => tracing::debug!(%remote, "quic: too slow"),
        }
    });
}
