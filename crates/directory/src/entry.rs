use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use dolab_wire::{
    DownloadMode, PeerType,
    cloud::{Join, OfferedPeer, PeerSelection},
    swarm::PeerId,
};

use smallvec::SmallVec;

use crate::{Instant, circle::MAX_CIRCLES};

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

/// A name that no registration has yet.
pub(crate) const UNNAMED: u32 = u32::MAX - 1;

/// One registration, as compact as a million of them need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) peer: PeerId,
    pub(crate) port: u16,
    /// Unspecified when the device has none.
    pub(crate) ipv6: Ipv6Addr,
    /// When the registration ends.
    pub(crate) ends: Instant,
    /// The registration that ends just before, and the one just after.
    pub(crate) older: u32,
    pub(crate) newer: u32,
    /// Where it sits in each of its circles.
    pub(crate) seats: [Seat; MAX_CIRCLES],
}

/// A place in a crowd.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) crowd: u32,
    pub(crate) at: u32,
}

/// What decides whom a device may meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) content: u32,
    /// [`NONE`] without a group, and in every mode but Group.
    pub(crate) group: u32,
    /// The public address; IPv4 in its mapped form.
    pub(crate) external: Ipv6Addr,
    /// The private address; unspecified when it is not known.
    pub(crate) private: Ipv4Addr,
    /// Bits of the subnet mask; [`Place::NO_SUBNET`] when it is not known.
    pub(crate) prefix: u8,
    pub(crate) mode: DownloadMode,
    pub(crate) restrict: PeerSelection,
    pub(crate) is_server: bool,
    /// Whether it has all of the content.
    pub(crate) is_seed: bool,
}

impl Default for Seat {
    fn default() -> Self {
        Self {
            crowd: NONE,
            at: NONE,
        }
    }
}

impl Default for Entry {
    /// What stands in a free slot.
    fn default() -> Self {
        Self {
            place: Place {
                content: NONE,
                group: NONE,
                external: Ipv6Addr::UNSPECIFIED,
                private: Ipv4Addr::UNSPECIFIED,
                prefix: Place::NO_SUBNET,
                mode: DownloadMode::CdnOnly,
                restrict: PeerSelection::Any,
                is_server: false,
                is_seed: false,
            },
            peer: PeerId([0; 20]),
            port: 0,
            ipv6: Ipv6Addr::UNSPECIFIED,
            ends: Instant(0),
            older: NONE,
            newer: NONE,
            seats: [Seat::default(); MAX_CIRCLES],
        }
    }
}

impl Entry {
    pub(crate) fn new(
        content: u32,
        group: Option<u32>,
        external: IpAddr,
        join: &Join,
        ends: Instant,
    ) -> Self {
        let private = join.reported_ip.unwrap_or(Ipv4Addr::UNSPECIFIED);
        Self {
            place: Place {
                content,
                group: group.unwrap_or(NONE),
                external: mapped(external),
                private,
                prefix: join
                    .subnet_mask
                    .filter(|_| !private.is_unspecified())
                    .and_then(prefix)
                    .unwrap_or(Place::NO_SUBNET),
                mode: join.scope,
                restrict: join.restrict,
                is_server: join.is_server,
                is_seed: join.left == 0,
            },
            peer: join.peer_id,
            port: join.port,
            ipv6: join.ipv6.unwrap_or(Ipv6Addr::UNSPECIFIED),
            ends,
            ..Self::default()
        }
    }

    /// Whether both are the same device, whatever peer id it has: a restart makes a new one.
    pub(crate) fn is_same_device(&self, other: &Self) -> bool {
        let endpoint = |entry: &Self| (entry.place.external, entry.place.private, entry.port);
        self.peer == other.peer
            || !self.place.private.is_unspecified() && endpoint(self) == endpoint(other)
    }

    /// What `to` is told of this device.
    pub(crate) fn offer(&self, to: &Self) -> OfferedPeer {
        let peer_type = if self.place.is_at_site_of(&to.place) {
            PeerType::Lan
        } else if self.place.mode == DownloadMode::Group {
            PeerType::Group
        } else {
            PeerType::Internet
        };
        OfferedPeer {
            peer_id: self.peer,
            addresses: self.addresses(peer_type),
            peer_type,
        }
    }

    /// Where it may be reached, the most promising first.
    ///
    /// On the LAN by its private address (documented). In a group by that first, because groups
    /// are what sites with several ways out use. A stranger on the internet is not told a
    /// private address: it could do nothing with it. All but the first sentence is **assumed**.
    fn addresses(&self, to: PeerType) -> SmallVec<[SocketAddr; OfferedPeer::MAX_ADDRS]> {
        let Place {
            private, external, ..
        } = self.place;
        let external = external.to_canonical();
        let private = Some(IpAddr::V4(private)).filter(|private| {
            !private.is_unspecified() && (to != PeerType::Internet || *private == external)
        });
        let ipv6 = self.ipv6;
        let is_reachable = !ipv6.is_unspecified() && !ipv6.is_unicast_link_local();
        let ipv6 = is_reachable.then_some(IpAddr::V6(ipv6));
        let outside = (to != PeerType::Lan || private.is_none()).then_some(external);
        let mut addresses = SmallVec::new();
        for ip in [private, ipv6, outside].into_iter().flatten() {
            let address = SocketAddr::new(ip, self.port);
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }
}

impl Place {
    pub(crate) const NO_SUBNET: u8 = u8::MAX;

    /// The public address, of IPv6 the /64.
    pub(crate) fn site(&self) -> Ipv6Addr {
        if self.external.to_ipv4_mapped().is_some() {
            self.external
        } else {
            Ipv6Addr::from_bits(self.external.to_bits() & !u128::from(u64::MAX))
        }
    }

    /// Network and bits of its mask.
    pub(crate) fn subnet(&self) -> Option<(u32, u8)> {
        (self.prefix != Self::NO_SUBNET).then(|| {
            let hosts = u32::MAX.checked_shr(self.prefix.into()).unwrap_or(0);
            (self.private.to_bits() & !hosts, self.prefix)
        })
    }

    pub(crate) fn is_at_site_of(&self, other: &Self) -> bool {
        self.site() == other.site()
    }

    pub(crate) fn is_in_subnet_of(&self, other: &Self) -> bool {
        self.subnet().is_some() && self.subnet() == other.subnet()
    }
}

fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// Bits of a mask; `None` when ones follow zeros.
fn prefix(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    let ones = bits.leading_ones();
    (bits.count_ones() == ones).then_some(ones as u8)
}
