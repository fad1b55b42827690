//! Download modes: which sources a device may use for a content.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The value of the policy DODownloadMode, and the `Scope` of a join (documented).
///
/// In JSON and TOML it is the name that PowerShell prints; the number is read as well.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(into = "&'static str", try_from = "ModeText")]
pub enum DownloadMode {
    /// 0: HTTP only, no peers; the cloud service is still asked for metadata.
    CdnOnly,
    /// 1: peers behind the same public address.
    #[default]
    Lan,
    /// 2: peers with the same group id, also behind other public addresses.
    Group,
    /// 3: every peer.
    Internet,
    /// 99: HTTP only, without the cloud service.
    Simple,
    /// 100: not through Delivery Optimization at all but by BITS. Deprecated in Windows 11, where
    /// downloads can fail with 0x80D03002.
    Bypass,
}

/// A number or a name that is no download mode. The caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no download mode: use 0 (CdnOnly), 1 (Lan), 2 (Group), 3 (Internet), 99 (Simple) or 100 (Bypass)"
)]
pub struct UnknownDownloadMode(String);

impl DownloadMode {
    /// Every mode, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::CdnOnly,
        Self::Lan,
        Self::Group,
        Self::Internet,
        Self::Simple,
        Self::Bypass,
    ];

    /// The number that policies and joins carry.
    pub const fn number(self) -> u32 {
        match self {
            Self::CdnOnly => 0,
            Self::Lan => 1,
            Self::Group => 2,
            Self::Internet => 3,
            Self::Simple => 99,
            Self::Bypass => 100,
        }
    }

    /// The name that PowerShell prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CdnOnly => "CdnOnly",
            Self::Lan => "Lan",
            Self::Group => "Group",
            Self::Internet => "Internet",
            Self::Simple => "Simple",
            Self::Bypass => "Bypass",
        }
    }

    /// Whether peers may be used: modes 1 to 3.
    pub const fn peers(self) -> bool {
        matches!(self, Self::Lan | Self::Group | Self::Internet)
    }
}

impl fmt::Display for DownloadMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<DownloadMode> for &'static str {
    fn from(mode: DownloadMode) -> Self {
        mode.name()
    }
}

impl TryFrom<u32> for DownloadMode {
    type Error = UnknownDownloadMode;

    fn try_from(number: u32) -> Result<Self, UnknownDownloadMode> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.number() == number)
            .ok_or_else(|| UnknownDownloadMode(number.to_string()))
    }
}

impl FromStr for DownloadMode {
    type Err = UnknownDownloadMode;

    /// A name in any case, or a decimal number.
    fn from_str(text: &str) -> Result<Self, UnknownDownloadMode> {
        if let Ok(number) = text.parse::<u32>() {
            return Self::try_from(number);
        }
        Self::ALL
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownDownloadMode(crate::text::printable(text, 32)))
    }
}

/// What stands for a mode in a document.
#[derive(Deserialize)]
#[serde(untagged)]
enum ModeText {
    Number(u32),
    Name(String),
}

impl TryFrom<ModeText> for DownloadMode {
    type Error = UnknownDownloadMode;

    fn try_from(text: ModeText) -> Result<Self, UnknownDownloadMode> {
        match text {
            ModeText::Number(number) => Self::try_from(number),
            ModeText::Name(name) => name.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_go_both_ways() {
        let documented = [
            (0, "CdnOnly"),
            (1, "Lan"),
            (2, "Group"),
            (3, "Internet"),
            (99, "Simple"),
            (100, "Bypass"),
        ];
        for (mode, (number, name)) in DownloadMode::ALL.into_iter().zip(documented) {
            assert_eq!((mode.number(), mode.name()), (number, name));
            assert_eq!(DownloadMode::try_from(number), Ok(mode));
            assert_eq!(name.to_lowercase().parse(), Ok(mode));
            assert_eq!(number.to_string().parse(), Ok(mode));
            let json = serde_json::to_string(&mode).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<DownloadMode>(&json).unwrap(), mode);
            let number = number.to_string();
            assert_eq!(serde_json::from_str::<DownloadMode>(&number).unwrap(), mode);
        }
    }

    #[test]
    fn only_three_modes_have_peers() {
        let with: Vec<u32> = DownloadMode::ALL
            .into_iter()
            .filter(|mode| mode.peers())
            .map(DownloadMode::number)
            .collect();
        assert_eq!(with, [1, 2, 3]);
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for text in ["4", "98", "101", "-1", "", "lan ", "4294967296", "Peer"] {
            let error = text.parse::<DownloadMode>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{text}` is no download mode")),
                "{error}"
            );
        }
        assert!(serde_json::from_str::<DownloadMode>("7").is_err());
        assert!(serde_json::from_str::<DownloadMode>("null").is_err());
    }
}
