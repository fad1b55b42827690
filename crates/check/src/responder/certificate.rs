//! TLS without a certificate authority: each station signs its own certificate, and no caller
//! checks it. TLS is here to see whether the network lets it through, not to prove who answers;
//! that is what the key is for.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use dolab_http::AnyCertificate;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion, pki_types::PrivatePkcs8KeyDer};

/// What tells dolab from any other TLS or QUIC server.
pub(crate) const ALPN: &[u8] = b"dolab-check/1";

/// What QUIC runs over.
const ONLY_TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// Both sides of TLS. Nothing is made of it until it is first asked for: most stations are never
/// reached on 443, and keys, ciphers and QUIC are an eighth of what an idle peer has in memory.
#[derive(Debug)]
pub(crate) struct Tls {
    host: String,
    configs: OnceLock<Result<Configs, TlsError>>,
}

/// Both sides, for TCP and for QUIC.
pub(crate) struct Configs {
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) quic_server: quinn::ServerConfig,
    pub(crate) quic_client: quinn::ClientConfig,
}

/// Why TLS can not be had.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no certificate can be made: {0}")]
pub(crate) struct TlsError(String);

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        Self::other(error)
    }
}

impl Tls {
    /// TLS of this host.
    pub(crate) fn of(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            configs: OnceLock::new(),
        }
    }

    /// Signs the certificate, the first time.
    pub(crate) fn configs(&self) -> Result<&Configs, TlsError> {
        let configs = self.configs.get_or_init(|| Configs::new(&self.host));
        configs.as_ref().map_err(Clone::clone)
    }
}

impl Configs {
    /// Signs a certificate for `host`.
    fn new(host: &str) -> Result<Self, TlsError> {
        let wrong = |error: &dyn std::fmt::Display| TlsError(error.to_string());
        // A host's name may be none that a certificate can carry.
        let mut params = CertificateParams::new([host.to_owned()])
            .or_else(|_| CertificateParams::new(["dolab".to_owned()]))
            .map_err(|e| wrong(&e))?;
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "dolab check responder");
        let pair = KeyPair::generate().map_err(|e| wrong(&e))?;
        let certificate = params
            .self_signed(&pair)
            .map_err(|e| wrong(&e))?
            .der()
            .clone();
        let key = PrivatePkcs8KeyDer::from(pair.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = |quic: bool| match quic {
            true => ONLY_TLS13,
            false => rustls::DEFAULT_VERSIONS,
        };

        let server = |protocols: Vec<Vec<u8>>, quic: bool| {
            let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(versions(quic))
                .map_err(|e| wrong(&e))?
                .with_no_client_auth()
                .with_single_cert(vec![certificate.clone()], key.clone_key().into())
                .map_err(|e| wrong(&e))?;
            config.alpn_protocols = protocols;
            Ok::<_, TlsError>(config)
        };
        let client = |quic: bool| {
            let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(versions(quic))
                .map_err(|e| wrong(&e))?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(&provider)))
                .with_no_client_auth();
            config.alpn_protocols = vec![ALPN.to_vec()];
            Ok::<_, TlsError>(config)
        };

        let quic_server =
            quinn::crypto::rustls::QuicServerConfig::try_from(server(vec![ALPN.to_vec()], true)?)
                .map_err(|e| wrong(&e))?;
        let quic_client = quinn::crypto::rustls::QuicClientConfig::try_from(client(true)?)
            .map_err(|e| wrong(&e))?;
        Ok(Self {
            // Strangers get a word in HTTP.
            server: Arc::new(server(vec![ALPN.to_vec(), b"http/1.1".to_vec()], false)?),
            client: Arc::new(client(false)?),
            quic_server: quinn::ServerConfig::with_crypto(Arc::new(quic_server)),
            quic_client: quinn::ClientConfig::new(Arc::new(quic_client)),
        })
    }
}

impl std::fmt::Debug for Configs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Configs(..)")
    }
}
