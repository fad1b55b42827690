//! The policies' names.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use crate::table::{Policy, TABLE};

/// One policy of Delivery Optimization. Where it stands in [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table says what each of them is")]
pub enum Name {
    DownloadMode,
    GroupId,
    GroupIdSource,
    RestrictPeerSelectionBy,
    MinFileSizeToCache,
    MinRamAllowedToPeer,
    MinDiskSizeAllowedToPeer,
    MinBatteryPercentageAllowedToUpload,
    AllowVpnPeerCaching,
    VpnKeywords,
    DisallowCacheServerDownloadsOnVpn,
    MonthlyUploadDataCap,
    MaxCacheAge,
    MaxCacheSize,
    AbsoluteMaxCacheSize,
    ModifyCacheDrive,
    MinBackgroundQos,
    DelayForegroundDownloadFromHttp,
    DelayBackgroundDownloadFromHttp,
    DelayCacheServerFallbackForeground,
    DelayCacheServerFallbackBackground,
    CacheHost,
    CacheHostSource,
    PercentageMaxForegroundBandwidth,
    PercentageMaxBackgroundBandwidth,
    MaxForegroundDownloadBandwidth,
    MaxBackgroundDownloadBandwidth,
    SetHoursToLimitForegroundDownloadBandwidth,
    SetHoursToLimitBackgroundDownloadBandwidth,
    MaxDownloadBandwidth,
    PercentageMaxDownloadBandwidth,
    MaxUploadBandwidth,
}

/// A name that is no policy's. The caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no policy `{name}`{}", suggestion(.nearest))]
pub struct UnknownPolicy {
    /// What was given, printable.
    pub name: String,
    /// The policy with the most similar name, if one is similar.
    pub nearest: Option<Name>,
}

fn suggestion(nearest: &Option<Name>) -> String {
    nearest.map_or_else(
        || ": `dolab policy list` shows them all".to_owned(),
        |name| format!(": did you mean `{name}`?"),
    )
}

impl Name {
    /// What the table says about it.
    pub fn policy(self) -> &'static Policy {
        TABLE[self as usize]
    }

    /// Every policy, in the table's order.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        TABLE.iter().map(|policy| policy.name)
    }

    /// The name in MDM, in the registry and in our files: `DODownloadMode`.
    pub fn mdm(self) -> &'static str {
        self.policy().mdm
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.mdm())
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.mdm())
    }
}

impl FromStr for Name {
    type Err = UnknownPolicy;

    /// The name in any case, as the registry takes it; `DO` in front may be left out.
    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        let bare = bare(text);
        Self::all()
            .find(|name| bare_of(*name).eq_ignore_ascii_case(bare))
            .ok_or_else(|| UnknownPolicy {
                name: dolab_wire::text::printable(text, 80),
                nearest: nearest(bare),
            })
    }
}

fn bare(text: &str) -> &str {
    match text.get(..2) {
        Some(head) if head.eq_ignore_ascii_case("DO") && !is_bare(text) => &text[2..],
        Some(_) | None => text,
    }
}

/// `DownloadMode` begins with `Do` by itself.
fn is_bare(text: &str) -> bool {
    Name::all().any(|name| bare_of(name).eq_ignore_ascii_case(text))
}

fn bare_of(name: Name) -> &'static str {
    &name.mdm()[2..]
}

/// The most similar name. What has little in common with any has none: such a guess only misleads.
fn nearest(bare: &str) -> Option<Name> {
    // Longer than any name by far; comparing costs the product of both lengths.
    if bare.len() > 100 {
        return None;
    }
    let bare = bare.to_ascii_lowercase();
    let distance =
        |name: Name| strsim::damerau_levenshtein(&bare, &bare_of(name).to_ascii_lowercase());
    Name::all()
        .map(|name| (distance(name), name))
        .min()
        .filter(|(distance, name)| *distance <= bare_of(*name).len() / 3)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_at_its_place_in_the_table() {
        for (place, policy) in TABLE.iter().enumerate() {
            assert_eq!(policy.name as usize, place, "{}", policy.mdm);
            assert!(policy.mdm.starts_with("DO"), "{}", policy.mdm);
            assert_eq!(policy.mdm.parse(), Ok(policy.name));
            assert_eq!(policy.mdm[2..].to_uppercase().parse(), Ok(policy.name));
        }
        assert_eq!(TABLE.len(), Name::MaxUploadBandwidth as usize + 1);
    }

    #[test]
    fn a_name_that_is_mistyped_suggests_the_nearest() {
        for (typed, meant) in [
            ("DODownloadMod", Name::DownloadMode),
            ("DODownlaodMode", Name::DownloadMode),
            ("downloadmodes", Name::DownloadMode),
            ("DOGroupID_", Name::GroupId),
            ("DOMinBackgroundQoSs", Name::MinBackgroundQos),
            ("DOVPNKeyword", Name::VpnKeywords),
            ("DOMinRAMAlowedToPeer", Name::MinRamAllowedToPeer),
        ] {
            assert_eq!(
                typed.parse::<Name>().unwrap_err().nearest,
                Some(meant),
                "{typed}"
            );
        }
        for typed in ["", "DO", "frobnicate", &"x".repeat(5000)] {
            let error = typed.parse::<Name>().unwrap_err();
            assert_eq!(error.nearest, None, "{typed}");
            assert!(error.to_string().len() < 400);
        }
    }
}
