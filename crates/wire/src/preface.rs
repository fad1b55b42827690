//! The first bytes of a connection: a length byte and a protocol name of that length.
//!
//! The Swarm protocol begins so (observed), and our check session borrows the form, so that one
//! port serves both.

use crate::{Incompatible, Malformed, WireError, swarm};

/// Longest protocol name that some Windows versions accept (observed).
pub const MAX_NAME_LEN: u8 = 0x32;

/// Name of dolab's own session, which asks a peer for probes and for what it has seen.
pub const CHECK_NAME: &[u8; 11] = b"dolab check";

/// The protocol that a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Delivery Optimization's exchange.
    Swarm,
    /// dolab's check session.
    Check,
}

impl Protocol {
    /// The name as it stands on the wire, without its length byte.
    pub fn name(self) -> &'static [u8] {
        match self {
            Self::Swarm => swarm::PROTOCOL_NAME,
            Self::Check => CHECK_NAME,
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
    for protocol in [Protocol::Swarm, Protocol::Check] {
        if name == protocol.name() {
            return Ok(Some(protocol));
        }
    }
    // Escaped, because it ends in logs and on terminals.
    Err(Incompatible::Protocol(name.escape_ascii().to_string()).into())
}
