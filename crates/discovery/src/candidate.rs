use std::{net::SocketAddr, time::Instant};

use dolab_content::ContentId;
use dolab_wire::{PeerType, swarm::PeerId};
use sha2::{Digest, Sha256};

use crate::CallRequest;

/// A host that may share, and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// How it was found.
    pub source: Source,
    /// What names it: the DNS-SD instance, or what the user typed. Printable.
    pub name: String,
    /// The host's name where it is known, such as `pc17.local`. Printable.
    pub host: Option<String>,
    /// Where it listens, the best address first: IPv4, then wider IPv6, then link-local ones with
    /// their scope. At most [`Candidate::MAX_ADDRS`].
    pub addrs: Vec<SocketAddr>,
    /// What kind of host it is.
    pub kind: Kind,
    /// What its bytes are counted as. Peers found by DNS-SD are LinkLocal, all others what the
    /// cloud says (documented); one that the user named is LAN when its address is near, else
    /// Internet (**assumed**).
    pub peer_type: PeerType,
    /// Names of this host's interfaces that it was found on. Empty for a static candidate.
    pub interfaces: Vec<String>,
    /// When it was found first.
    pub found: Instant,
    /// When something new was last heard of it. Plain renewals of records do not count.
    pub changed: Instant,
}

impl Candidate {
    /// Addresses that are kept of one candidate.
    pub const MAX_ADDRS: usize = 16;

    /// What its TXT record says, where it is a lab peer.
    pub fn lab(&self) -> Option<&LabPeer> {
        match &self.kind {
            Kind::Lab(lab) => Some(lab),
            Kind::Offered(_) | Kind::Windows | Kind::Other | Kind::Unknown => None,
        }
    }

    /// Whether it is a lab peer that lists a content, or that has more contents than it lists.
    pub fn may_have(&self, content: ContentId) -> bool {
        self.lab().is_some_and(|lab| {
            let all_listed = lab.contents.len() as u64 >= u64::from(lab.total);
            lab.contents.contains(&content) || !all_listed
        })
    }

    /// Whether `other` says the same, whenever it was said.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let times = (other.found, other.changed);
        *other
            == Self {
                found: times.0,
                changed: times.1,
                ..self.clone()
            }
    }
}

/// How a candidate was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Source {
    /// DNS-SD on the local link. Delivery Optimization types such peers LinkLocal (documented).
    DnsSd,
    /// The user named it.
    Static,
    /// The cloud offered it.
    Cloud,
}

impl Source {
    /// The name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::DnsSd => "dns-sd",
            Self::Static => "static",
            Self::Cloud => "cloud",
        }
    }
}

/// What kind of host a candidate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Another dolab.
    Lab(LabPeer),
    /// The cloud knows it by this id.
    Offered(PeerId),
    /// It announces itself as a Windows host does: the instance is the host's name, the port 7680,
    /// and the TXT record is not ours. **Assumed**: nothing in the announcement proves it.
    Windows,
    /// It announces the service in another form.
    Other,
    /// Nothing but its address is known.
    Unknown,
}

/// What a lab peer's TXT record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabPeer {
    /// Its peer id.
    pub peer: PeerId,
    /// Its version of dolab. Printable, and empty when it does not say.
    pub version: String,
    /// Contents that it has, at most [`txt::MAX_CONTENTS`](crate::txt::MAX_CONTENTS).
    pub contents: Vec<ContentId>,
    /// How many contents it has in all: more than listed when the list was cut.
    pub total: u32,
    /// The group that it is in, when it is in group mode.
    pub group: Option<GroupMark>,
    /// Hosts that it asks to call it back, at most [`txt::MAX_CALLS`](crate::txt::MAX_CALLS).
    pub calls: Vec<CallRequest>,
}

/// What tells on the link whether two devices are in one group, and not which: the first 8 bytes of
/// the SHA-256 of the group's id (assumed; what Windows announces is not known).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupMark(pub [u8; 8]);

impl GroupMark {
    /// The mark of a group.
    pub fn of(id: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(id.as_bytes()).into();
        let mut mark = [0; 8];
        mark.copy_from_slice(&digest[..8]);
        Self(mark)
    }
}

/// A lab peer asks this host to call it back, because it can open nothing towards us.
///
/// Whether to follow is the receiver's decision. Nothing in it is authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who asks.
    pub from: Candidate,
    /// What the caller expects to see again in the connection that answers.
    pub nonce: u64,
    /// Its addresses on a network that this host is directly attached to, with its port. mDNS does
    /// not leave the link, so a caller that names other addresses wants someone else called.
    pub dial: Vec<SocketAddr>,
}

/// Something that the network told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A candidate is there. Each subscription begins with one for each that is known.
    Found(Candidate),
    /// A candidate says something else than before: addresses, contents, kind.
    Changed(Candidate),
    /// A candidate said goodbye, or its records expired.
    Lost(Candidate),
    /// This host is asked to call back. Told once for each caller and nonce.
    Called(Call),
    /// Our announcement went out under this instance name, which is not the one that was asked
    /// for when another host had that already.
    Announced {
        /// The instance.
        instance: String,
    },
}

impl Event {
    /// The candidate, when the event tells that one is there and what it says.
    pub fn candidate(&self) -> Option<&Candidate> {
        match self {
            Self::Found(candidate) | Self::Changed(candidate) => Some(candidate),
            Self::Lost(_) | Self::Called(_) | Self::Announced { .. } => None,
        }
    }
}
