use std::fmt;

use dolab_wire::session::{Digest, Open, Role};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A secret that both sides of a check hold.
///
/// Each side proves it by an HMAC-SHA256 over both nonces; the secret itself is never sent. The
/// side that opened the connection proves first, so that a stranger who only connects gets
/// nothing to guess against. Who can read a good session along can try secrets against its proofs:
/// a secret worth the name is long and random.
#[derive(Clone)]
pub struct Key(Vec<u8>);

/// An empty text makes no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is empty: write the same text on both hosts, or leave the key out on both")]
pub struct EmptyKey;

impl Key {
    /// The key that a text stands for.
    ///
    /// # Errors
    /// When it is empty.
    pub fn new(secret: &str) -> Result<Self, EmptyKey> {
        if secret.is_empty() {
            Err(EmptyKey)
        } else {
            Ok(Self(secret.as_bytes().to_vec()))
        }
    }

    /// The proof of the side that sent `prover`, to the one that sent `verifier`.
    pub(crate) fn prove(&self, prover: &Open, verifier: &Open) -> Digest {
        Digest(self.mac(prover, verifier).finalize().into_bytes().into())
    }

    /// Whether `proof` is that of the side that sent `prover`. Takes the same time for all wrong
    /// ones.
    pub(crate) fn verify(&self, proof: &Digest, prover: &Open, verifier: &Open) -> bool {
        self.mac(prover, verifier).verify_slice(&proof.0).is_ok()
    }

    /// Everything that both sides said so far goes in, and the part that the prover plays: a proof
    /// can be used in no other session, in no other direction and for no other version.
    fn mac(&self, prover: &Open, verifier: &Open) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(b"dolab check proof 1");
        for open in [prover, verifier] {
            mac.update(&open.version.to_be_bytes());
            mac.update(match open.role {
                Role::Asker => b"asker...",
                Role::Answerer => b"answerer",
            });
            mac.update(&open.nonce.0);
            mac.update(&open.call.unwrap_or_default().to_be_bytes());
        }
        mac
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(role: Role, nonce: u8) -> Open {
        Open {
            version: 1,
            role,
            nonce: Digest([nonce; 32]),
            key: true,
            call: None,
        }
    }

    #[test]
    fn a_proof_is_good_for_its_own_session_only() {
        let key = Key::new("correct horse").unwrap();
        let (asker, answerer) = (open(Role::Asker, 1), open(Role::Answerer, 2));
        let proof = key.prove(&asker, &answerer);
        assert!(key.verify(&proof, &asker, &answerer));
        // Reflected to the side that made it.
        assert!(!key.verify(&proof, &answerer, &asker));
        // Replayed with fresh nonces, in another version, in another call.
        assert!(!key.verify(&proof, &asker, &open(Role::Answerer, 3)));
        let newer = Open {
            version: 2,
            ..open(Role::Answerer, 2)
        };
        assert!(!key.verify(&proof, &asker, &newer));
        let called = Open {
            call: Some(7),
            ..open(Role::Answerer, 2)
        };
        assert!(!key.verify(&proof, &asker, &called));
        // Another key.
        assert!(
            !Key::new("correct horsf")
                .unwrap()
                .verify(&proof, &asker, &answerer)
        );
    }

    #[test]
    fn a_key_is_never_printed_and_never_empty() {
        assert_eq!(format!("{:?}", Key::new("hunter2").unwrap()), "Key(..)");
        assert_eq!(Key::new("").unwrap_err(), EmptyKey);
    }
}
