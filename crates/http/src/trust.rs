use std::{sync::Arc, time::Duration};

use dolab_host::Clock;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    time_provider::TimeProvider,
};

use crate::Error;

/// Whose certificates are believed.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Nobody's: `https` is an error.
    #[default]
    None,
    /// Those that these authorities signed, and no others.
    Authorities(Arc<RootCertStore>),
}

impl Trust {
    /// Believes the authorities of a PEM file.
    ///
    /// # Errors
    /// [`Error::Authority`] when there is none in it, or one that can not be read.
    pub fn authorities_from_pem(pem: &[u8]) -> Result<Self, Error> {
        let mut authorities = Vec::new();
        for authority in CertificateDer::pem_slice_iter(pem) {
            let authority = authority.map_err(|error| Error::Authority(error.to_string()))?;
            authorities.push(authority.to_vec());
        }
        Self::authorities_from_der(authorities)
    }

    /// Believes these authorities, each in DER.
    ///
    /// # Errors
    /// [`Error::Authority`] when there is none, or one that can not be read.
    pub fn authorities_from_der(
        authorities: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots
                .add(CertificateDer::from(authority))
                .map_err(|error| Error::Authority(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(Error::Authority("there is none".into()));
        }
        Ok(Self::Authorities(Arc::new(roots)))
    }

    /// How to speak TLS by it, and by this clock; `None` when nobody is believed.
    pub(crate) fn tls(&self, clock: &Clock) -> Option<Arc<rustls::ClientConfig>> {
        let Self::Authorities(roots) = self else {
            return None;
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config =
            rustls::ClientConfig::builder_with_details(provider, Arc::new(By(clock.clone())))
                .with_safe_default_protocol_versions()
                .expect("ring knows the default versions")
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Some(Arc::new(config))
    }
}

/// The time by a clock.
#[derive(Debug)]
struct By(Clock);

impl TimeProvider for By {
    fn current_time(&self) -> Option<UnixTime> {
        let since_1970 = Duration::try_from(self.0.now().as_duration()).ok()?;
        Some(UnixTime::since_unix_epoch(since_1970))
    }
}
