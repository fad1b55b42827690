use std::sync::Arc;

use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{Authority, AuthorityError, authority::Validity};
use crate::faults::{Faults, WrongCertificate};

/// Picks the certificate for a connection: the good one, unless a fault asks for another.
#[derive(Debug)]
pub(crate) struct Resolver {
    good: Arc<CertifiedKey>,
    other_name: Arc<CertifiedKey>,
    expired: Arc<CertifiedKey>,
    other_authority: Arc<CertifiedKey>,
    faults: Arc<Faults>,
}

impl Resolver {
    /// Certificates for all of `names`.
    pub(crate) fn new(
        authority: &Authority,
        names: &[String],
        faults: Arc<Faults>,
    ) -> Result<Self, AuthorityError> {
        let issue = |validity| authority.issue(names.to_vec(), validity);
        Ok(Self {
            good: issue(Validity::Always)?,
            expired: issue(Validity::Over)?,
            other_name: authority.issue(vec!["wrong.invalid".into()], Validity::Always)?,
            // As behind a proxy that opens TLS: the right names, from an issuer that nobody knows.
            other_authority: Authority::generate()?.issue(names.to_vec(), Validity::Always)?,
            faults,
        })
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().unwrap_or_default();
        Some(Arc::clone(match self.faults.certificate(name) {
            None => &self.good,
            Some(WrongCertificate::Name) => &self.other_name,
            Some(WrongCertificate::Expired) => &self.expired,
            Some(WrongCertificate::Authority) => &self.other_authority,
        }))
    }
}
