//! Kinds of sources that a download can have.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What kind of source bytes came from, as Delivery Optimization counts them (documented).
///
/// In JSON it is the name that PowerShell prints; the number is read as well.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(into = "&'static str", try_from = "TypeText")]
pub enum PeerType {
    /// 0: not known.
    #[default]
    None,
    /// 1: a peer on the local network. A group peer on the local network is one of these.
    Lan,
    /// 2: the content's own HTTP source.
    Cdn,
    /// 3: a peer on the internet.
    Internet,
    /// 4: a peer of the same group that is not on the local network.
    Group,
    /// 5: a Connected Cache ("Delivery Optimization in-network cache").
    Doinc,
    /// 6: this host's own cache.
    LocalCache,
    /// 7: a peer found by DNS-SD on the link.
    LinkLocal,
}

/// A number or a name that is no peer type. The caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no peer type: use 0 (None), 1 (LAN), 2 (CDN), 3 (Internet), 4 (Group), 5 (DOINC), 6 (LocalCache) or 7 (LinkLocal)"
)]
pub struct UnknownPeerType(String);

impl PeerType {
    /// Every type, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Lan,
        Self::Cdn,
        Self::Internet,
        Self::Group,
        Self::Doinc,
        Self::LocalCache,
        Self::LinkLocal,
    ];

    /// The number that the status carries.
    pub const fn number(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Lan => 1,
            Self::Cdn => 2,
            Self::Internet => 3,
            Self::Group => 4,
            Self::Doinc => 5,
            Self::LocalCache => 6,
            Self::LinkLocal => 7,
        }
    }

    /// The name that PowerShell prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Lan => "LAN",
            Self::Cdn => "CDN",
            Self::Internet => "Internet",
            Self::Group => "Group",
            Self::Doinc => "DOINC",
            Self::LocalCache => "LocalCache",
            Self::LinkLocal => "LinkLocal",
        }
    }

    /// Whether another device is behind it, rather than a server or this host.
    pub const fn is_peer(self) -> bool {
        matches!(
            self,
            Self::Lan | Self::Internet | Self::Group | Self::LinkLocal
        )
    }
}

impl fmt::Display for PeerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<PeerType> for &'static str {
    fn from(kind: PeerType) -> Self {
        kind.name()
    }
}

impl TryFrom<u32> for PeerType {
    type Error = UnknownPeerType;

    fn try_from(number: u32) -> Result<Self, UnknownPeerType> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.number() == number)
            .ok_or_else(|| UnknownPeerType(number.to_string()))
    }
}

impl FromStr for PeerType {
    type Err = UnknownPeerType;

    /// A name in any case, or a decimal number.
    fn from_str(text: &str) -> Result<Self, UnknownPeerType> {
        if let Ok(number) = text.parse::<u32>() {
            return Self::try_from(number);
        }
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownPeerType(crate::text::printable(text, 32)))
    }
}

/// What stands for a type in a document.
#[derive(Deserialize)]
#[serde(untagged)]
enum TypeText {
    Number(u32),
    Name(String),
}

impl TryFrom<TypeText> for PeerType {
    type Error = UnknownPeerType;

    fn try_from(text: TypeText) -> Result<Self, UnknownPeerType> {
        match text {
            TypeText::Number(number) => Self::try_from(number),
            TypeText::Name(name) => name.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_go_both_ways() {
        let documented = [
            "None",
            "LAN",
            "CDN",
            "Internet",
            "Group",
            "DOINC",
            "LocalCache",
            "LinkLocal",
        ];
        for (number, (kind, name)) in (0u32..).zip(PeerType::ALL.into_iter().zip(documented)) {
            assert_eq!((kind.number(), kind.name()), (number, name));
            assert_eq!(PeerType::try_from(number), Ok(kind));
            assert_eq!(name.to_lowercase().parse(), Ok(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<PeerType>(&json).unwrap(), kind);
            let number = number.to_string();
            assert_eq!(serde_json::from_str::<PeerType>(&number).unwrap(), kind);
        }
    }

    #[test]
    fn servers_and_this_host_are_no_peers() {
        let others: Vec<u32> = PeerType::ALL
            .into_iter()
            .filter(|kind| !kind.is_peer())
            .map(PeerType::number)
            .collect();
        assert_eq!(others, [0, 2, 5, 6]);
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for text in ["8", "-1", "", "Peer"] {
            assert!(text.parse::<PeerType>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<PeerType>("[]").is_err());
    }
}
