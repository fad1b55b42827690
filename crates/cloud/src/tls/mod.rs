//! TLS: a certificate authority of our own, and the certificate that it issues for every name of the
//! service.

mod authority;
mod resolver;

use std::sync::Arc;

use rustls::{ServerConfig, SupportedProtocolVersion};

pub use authority::{Authority, AuthorityError};
pub(crate) use resolver::Resolver;

/// What QUIC runs over.
const ONLY_TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// The server's side of TLS 1.2 and 1.3, with HTTP/2 and HTTP/1.1.
pub(crate) fn for_tcp(resolver: &Arc<Resolver>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let protocols = [&b"h2"[..], b"http/1.1"];
    config(resolver, rustls::DEFAULT_VERSIONS, &protocols).map(Arc::new)
}

/// The server's side of QUIC.
pub(crate) fn for_quic(resolver: &Arc<Resolver>) -> Result<quinn::ServerConfig, rustls::Error> {
    let config = config(resolver, ONLY_TLS13, &[b"h3"])?;
    let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(config)
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    Ok(quinn::ServerConfig::with_crypto(Arc::new(crypto)))
}

fn config(
    resolver: &Arc<Resolver>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(resolver) as Arc<_>);
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}
