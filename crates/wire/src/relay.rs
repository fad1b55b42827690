//! The cloud as go-between for two lab peers, each of which can reach it but not the other.
//!
//! All of it is ours: Delivery Optimization has nothing like it. A station waits with a `GET` of
//! [`WAIT_PATH`] that asks to upgrade to [`PROTOCOL`]; another calls it with a `GET` of
//! [`CALL_PATH`]. Then the cloud carries bytes between the two connections. While a station waits,
//! the cloud sends it [`TICK`] now and then. Once somebody calls it sends [`BEGIN`], the address that it
//! sees the caller at, in text, and a line feed; what follows is the caller's.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::text::printable;

/// Where a station waits to be called. Parameters: `station` (its id), `name`, `addresses` (with
/// ports, and commas between them).
pub const WAIT_PATH: &str = "/dolab/relay/wait";
/// Where a station is called. Parameter: `station`.
pub const CALL_PATH: &str = "/dolab/relay/call";
/// Where those that wait are listed, as a JSON list of [`Station`].
pub const STATIONS_PATH: &str = "/dolab/stations";
/// What both upgrade to.
pub const PROTOCOL: &str = "dolab-relay/1";
/// Sent to a station that waits, so that the connection is not taken for dead.
pub const TICK: u8 = b'.';
/// Sent to a station that was called, before the caller's address.
pub const BEGIN: u8 = b'!';

/// Addresses of one station.
pub const MAX_ADDRESSES: usize = 16;
/// Characters of a station's name.
pub const MAX_NAME: usize = 64;

/// A lab peer that waits to be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Station {
    /// Its peer id, 40 hex digits.
    pub id: String,
    /// What its host is called.
    pub name: String,
    /// Where it listens for the exchange, as far as it knows.
    pub addresses: Vec<SocketAddr>,
    /// The address that the cloud sees it at.
    pub external: IpAddr,
}

impl Station {
    /// The same, with no more than may be shown and kept.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.name = printable(&self.name, MAX_NAME);
        self.addresses.truncate(MAX_ADDRESSES);
        self
    }

    /// Whether it is the host at `addr`.
    pub fn is_at(&self, addr: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.ip() == addr)
    }
}
