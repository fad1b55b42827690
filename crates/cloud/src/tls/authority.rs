use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};

/// A certificate authority that only this cloud has. A device that is to trust the cloud imports
/// its certificate, [`Authority::pem`].
pub struct Authority {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

/// A certificate can not be made.
#[derive(Debug, thiserror::Error)]
#[error("no certificate can be made: {0}")]
pub struct AuthorityError(String);

/// When an issued certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    /// From 2020 to the end of 2049, whatever a lab's clocks show.
    Always,
    /// It ended in 2021.
    Over,
}

impl Authority {
    /// A new one, with a key that nobody else has.
    ///
    /// # Errors
    /// When the system lets no key be made.
    pub fn generate() -> Result<Self, AuthorityError> {
        let key = KeyPair::generate().map_err(wrong)?;
        let certificate = params().self_signed(&key).map_err(wrong)?.der().clone();
        Ok(Self { certificate, key })
    }

    /// The authority that [`Authority::to_parts`] took apart.
    ///
    /// # Errors
    /// When the parts are not what came from there.
    pub fn from_parts(certificate: Vec<u8>, key: Vec<u8>) -> Result<Self, AuthorityError> {
        let key = KeyPair::try_from(key).map_err(wrong)?;
        Ok(Self {
            certificate: certificate.into(),
            key,
        })
    }

    /// Its certificate and its secret key (PKCS #8), both in DER.
    pub fn to_parts(&self) -> (Vec<u8>, Vec<u8>) {
        (self.certificate.to_vec(), self.key.serialize_der())
    }

    /// Its certificate in PEM: what devices have to trust.
    pub fn pem(&self) -> String {
        use std::fmt::Write as _;

        use base64::{Engine as _, engine::general_purpose::STANDARD};

        let text = STANDARD.encode(&self.certificate);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(64) {
            let line = str::from_utf8(line).expect("base64 is ASCII");
            writeln!(pem, "{line}").expect("writing to a string");
        }
        pem + "-----END CERTIFICATE-----\n"
    }

    /// A certificate for these names and addresses.
    pub(super) fn issue(
        &self,
        names: Vec<String>,
        validity: Validity,
    ) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let common = names.first().cloned().unwrap_or_default();
        let mut params = CertificateParams::new(names).map_err(wrong)?;
        params.distinguished_name = named(&common);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = match validity {
            Validity::Always => date_time_ymd(2049, 12, 31),
            Validity::Over => date_time_ymd(2021, 1, 1),
        };
        let key = KeyPair::generate().map_err(wrong)?;
        let own = self::params();
        let issuer = Issuer::from_params(&own, &self.key);
        let certificate = params
            .signed_by(&key, &issuer)
            .map_err(wrong)?
            .der()
            .clone();
        let signer =
            ring::sign::any_supported_type(&PrivatePkcs8KeyDer::from(key.serialize_der()).into())
                .map_err(wrong)?;
        let chain = vec![certificate, self.certificate.clone()];
        Ok(Arc::new(CertifiedKey::new(chain, signer)))
    }
}

/// Always the same: a restart takes the key from its state, and this again.
fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("dolab lab authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

fn named(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name.push(DnType::OrganizationName, "dolab");
    name
}

fn wrong(error: impl std::fmt::Display) -> AuthorityError {
    AuthorityError(error.to_string())
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_apart_is_the_same_authority() {
        let made = Authority::generate().unwrap();
        let (certificate, key) = made.to_parts();
        let again = Authority::from_parts(certificate, key).unwrap();
        assert_eq!(made.pem(), again.pem());
        assert!(made.pem().lines().all(|line| line.len() <= 64));
        again
            .issue(
                vec!["a.example".into(), "10.0.0.1".into()],
                Validity::Always,
            )
            .unwrap();
        assert_eq!(format!("{made:?}"), "Authority(..)");
    }

    #[test]
    fn foreign_parts_are_refused() {
        let (certificate, _) = Authority::generate().unwrap().to_parts();
        assert!(Authority::from_parts(certificate, vec![1, 2, 3]).is_err());
    }
}
