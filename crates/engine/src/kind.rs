//! What type of peer an address stands for.

use std::net::IpAddr;

use dolab_wire::{PeerType, is_near};

/// The networks that this device is in.
#[derive(Debug, Default)]
pub(crate) struct Subnets(Vec<(IpAddr, u8)>);

impl Subnets {
    /// Takes the networks, each an address in it and the length of its prefix in bits.
    pub(crate) fn set(&mut self, subnets: Vec<(IpAddr, u8)>) {
        self.0 = subnets;
    }

    fn contain(&self, addr: IpAddr) -> bool {
        self.0
            .iter()
            .any(|&(network, bits)| same_prefix(addr, network.to_canonical(), bits))
    }

    /// What a peer counts as that was offered as this: a group peer on the LAN is a LAN peer
    /// (documented).
    pub(crate) fn offered(&self, addr: IpAddr, kind: PeerType) -> PeerType {
        if kind == PeerType::Group && self.contain(addr.to_canonical()) {
            PeerType::Lan
        } else {
            kind
        }
    }

    /// What a peer counts as that nobody offered (assumed): one of this host, of its link or of its
    /// subnets is on the LAN; one with another private address is what the rules call `strangers`,
    /// and anyone else is an Internet peer. A LAN peer with a public address outside our subnets
    /// is thereby taken for an Internet peer (documented, of the real client).
    pub(crate) fn unoffered(&self, addr: IpAddr, strangers: PeerType) -> PeerType {
        let addr = addr.to_canonical();
        if addr.is_loopback() || is_link_local(addr) || self.contain(addr) {
            PeerType::Lan
        } else if is_near(addr) {
            strangers
        } else {
            PeerType::Internet
        }
    }
}

fn is_link_local(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

fn same_prefix(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let differs = one.to_bits() ^ other.to_bits();
            differs.leading_zeros() >= u32::from(bits.min(32))
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let differs = one.to_bits() ^ other.to_bits();
            differs.leading_zeros() >= u32::from(bits.min(128))
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
