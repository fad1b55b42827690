//! The system that the policies are for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A system, as far as Delivery Optimization's defaults depend on it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Os {
    /// Windows 10, any version.
    #[serde(rename = "windows-10")]
    Windows10,
    /// Windows 11, any version.
    #[default]
    #[serde(rename = "windows-11")]
    Windows11,
    /// Windows Server: peers are off unless a policy says otherwise, and a server shares with servers
    /// only (reported by administrators, not by Microsoft).
    #[serde(rename = "windows-server")]
    Server,
}

/// A name that is no system's. The caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no system: use windows-10, windows-11 or windows-server")]
pub struct UnknownOs(String);

impl Os {
    /// Every system.
    pub const ALL: [Self; 3] = [Self::Windows10, Self::Windows11, Self::Server];

    /// `windows-10`, `windows-11` or `windows-server`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Windows10 => "windows-10",
            Self::Windows11 => "windows-11",
            Self::Server => "windows-server",
        }
    }

    /// Whether devices of these two systems share with each other: servers do with servers, clients
    /// with clients (reported).
    pub const fn shares_with(self, other: Self) -> bool {
        matches!(self, Self::Server) == matches!(other, Self::Server)
    }
}

impl fmt::Display for Os {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Os {
    type Err = UnknownOs;

    fn from_str(text: &str) -> Result<Self, UnknownOs> {
        Self::ALL
            .into_iter()
            .find(|os| os.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownOs(dolab_wire::text::printable(text, 40)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_share_with_servers_and_clients_with_clients() {
        for a in Os::ALL {
            assert_eq!(a.name().parse(), Ok(a));
            for b in Os::ALL {
                let alike = (a == Os::Server) == (b == Os::Server);
                assert_eq!(a.shares_with(b), alike, "{a} {b}");
            }
        }
        assert!("windows".parse::<Os>().is_err());
    }
}
