//! TCP 443: TLS, and behind it a check session for who speaks it and a word of HTTP for others.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{ALPN, Tls, door::Door};
use crate::{
    report::{PathId, Via},
    session::channel::{Carrier, Channel},
};

/// Time that a stranger has for the handshake, and then for its request.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves one listener until the station stops.
pub(crate) fn serve(listener: TcpListener, tls: &Arc<Tls>, door: &Door) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (tls, door) = (Arc::clone(tls), door.clone());
    let stop = door.clone();
    stop.spawn(async move {
        loop {
            let (stream, remote) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Too many open files, most likely: others have to end first.
                    tracing::warn!(%error, "tls: accepting failed");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            if !door.welcomes(remote.ip()) {
                tracing::info!(%remote, "tls: a public address is not served");
                continue;
            }
            door.arrivals.came(PathId::Tcp443, remote);
            let place = door.strangers.enter();
            let (tls, door) = (Arc::clone(&tls), door.clone());
            door.clone().spawn(async move {
                let welcome = timeout(PATIENCE, welcome(stream, &tls));
                let Some(result) = place.hold(welcome).await else {
                    return;
                };
                match result {
                    Ok(Ok(Some(channel))) => drop(door.channels.send(channel).await),
                    Ok(Ok(None)) => tracing::debug!(%remote, "tls: a stranger was answered"),
                    Ok(Err(error)) => tracing::debug!(%remote, %error, "tls: no handshake"),
                    Err(_) => tracing::debug!(%remote, "tls: too slow"),
                }
            });
        }
    });
    Ok(())
}

async fn welcome(stream: TcpStream, tls: &Tls) -> io::Result<Option<Channel>> {
    stream.set_nodelay(true)?;
    let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
    let acceptor = TlsAcceptor::from(Arc::clone(&tls.configs()?.server));
    let mut stream = acceptor.accept(stream).await?;
    if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        courtesy(&mut stream).await?;
        return Ok(None);
    }
    let carrier = Carrier {
        via: Via::Tcp443,
        local,
        remote,
    };
    Ok(Some(Channel::new(stream, carrier, &[])))
}

/// A person who looks with curl or a browser learns what is here.
async fn courtesy(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    const TEXT: &str = "dolab answers checks here. Run `dolab check HOST` on the other host.\n";
    let mut request = [0; 2048];
    let mut len = 0;
    while len < request.len() && !request[..len].windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut request[len..]).await? {
            0 => return Ok(()),
            more => len += more,
        }
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        TEXT.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(TEXT.as_bytes()).await?;
    stream.shutdown().await
}
