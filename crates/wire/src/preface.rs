//! The first bytes of a connection: a length byte and a protocol name of that length.
//!
//! The Swarm protocol begins so (observed), and our check session and benchmark borrow the form, so that
//! one port serves all.

use crate::{Incompatible, Malformed, WireError, swarm};

/// Longest protocol name that some Windows versions accept (observed).
pub const MAX_NAME_LEN: u8 = 0x32;

/// Name of dolab's own session, which asks a peer for probes and for what it has seen.
pub const CHECK_NAME: &[u8; 11] = b"dolab check";

/// Name on a connection that carries nothing but a benchmark's bytes. Behind it come the
/// [`BENCH_TOKEN_LEN`] bytes that the session handed out for it.
pub const BENCH_NAME: &[u8; 11] = b"dolab bench";

/// Bytes of the token behind [`BENCH_NAME`].
pub const BENCH_TOKEN_LEN: usize = 32;

/// The protocol that a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Delivery Optimization's exchange.
    Swarm,
    /// dolab's check session.
    Check,
    /// A benchmark's bytes.
    Bench,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Swarm, Self::Check, Self::Bench];

    /// The name as it stands on the wire, without its length byte.
    pub fn name(self) -> &'static [u8] {
        match self {
            Self::Swarm => swarm::PROTOCOL_NAME,
            Self::Check => CHECK_NAME,
            Self::Bench => BENCH_NAME,
        }
    }
}

/// Reads the protocol off the first bytes of a connection, consuming none of them.
///
/// `Ok(None)` means that more bytes are needed. An error is final, and comes as early as the bytes
/// allow: a scanner's `GET /` is refused at its first byte.
pub fn detect(first: &[u8]) -> Result<Option<Protocol>, WireError> {
    let Some((&len, rest)) = first.split_first() else {
        return Ok(None);
    };
    if len == 0 || len > MAX_NAME_LEN {
        return Err(Malformed::Preface(len).into());
    }
    let Some(name) = rest.get(..usize::from(len)) else {
        return Ok(None);
    };
    for protocol in Protocol::ALL {
        if name == protocol.name() {
            return Ok(Some(protocol));
        }
    }
    // Escaped, because it ends in logs and on terminals.
    Err(Incompatible::Protocol(name.escape_ascii().to_string()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(name: &[u8]) -> Vec<u8> {
        [&[name.len() as u8], name].concat()
    }

    #[test]
    fn each_protocol_is_known_by_its_whole_name_only() {
        for protocol in Protocol::ALL {
            let mut bytes = framed(protocol.name());
            for len in 0..bytes.len() {
                assert_eq!(detect(&bytes[..len]), Ok(None), "after {len} bytes");
            }
            assert_eq!(detect(&bytes), Ok(Some(protocol)));
            bytes.extend(b"what follows");
            assert_eq!(
                detect(&bytes),
                Ok(Some(protocol)),
                "what follows does not matter"
            );
        }
    }

    #[test]
    fn the_first_byte_is_enough_to_refuse_what_is_no_length() {
        // HTTP, TLS, SSH, and the end of the range.
        for first in [b'G', b'P', b'S', 0x00, MAX_NAME_LEN + 1, 0xFF] {
            assert_eq!(detect(&[first]), Err(Malformed::Preface(first).into()));
        }
        assert_eq!(detect(&[MAX_NAME_LEN]), Ok(None));
    }

    #[test]
    fn another_name_is_told_and_cannot_spoil_a_terminal() {
        let named = |name: &str| Err(Incompatible::Protocol(name.to_owned()).into());
        assert_eq!(
            detect(&framed(b"BitTorrent protocol")),
            named("BitTorrent protocol")
        );
        assert_eq!(detect(&framed(b"\x1b[2J")), named("\\x1b[2J"));
        // A TLS record's first byte is a length that is allowed.
        let hello = [
            0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03,
        ];
        assert_eq!(detect(&hello), Ok(None));
        // One letter off, in either direction.
        assert!(detect(&framed(b"Swarm protocoL")).is_err());
        assert!(detect(&framed(b"Swarm protoco")).is_err());
    }
}
