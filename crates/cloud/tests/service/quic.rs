//! UDP 443: the handshake, by another implementation of the client's side than the cloud's.

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::common::Lab;

/// A client that trusts the cloud, on a port of its own.
fn client(lab: &Lab) -> quinn::Endpoint {
    let mut roots = RootCertStore::empty();
    let pem = lab.cloud().authority_pem();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let mut endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    endpoint.set_default_client_config(config);
    endpoint
}

async fn dial(
    endpoint: &quinn::Endpoint,
    lab: &Lab,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let to = (Ipv4Addr::LOCALHOST, lab.cloud().ports().quic.unwrap()).into();
    let name = "dl.delivery.mp.microsoft.com";
    endpoint.connect(to, name).unwrap().await
}

#[test]
fn a_quic_handshake_stands_and_its_certificate_is_good() {
    let lab = Lab::new();
    lab.runtime().block_on(async {
        let endpoint = client(&lab);
        let connection = dial(&endpoint, &lab).await.unwrap();
        connection.close(0_u32.into(), b"");
        endpoint.wait_idle().await;
    });
}

#[test]
fn there_are_so_many_quic_connections_and_none_stays_for_long() {
    let lab = Lab::with(|config| config.limits.quic_connections = 1);
    lab.runtime().block_on(async {
        let endpoint = client(&lab);
        let first = dial(&endpoint, &lab).await.unwrap();
        let refused = dial(&endpoint, &lab).await.unwrap_err();
        // CONNECTION_REFUSED (RFC 9000, 20.1).
        let quinn::ConnectionError::ConnectionClosed(close) = &refused else {
            panic!("{refused}");
        };
        assert_eq!(
            close.error_code,
            quinn::TransportErrorCode::CONNECTION_REFUSED
        );
        // Nothing is said over it, and yet it ends.
        first.closed().await;
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = dial(&endpoint, &lab).await {
            assert!(Instant::now() < deadline, "{error}");
        }
    });
}
