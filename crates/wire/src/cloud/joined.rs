use std::{net::SocketAddr, time::Duration};

use serde::{Serialize, Serializer};
use smallvec::SmallVec;

use super::{Document, MAX_PEERS, REANNOUNCE_SECS, ReplyError, fields};
use crate::{PeerType, swarm::PeerId};

/// The answer to a join. Nothing public shows one: all of it is **assumed**.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Joined {
    /// Seconds until the device should join again.
    #[serde(rename = "IntervalSecs", serialize_with = "seconds")]
    pub interval: Duration,
    /// Devices that it may meet, the nearest first; at most [`MAX_PEERS`].
    pub peers: Vec<OfferedPeer>,
}

/// A device that another one may meet (**assumed**).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OfferedPeer {
    /// Who it is.
    #[serde(serialize_with = "display")]
    pub peer_id: PeerId,
    /// Where it listens, the most promising address first; at most [`OfferedPeer::MAX_ADDRS`].
    #[serde(serialize_with = "addresses")]
    pub addresses: SmallVec<[SocketAddr; Self::MAX_ADDRS]>,
    /// What it is to the device that asked. The cloud assigns it (documented).
    #[serde(serialize_with = "number")]
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
}

fn seconds<S: Serializer>(interval: &Duration, to: S) -> Result<S::Ok, S::Error> {
    interval.as_secs().serialize(to)
}

fn display<S: Serializer>(id: &PeerId, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(id)
}

fn addresses<S: Serializer>(addresses: &[SocketAddr], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(addresses.iter().map(Written))
}

/// An address as text, IPv4 without the formatting of `std`: an answer holds up to 255 of them.
struct Written<'a>(&'a SocketAddr);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let SocketAddr::V4(addr) = self.0 else {
            return to.collect_str(self.0);
        };
        let (mut text, mut len) = ([0; 21], 0);
        let mut put = |byte| {
            text[len] = byte;
            len += 1;
        };
        for (n, octet) in addr.ip().octets().into_iter().enumerate() {
            if n > 0 {
                put(b'.');
            }
            digits(octet.into(), &mut put);
        }
        put(b':');
        digits(addr.port(), &mut put);
        to.serialize_str(str::from_utf8(&text[..len]).expect("digits are text"))
    }
}

fn digits(number: u16, put: &mut impl FnMut(u8)) {
    let mut unit = 10_000;
    while unit > 1 && number < unit {
        unit /= 10;
    }
    while unit > 0 {
        put(b'0' + (number / unit % 10) as u8);
        unit /= 10;
    }
}

fn number<S: Serializer>(kind: &PeerType, to: S) -> Result<S::Ok, S::Error> {
    kind.number().serialize(to)
}
