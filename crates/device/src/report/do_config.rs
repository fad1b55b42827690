//! `Get-DOConfig`, and with `-Verbose`.

use dolab_policy::{Effective, Hours, Name, Policies, Priority, Provider, Value as Set};
use dolab_wire::DownloadMode;
use serde::{Deserialize, Serialize};

use super::record::{Field, Record, Value, field};

/// A setting, and the provider that set it, such as `RegistryProvider`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provided<T> {
    /// The effective value.
    pub value: T,
    /// Who set it.
    pub provider: String,
}

/// A device's configuration as `Get-DOConfig` shows it. Neither the restriction of peer selection
/// nor the group id is among its fields, in Microsoft's cmdlet as here (inferred).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoConfig {
    /// The download mode.
    pub download_mode: Provided<DownloadMode>,
    /// Limit of background downloads, in bytes each second; 0 is none.
    pub down_back_limit_bps: Provided<u64>,
    /// Limit of foreground downloads, in bytes each second; 0 is none.
    pub download_foreground_limit_bps: Provided<u64>,
    /// Limit of background downloads, in per cent of the link; 0 is dynamic.
    pub down_back_limit_pct: Provided<u32>,
    /// Limit of foreground downloads, in per cent of the link; 0 is dynamic.
    pub download_foreground_limit_pct: Provided<u32>,
    /// Limit of uploads, in per cent of the link.
    pub max_upload_rate_pct: Provided<u32>,
    /// Uploads to Internet peers in a month, in GB; 0 is unlimited.
    pub upload_limit_monthly_gb: Provided<u64>,
    /// What `-Verbose` adds.
    pub verbose: Option<VerboseConfig>,
}

/// What `Get-DOConfig -Verbose` adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerboseConfig {
    /// Battery charge from which this device uploads, in per cent; 0 is never on battery.
    pub battery_pct_to_seed: Provided<u32>,
    /// The cache's folder.
    pub working_directory: Provided<String>,
    /// Smallest disk that lets a device peer, in GB.
    pub min_total_disk_size: Provided<u64>,
    /// Least memory that lets a device peer, in GB.
    pub min_total_ram: Provided<u64>,
    /// Whether peers may be used on a VPN.
    pub vpn_peer_caching_allowed: Provided<bool>,
    /// What in an adapter's names tells a VPN.
    pub vpn_keywords: Provided<Vec<String>>,
    /// Hours that limit background downloads.
    pub hours_background: Provided<String>,
    /// Hours that limit foreground downloads.
    pub hours_foreground: Provided<String>,
}

impl DoConfig {
    /// What these policies come to on a device whose cache is in `folder`.
    pub fn of(policies: &Policies, folder: &str) -> Self {
        let by = |name| policies.effective(name).origin.provider().name().to_owned();
        let rate = |priority, name| Provided {
            value: policies.download_limits(priority, None).rate.unwrap_or(0),
            provider: by(name),
        };
        let percent = |priority, name| Provided {
            value: policies.download_limits(priority, None).percent.into(),
            provider: by(name),
        };
        let (foreground, background) = (Priority::Foreground, Priority::Background);
        Self {
            download_mode: Provided {
                value: policies.download_mode(),
                provider: by(Name::DownloadMode),
            },
            down_back_limit_bps: rate(background, Name::MaxBackgroundDownloadBandwidth),
            download_foreground_limit_bps: rate(foreground, Name::MaxForegroundDownloadBandwidth),
            down_back_limit_pct: percent(background, Name::PercentageMaxBackgroundBandwidth),
            download_foreground_limit_pct: percent(
                foreground,
                Name::PercentageMaxForegroundBandwidth,
            ),
            // No policy of the table sets it. 100 was observed in the registry of Windows 11.
            max_upload_rate_pct: Provided {
                value: 100,
                provider: Provider::Default.name().to_owned(),
            },
            upload_limit_monthly_gb: number(policies, Name::MonthlyUploadDataCap),
            verbose: Some(VerboseConfig::of(policies, folder)),
        }
    }
}

impl VerboseConfig {
    fn of(policies: &Policies, folder: &str) -> Self {
        let effective = |name| policies.effective(name);
        Self {
            battery_pct_to_seed: number(policies, Name::MinBatteryPercentageAllowedToUpload)
                .map(|percent| u32::try_from(percent).unwrap_or(100)),
            working_directory: provided(effective(Name::ModifyCacheDrive), |_| folder.to_owned()),
            min_total_disk_size: number(policies, Name::MinDiskSizeAllowedToPeer),
            min_total_ram: number(policies, Name::MinRamAllowedToPeer),
            vpn_peer_caching_allowed: provided(effective(Name::AllowVpnPeerCaching), |_| {
                policies.vpn_peer_caching()
            }),
            vpn_keywords: provided(effective(Name::VpnKeywords), |value| match value {
                Some(Set::List(words)) => words.clone(),
                _ => Vec::new(),
            }),
            hours_background: hours(effective(Name::SetHoursToLimitBackgroundDownloadBandwidth)),
            hours_foreground: hours(effective(Name::SetHoursToLimitForegroundDownloadBandwidth)),
        }
    }
}

/// A value with its provider.
fn provided<T>(effective: &Effective, value: impl FnOnce(Option<&Set>) -> T) -> Provided<T> {
    Provided {
        value: value(effective.value.as_ref()),
        provider: effective.origin.provider().name().to_owned(),
    }
}

/// A number in the policy's own unit; 0 where it is not set.
fn number(policies: &Policies, name: Name) -> Provided<u64> {
    provided(policies.effective(name), |value| match value {
        Some(Set::Number(number)) => (*number).into(),
        _ => 0,
    })
}

/// `from-to: inside % / outside %`; empty where it is not set. The form is assumed.
fn hours(effective: &Effective) -> Provided<String> {
    provided(effective, |value| match value {
        Some(Set::Hours(Hours {
            from,
            to,
            inside,
            outside,
        })) => format!("{from}-{to}: {inside} % / {outside} %"),
        _ => String::new(),
    })
}

impl<T> Provided<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Provided<U> {
        Provided {
            value: change(self.value),
            provider: self.provider,
        }
    }
}

impl Record for DoConfig {
    fn fields(&self) -> Vec<Field> {
        let mode = Provided {
            value: self.download_mode.value.name(),
            provider: self.download_mode.provider.clone(),
        };
        let mut fields = Vec::new();
        let list = &mut fields;
        push(list, ["DownloadMode", "DownloadModeProvider"], &mode);
        push(
            list,
            ["DownBackLimitBps", "DownBackLimitBpsProvider"],
            &self.down_back_limit_bps,
        );
        push(
            list,
            [
                "DownloadForegroundLimitBps",
                "DownloadForegroundLimitBpsProvider",
            ],
            &self.download_foreground_limit_bps,
        );
        push(
            list,
            ["DownBackLimitPct", "DownBackLimitPctProvider"],
            &self.down_back_limit_pct,
        );
        push(
            list,
            [
                "DownloadForegroundLimitPct",
                "DownloadForegroundLimitPctProvider",
            ],
            &self.download_foreground_limit_pct,
        );
        push(
            list,
            ["MaxUploadRatePct", "MaxUploadRatePctProvider"],
            &self.max_upload_rate_pct,
        );
        push(
            list,
            ["UploadLimitMonthlyGB", "UploadLimitMonthlyGBProvider"],
            &self.upload_limit_monthly_gb,
        );
        if let Some(more) = &self.verbose {
            more.push_to(list);
        }
        fields
    }
}

impl VerboseConfig {
    fn push_to(&self, list: &mut Vec<Field>) {
        push(
            list,
            ["BatteryPctToSeed", "BatteryPctToSeedProvider"],
            &self.battery_pct_to_seed,
        );
        push(
            list,
            ["WorkingDirectory", "WorkingDirectoryProvider"],
            &self.working_directory,
        );
        push(
            list,
            ["MinTotalDiskSize", "MinTotalDiskSizeProvider"],
            &self.min_total_disk_size,
        );
        push(
            list,
            ["MinTotalRAM", "MinTotalRAMProvider"],
            &self.min_total_ram,
        );
        push(
            list,
            ["VpnPeerCachingAllowed", "VpnPeerCachingAllowedProvider"],
            &self.vpn_peer_caching_allowed,
        );
        push(
            list,
            ["VpnKeywords", "VpnKeywordsProvider"],
            &self.vpn_keywords,
        );
        push(
            list,
            [
                "SetHoursToLimitDownloadBackground",
                "SetHoursToLimitDownloadBackgroundProvider",
            ],
            &self.hours_background,
        );
        push(
            list,
            [
                "SetHoursToLimitDownloadForeground",
                "SetHoursToLimitDownloadForegroundProvider",
            ],
            &self.hours_foreground,
        );
    }
}

fn push<T: Clone + Into<Value>>(
    list: &mut Vec<Field>,
    names: [&'static str; 2],
    setting: &Provided<T>,
) {
    list.push(field(names[0], setting.value.clone()));
    list.push(field(names[1], &setting.provider));
}
