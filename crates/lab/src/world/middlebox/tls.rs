//! The two ends of TLS inspection: a certificate of its own for every name, and no look at the
//! server's.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use dolab_http::AnyCertificate;
use rcgen::{CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// Names that a certificate is kept for.
const AT_MOST: usize = 1024;
/// What the certificates say who issued them.
const ISSUER: &str = "Example Corp TLS Inspection";

pub(super) struct Inspector {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Inspector {
    pub(super) fn new() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let names = Arc::new(Names::new(Arc::clone(&provider))?);
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(names);
        // Both sides speak the one protocol that passes unchanged.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut to_server = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        to_server.alpn_protocols = vec![b"http/1.1".to_vec()];
        to_server
            .dangerous()
            // What inspects has to pass on the lab's own authority, too.
            .set_certificate_verifier(Arc::new(AnyCertificate::new(&provider)));
        Ok(Self {
            acceptor: Arc::new(config).into(),
            connector: Arc::new(to_server).into(),
        })
    }

    /// Takes a client's handshake; the name that it asked for.
    pub(super) async fn accept(
        &self,
        client: TcpStream,
    ) -> io::Result<(server::TlsStream<TcpStream>, Option<String>)> {
        let stream = self.acceptor.accept(client).await?;
        let name = stream.get_ref().1.server_name().map(str::to_owned);
        Ok((stream, name))
    }

    /// Connects to the server in the client's place.
    pub(super) async fn connect(
        &self,
        server: SocketAddr,
        name: Option<String>,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let stream = TcpStream::connect(server).await?;
        let name = match name {
            Some(name) => ServerName::try_from(name).map_err(io::Error::other)?,
            None => ServerName::from(server.ip()),
        };
        self.connector.connect(name, stream).await
    }
}

/// Certificates by name, made when they are asked for.
struct Names {
    issuer: Issuer<'static, KeyPair>,
    provider: Arc<CryptoProvider>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Names {
    fn new(provider: Arc<CryptoProvider>) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, ISSUER);
        Ok(Self {
            issuer: Issuer::new(params, KeyPair::generate()?),
            provider,
            made: Mutex::default(),
        })
    }

    fn make(&self, name: &str) -> Option<CertifiedKey> {
        let key = KeyPair::generate().ok()?;
        let params = CertificateParams::new([name.to_owned()]).ok()?;
        let certificate = params.signed_by(&key, &self.issuer).ok()?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = self.provider.key_provider.load_private_key(key).ok()?;
        Some(CertifiedKey::new(vec![certificate.der().clone()], key))
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().unwrap_or("unnamed.invalid").to_owned();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(&name) {
            return Some(Arc::clone(known));
        }
        let new = Arc::new(self.make(&name)?);
        if made.len() < AT_MOST {
            made.insert(name, Arc::clone(&new));
        }
        Some(new)
    }
}
