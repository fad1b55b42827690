use std::{net::SocketAddr, time::Duration};

use smallvec::SmallVec;

use super::{Document, MAX_PEERS, REANNOUNCE_SECS, ReplyError, fields};
use crate::{
    PeerType,
    swarm::{PeerId, hex},
};

/// The answer to a join. Nothing public shows one: all of it is **assumed**.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Seconds until the device should join again.
    pub interval: Duration,
    /// Devices that it may meet, the nearest first; at most [`MAX_PEERS`].
    pub peers: Vec<OfferedPeer>,
}

/// A device that another one may meet (**assumed**).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedPeer {
    /// Who it is.
    pub peer_id: PeerId,
    /// Where it listens, the most promising address first; at most [`OfferedPeer::MAX_ADDRS`].
    pub addresses: SmallVec<[SocketAddr; Self::MAX_ADDRS]>,
    /// What it is to the device that asked. The cloud assigns it (documented).
    pub peer_type: PeerType,
}

impl OfferedPeer {
    /// Addresses of one peer: private, IPv6, public.
    pub const MAX_ADDRS: usize = 3;
}

impl Joined {
    /// Reads an answer. Peers and addresses beyond their bounds are passed over.
    ///
    /// # Errors
    /// When a web page came, the JSON is not valid or empty, or a field of a peer is missing or
    /// wrong.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, ReplyError> {
        let document = Document::Joined;
        let value = fields::reply(document, content_type, body)?;
        let fields = fields::Fields::of(document, &value)?;
        let interval = fields.optional("IntervalSecs", "a number of seconds")?;
        let peers = fields.objects("Peers")?;
        let peer = |peer: &fields::Fields<'_>| {
            let addresses = peer.texts("Addresses")?;
            let address = |text: &String| {
                let value = || text.as_str().into();
                text.parse()
                    .map_err(|_| peer.wrong("Addresses", &value(), "addresses with ports"))
            };
            Ok(OfferedPeer {
                peer_id: peer.parse("PeerId", "40 hex digits")?,
                addresses: addresses
                    .iter()
                    .take(OfferedPeer::MAX_ADDRS)
                    .map(address)
                    .collect::<Result<_, _>>()?,
                peer_type: peer.parse("PeerType", "a peer type")?,
            })
        };
        Ok(Self {
            interval: Duration::from_secs(interval.unwrap_or(REANNOUNCE_SECS)),
            peers: peers
                .iter()
                .take(MAX_PEERS)
                .map(peer)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The answer. Written by hand, for a cloud does little else (measured: a fifth of what a join
    /// costs it): nothing in it needs escaping.
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(64 + 128 * self.peers.len());
        text.extend(format!("{{\"IntervalSecs\":{},\"Peers\":[", self.interval.as_secs()).bytes());
        for (n, peer) in self.peers.iter().enumerate() {
            text.extend_from_slice(if n == 0 {
                b"{\"PeerId\":\""
            } else {
                b",{\"PeerId\":\""
            });
            text.extend_from_slice(hex(&peer.peer_id.0).as_flattened());
            text.extend_from_slice(b"\",\"Addresses\":[");
            for (n, &address) in peer.addresses.iter().enumerate() {
                text.extend_from_slice(if n == 0 { b"\"" } else { b",\"" });
                write_address(address, &mut text);
                text.push(b'"');
            }
            text.extend_from_slice(b"],\"PeerType\":");
            write_number(peer.peer_type.number(), &mut text);
            text.push(b'}');
        }
        text.extend_from_slice(b"]}");
        text
    }
}

/// An address as text, IPv4 without the formatting of `std`: an answer holds hundreds of them.
fn write_address(address: SocketAddr, to: &mut Vec<u8>) {
    let SocketAddr::V4(address) = address else {
        return to.extend(address.to_string().bytes());
    };
    for (n, octet) in address.ip().octets().into_iter().enumerate() {
        if n > 0 {
            to.push(b'.');
        }
        write_number(octet.into(), to);
    }
    to.push(b':');
    write_number(address.port().into(), to);
}

/// A number below 100,000.
fn write_number(number: u32, to: &mut Vec<u8>) {
    let mut unit = 10_000;
    while unit > 1 && number < unit {
        unit /= 10;
    }
    while unit > 0 {
        to.push(b'0' + (number / unit % 10) as u8);
        unit /= 10;
    }
}
