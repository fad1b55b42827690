//! The values as the rest of the program wants them: typed, in bytes and seconds.

use std::time::Duration;

use dolab_wire::DownloadMode;
use serde::{Deserialize, Serialize};

use super::{Policies, mode_of};
use crate::{Guid, Hours, Name, Priority, Value, table::Preset};

/// Which of the peers that the mode allows are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restriction {
    /// All of them.
    None,
    /// Those in the same subnet.
    Subnet,
    /// Those that DNS-SD finds on the link.
    LocalDiscovery,
}

/// Where the group comes from when no group id is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupIdSource {
    /// The first that there is of AD site, domain SID and Entra tenant.
    Unset,
    /// The Active Directory site.
    AdSite,
    /// The domain's SID.
    DomainSid,
    /// DHCP option 234.
    Dhcp,
    /// The DNS suffix.
    DnsSuffix,
    /// The Entra tenant.
    Tenant,
}

/// How a Connected Cache is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheHostSource {
    /// Not set: DNS-SD is tried.
    DnsSd,
    /// Not by DNS-SD.
    NoDnsSd,
    /// DHCP option 235, unless hosts are set.
    Dhcp,
    /// DHCP option 235, also when hosts are set.
    DhcpForce,
}

impl Policies {
    /// Which sources a download may use.
    pub fn download_mode(&self) -> DownloadMode {
        mode_of(self.effective(Name::DownloadMode))
    }

    /// The group id, if one is set.
    pub fn group_id(&self) -> Option<Guid> {
        match self.value(Name::GroupId) {
            Some(Value::Guid(guid)) => Some(*guid),
            _ => None,
        }
    }

    /// Where the group comes from when no group id is set.
    pub fn group_id_source(&self) -> GroupIdSource {
        match self.number(Name::GroupIdSource) {
            Some(1) => GroupIdSource::AdSite,
            Some(2) => GroupIdSource::DomainSid,
            Some(3) => GroupIdSource::Dhcp,
            Some(4) => GroupIdSource::DnsSuffix,
            Some(5) => GroupIdSource::Tenant,
            _ => GroupIdSource::Unset,
        }
    }

    /// Which peers are used. Policies restrict modes 1 and 2 only (documented): in the others there is
    /// no restriction, whatever the value.
    pub fn restriction(&self) -> Restriction {
        if !matches!(
            self.download_mode(),
            DownloadMode::Lan | DownloadMode::Group
        ) {
            return Restriction::None;
        }
        match self.number(Name::RestrictPeerSelectionBy) {
            Some(1) => Restriction::Subnet,
            Some(2) => Restriction::LocalDiscovery,
            _ => Restriction::None,
        }
    }

    /// The smallest content that may come from peers, in bytes.
    pub fn min_file_size(&self) -> u64 {
        self.amount(Name::MinFileSizeToCache)
    }

    /// The least memory of a device that uses peers, in bytes.
    pub fn min_ram(&self) -> u64 {
        self.amount(Name::MinRamAllowedToPeer)
    }

    /// The least capacity of the cache's disk, in bytes.
    pub fn min_disk(&self) -> u64 {
        self.amount(Name::MinDiskSizeAllowedToPeer)
    }

    /// The charge in hundredths down to which a device on battery serves others. `None`: it does not
    /// serve on battery. 0, which leaves it to the cloud service, counts as `None` too (assumed).
    pub fn battery_to_upload(&self) -> Option<u8> {
        self.number(Name::MinBatteryPercentageAllowedToUpload)
            .and_then(|percent| u8::try_from(percent).ok())
            .filter(|percent| *percent > 0)
    }

    /// Whether peers are used while a VPN is connected.
    pub fn vpn_peer_caching(&self) -> bool {
        self.number(Name::AllowVpnPeerCaching) == Some(1)
    }

    /// The words that make an adapter a VPN by its description or friendly name: the built-in ones,
    /// and those of the policy (that they are added and do not replace is assumed).
    pub fn vpn_keywords(&self) -> Vec<&str> {
        let mut words = Vec::new();
        for row in Name::VpnKeywords.policy().defaults {
            if let Preset::List(built_in) = row.value {
                words.extend_from_slice(built_in);
            }
        }
        for word in self.list(Name::VpnKeywords).unwrap_or_default() {
            if !words.iter().any(|it| it.eq_ignore_ascii_case(word)) {
                words.push(word);
            }
        }
        words
    }

    /// Whether a Connected Cache is used while a VPN is connected.
    pub fn cache_server_on_vpn(&self) -> bool {
        self.number(Name::DisallowCacheServerDownloadsOnVpn) != Some(1)
    }

    /// Bytes that may go to Internet peers in a calendar month; `None` is without limit.
    pub fn monthly_upload_cap(&self) -> Option<u64> {
        self.nonzero(Name::MonthlyUploadDataCap)
    }

    /// How long content stays in the cache; `None` is without limit.
    pub fn max_cache_age(&self) -> Option<Duration> {
        self.nonzero(Name::MaxCacheAge).map(Duration::from_secs)
    }

    /// Bytes that the cache may take on a disk of `capacity` bytes; `None` is without limit.
    pub fn max_cache_size(&self, capacity: u64) -> Option<u64> {
        if self.value(Name::AbsoluteMaxCacheSize).is_some() {
            return self.nonzero(Name::AbsoluteMaxCacheSize);
        }
        let percent = u128::from(self.amount(Name::MaxCacheSize));
        // At most the capacity, since the percentage is 100 at most.
        Some((u128::from(capacity) * percent / 100) as u64)
    }

    /// Where the cache is, as it is written in the policy: a variable, a drive or a folder.
    pub fn cache_drive(&self) -> &str {
        match self.value(Name::ModifyCacheDrive) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// The rate in bytes a second that a background download is topped up to from HTTP.
    pub fn min_background_qos(&self) -> u64 {
        self.amount(Name::MinBackgroundQos)
    }

    /// How long a download waits for peers before it uses HTTP.
    pub fn delay_from_http(&self, priority: Priority) -> Duration {
        Duration::from_secs(self.amount(match priority {
            Priority::Foreground => Name::DelayForegroundDownloadFromHttp,
            Priority::Background => Name::DelayBackgroundDownloadFromHttp,
        }))
    }

    /// How long a download waits for a Connected Cache before it uses the CDN. It begins after
    /// [`Self::delay_from_http`].
    pub fn delay_cache_fallback(&self, priority: Priority) -> Duration {
        Duration::from_secs(self.amount(match priority {
            Priority::Foreground => Name::DelayCacheServerFallbackForeground,
            Priority::Background => Name::DelayCacheServerFallbackBackground,
        }))
    }

    /// The Connected Caches that are set, tried in this order. `Some` of none means that none is to be
    /// used; `None` that the policy is not set.
    pub fn cache_hosts(&self) -> Option<&[String]> {
        self.list(Name::CacheHost)
    }

    /// How a Connected Cache is found.
    pub fn cache_host_source(&self) -> CacheHostSource {
        match self.number(Name::CacheHostSource) {
            Some(0) => CacheHostSource::NoDnsSd,
            Some(1) => CacheHostSource::Dhcp,
            Some(2) => CacheHostSource::DhcpForce,
            _ => CacheHostSource::DnsSd,
        }
    }

    pub(crate) fn hours(&self, name: Name) -> Option<Hours> {
        match self.value(name) {
            Some(Value::Hours(hours)) => Some(*hours),
            _ => None,
        }
    }

    pub(crate) fn list(&self, name: Name) -> Option<&[String]> {
        match self.value(name) {
            Some(Value::List(texts)) => Some(texts),
            _ => None,
        }
    }

    /// In bytes, bytes a second, seconds or hundredths; 0 where it is not set.
    pub(crate) fn amount(&self, name: Name) -> u64 {
        self.number(name)
            .map_or(0, |number| u64::from(number) * name.policy().unit.factor())
    }

    /// The same, where 0 stands for no limit.
    pub(crate) fn nonzero(&self, name: Name) -> Option<u64> {
        Some(self.amount(name)).filter(|amount| *amount > 0)
    }

    fn number(&self, name: Name) -> Option<u32> {
        match self.value(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    fn value(&self, name: Name) -> Option<&Value> {
        self.effective(name).value.as_ref()
    }
}
