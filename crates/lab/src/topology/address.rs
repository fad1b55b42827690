//! Subnets.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::Deserialize;

/// An IPv4 or IPv6 subnet, written `10.50.0.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Subnet {
    address: IpAddr,
    prefix: u8,
}

impl Subnet {
    /// The lowest address of it.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The length of the part that all its addresses share, in bits.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether an address is in it. An address of the other family never is.
    pub fn contains(&self, address: IpAddr) -> bool {
        first(address, self.prefix) == self.address
    }
}

/// The address with all bits behind the prefix cleared.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32)));
            std::net::Ipv4Addr::from(address.to_bits() & mask.unwrap_or(0)).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128)));
            std::net::Ipv6Addr::from(address.to_bits() & mask.unwrap_or(0)).into()
        }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// A text that is no subnet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no subnet: write its lowest address and its length, as in 10.50.0.0/24")]
pub struct ParseSubnetError(String);

impl FromStr for Subnet {
    type Err = ParseSubnetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseSubnetError(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if prefix > most || first(address, prefix) != address {
            return Err(wrong());
        }
        Ok(Self { address, prefix })
    }
}

impl TryFrom<String> for Subnet {
    type Error = ParseSubnetError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
