//! UDP 443: the handshake, by another implementation of the client's side than the cloud's.

use std::{net::Ipv4Addr, sync::Arc};

use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::common::Lab;

#[test]
fn a_quic_handshake_stands_and_its_certificate_is_good() {
    let lab = Lab::new();
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
    let to = (Ipv4Addr::LOCALHOST, lab.cloud().ports().quic.unwrap()).into();
    lab.runtime().block_on(async {
        let endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let name = "dl.delivery.mp.microsoft.com";
        let connection = endpoint
            .connect_with(config, to, name)
            .unwrap()
            .await
            .unwrap();
        connection.close(0_u32.into(), b"");
        endpoint.wait_idle().await;
    });
}
