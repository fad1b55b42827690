//! TCP 443: a connection and a TLS handshake.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{
    Call, Reached,
    connect::{self, Segments},
    outcome,
};
use crate::{
    evidence::{CallerSaw, OsError, Outcome},
    report::Via,
    responder::{ALPN, Tls},
    session::channel::{Carrier, Channel},
};

pub(super) async fn probe(call: &Call, tls: &Tls) -> (CallerSaw, Option<Reached>) {
    let (mut saw, stream) = connect::connect(call, Segments::Small).await;
    let Some(stream) = stream else {
        return (saw, None);
    };
    let left = call.patience.saturating_sub(saw.waited);
    let connector = match tls.configs() {
        Ok(configs) => TlsConnector::from(Arc::clone(&configs.client)),
        Err(error) => {
            saw.outcome = outcome::of_connect(&error.into());
            return (saw, None);
        }
    };
    let name = ServerName::from(call.to.ip());
    match timeout(left, connector.connect(name, stream)).await {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(ALPN) => {
            saw.outcome = Outcome::Open;
            let local = saw.from.unwrap_or_else(|| ([0, 0, 0, 0], 0).into());
            let carrier = Carrier {
                via: Via::Tcp443,
                local,
                remote: call.to,
            };
            (
                saw,
                Some(Reached::Channel(Channel::new(stream, carrier, &[]))),
            )
        }
        // TLS it is, but no dolab: a web server, or a proxy in its place.
        Ok(Ok(_)) => {
            saw.outcome = Outcome::Foreign;
            (saw, None)
        }
        Ok(Err(error)) => {
            saw.error = OsError::from_io(&error);
            saw.outcome = outcome::of_connected(&error);
            (saw, None)
        }
        Err(_) => {
            saw.outcome = Outcome::SilentAfterConnect;
            (saw, None)
        }
    }
}
