use std::{fmt, net::IpAddr, str::FromStr};

/// A network, such as `192.0.2.0/24`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// The part before the slash.
    #[error("`{0}` is no IP address: write a network as 192.0.2.0/24 or 2001:db8::/32")]
    Address(String),
    /// The part behind it.
    #[error("`{0}` is no prefix length: it goes from 0 to {1}")]
    Prefix(String, u8),
    /// An address within the network rather than its first.
    #[error("{given} is not the first address of its network: write {network}")]
    HostBits {
        /// What was given.
        given: String,
        /// What was meant.
        network: Cidr,
    },
}

impl Cidr {
    /// The network of `prefix` bits that `address` is in.
    ///
    /// # Errors
    ///
    /// When there are more bits than an address has.
    pub fn containing(address: IpAddr, prefix: u8) -> Result<Self, CidrError> {
        let most = if address.is_ipv4() { 32 } else { 128 };
        if prefix > most {
            return Err(CidrError::Prefix(prefix.to_string(), most));
        }
        let address = match address {
            IpAddr::V4(a) => {
                let mask = u32::MAX.checked_shl(u32::from(32 - prefix)).unwrap_or(0);
                IpAddr::V4((a.to_bits() & mask).into())
            }
            IpAddr::V6(a) => {
                let mask = u128::MAX.checked_shl(u32::from(128 - prefix)).unwrap_or(0);
                IpAddr::V6((a.to_bits() & mask).into())
            }
        };
        Ok(Self { address, prefix })
    }

    /// Whether it is of IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::containing(address.to_canonical(), self.prefix).as_ref() == Ok(self)
    }
}

impl From<IpAddr> for Cidr {
    fn from(address: IpAddr) -> Self {
        Self {
            address,
            prefix: if address.is_ipv4() { 32 } else { 128 },
        }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| CidrError::Address(address.to_owned()))?;
        let Some(prefix) = prefix else {
            return Ok(address.into());
        };
        let most = Self::from(address).prefix;
        let bits = prefix
            .parse()
            .map_err(|_| CidrError::Prefix(prefix.to_owned(), most))?;
        let network = Self::containing(address, bits)?;
        if network.address != address {
            return Err(CidrError::HostBits {
                given: text.to_owned(),
                network,
            });
        }
        Ok(network)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::from(self.address).prefix == self.prefix {
            true => write!(f, "{}", self.address),
            false => write!(f, "{}/{}", self.address, self.prefix),
        }
    }
}
