//! The form in which a registration is kept.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use dolab_wire::cloud::{Join, Leave};

use super::Record;

/// Name and version of the format.
pub(super) const FORMAT: &[u8] = b"dolab.cloud.state/1";

/// Milliseconds (8), the external address as IPv6 (16), and the join as it is on the wire.
const HEAD: usize = 24;

impl Record {
    pub(super) fn encode(&self) -> Vec<u8> {
        let millis = u64::try_from(self.at.as_millis()).unwrap_or(u64::MAX);
        let external = match self.external {
            IpAddr::V4(addr) => addr.to_ipv6_mapped(),
            IpAddr::V6(addr) => addr,
        };
        let mut bytes = millis.to_be_bytes().to_vec();
        bytes.extend(external.octets());
        bytes.extend(self.join.to_json());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, join) = bytes.split_at_checked(HEAD)?;
        let external: [u8; 16] = head[8..].try_into().ok()?;
        Some(Self {
            at: Self::time_of(bytes)?,
            external: IpAddr::from(Ipv6Addr::from(external)).to_canonical(),
            join: Join::parse(join).ok()?,
        })
    }

    /// When a registration was made, without reading the rest.
    pub(super) fn time_of(bytes: &[u8]) -> Option<Duration> {
        let millis = u64::from_be_bytes(*bytes.first_chunk()?);
        Some(Duration::from_millis(millis))
    }
}

pub(super) fn key_of_join(join: &Join) -> Vec<u8> {
    key(&join.peer_id, join.content())
}

pub(super) fn key_of_leave(leave: &Leave) -> Vec<u8> {
    key(&leave.peer_id, leave.content())
}

/// The peer's id has always the same length, so that no two pairs make one key.
fn key(peer: &dolab_wire::swarm::PeerId, content: &str) -> Vec<u8> {
    let mut key = peer.to_string().into_bytes();
    key.extend(content.bytes());
    key
}
