//! How fast a device may download and upload.

use dolab_wire::PeerType;
use serde::Serialize;

use crate::{Name, Os, Policies, Priority};

/// What dynamic downloads were observed to take of the bandwidth, in hundredths.
pub const DYNAMIC_FOREGROUND: u8 = 90;
/// The same for downloads that nobody waits for.
pub const DYNAMIC_BACKGROUND: u8 = 45;

/// What binds the downloads of one priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Bytes a second, of all downloads of this priority together.
    pub rate: Option<u64>,
    /// Hundredths of the bandwidth, 1 to 100.
    pub percent: u8,
    /// Where the percentage came from.
    pub percent_from: PercentFrom,
}

/// Where a percentage came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PercentFrom {
    /// Nothing is set: what was observed.
    Dynamic,
    /// A policy.
    Policy(Name),
}

impl Limits {
    /// Bytes a second on a link of `bandwidth` bytes a second, where that is known; `None` is without
    /// limit.
    pub fn bytes_per_second(&self, bandwidth: Option<u64>) -> Option<u64> {
        let share = bandwidth.map(|it| (u128::from(it) * u128::from(self.percent) / 100) as u64);
        match (self.rate, share) {
            (Some(rate), Some(share)) => Some(rate.min(share)),
            (rate, share) => rate.or(share),
        }
    }

    /// Whether downloads from such a source are held back. Peers on the local network never are
    /// (documented); that those found by DNS-SD are among them is assumed.
    pub fn bind(source: PeerType) -> bool {
        !matches!(
            source,
            PeerType::Lan | PeerType::LinkLocal | PeerType::LocalCache
        )
    }
}

impl Policies {
    /// What binds downloads of a priority at an hour of the day. Where the hour is not known, hours
    /// do not count.
    pub fn download_limits(&self, priority: Priority, hour: Option<u8>) -> Limits {
        let (rate, percent, dynamic) = match priority {
            Priority::Foreground => (
                Name::MaxForegroundDownloadBandwidth,
                Name::PercentageMaxForegroundBandwidth,
                DYNAMIC_FOREGROUND,
            ),
            Priority::Background => (
                Name::MaxBackgroundDownloadBandwidth,
                Name::PercentageMaxBackgroundBandwidth,
                DYNAMIC_BACKGROUND,
            ),
        };
        let by_hour = self.hours(hours_name(priority)).zip(hour);
        let by_hour = by_hour.map(|(hours, hour)| (hours.percent_at(hour), hours_name(priority)));
        let set = |name| self.nonzero(name).and_then(|it| u8::try_from(it).ok());
        let (percent, percent_from) = by_hour
            .filter(|(percent, _)| *percent > 0)
            .or_else(|| Some((set(percent)?, percent)))
            .or_else(|| {
                let name = Name::PercentageMaxDownloadBandwidth;
                Some((set(name).filter(|_| self.knows_old_policies())?, name))
            })
            .map_or((dynamic, PercentFrom::Dynamic), |(percent, name)| {
                (percent, PercentFrom::Policy(name))
            });
        Limits {
            rate: self.nonzero(rate).or_else(|| {
                self.nonzero(Name::MaxDownloadBandwidth)
                    .filter(|_| self.knows_old_policies())
            }),
            percent,
            percent_from,
        }
    }

    /// Bytes a second of all uploads together; `None` is without limit. Only Windows 10 before 2004
    /// knows the policy.
    pub fn upload_limit(&self) -> Option<u64> {
        self.nonzero(Name::MaxUploadBandwidth)
            .filter(|_| self.knows_old_policies())
    }

    /// Whether the system may be one that still knows the policies which 2004 removed.
    fn knows_old_policies(&self) -> bool {
        self.basis().os == Os::Windows10
    }
}

pub(crate) fn hours_name(priority: Priority) -> Name {
    match priority {
        Priority::Foreground => Name::SetHoursToLimitForegroundDownloadBandwidth,
        Priority::Background => Name::SetHoursToLimitBackgroundDownloadBandwidth,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Raw, Settings};

    fn with(os: Os, set: &[(Name, Raw)]) -> Policies {
        let mut settings = Settings::new();
        for (name, raw) in set {
            settings.set(*name, raw.clone()).unwrap();
        }
        Policies::new(os, &settings)
    }

    #[test]
    fn nothing_set_is_dynamic() {
        let policies = Policies::default();
        for (priority, percent) in [(Priority::Foreground, 90), (Priority::Background, 45)] {
            let limits = policies.download_limits(priority, Some(12));
            assert_eq!(limits.rate, None);
            assert_eq!(limits.percent, percent);
            assert_eq!(limits.percent_from, PercentFrom::Dynamic);
            assert_eq!(limits.bytes_per_second(None), None);
            assert_eq!(
                limits.bytes_per_second(Some(1000)),
                Some(u64::from(percent) * 10)
            );
            assert!(limits.bytes_per_second(Some(u64::MAX)).is_some());
        }
        assert_eq!(policies.upload_limit(), None);
    }

    #[test]
    fn the_smaller_of_rate_and_share_binds() {
        let policies = with(
            Os::Windows11,
            &[
                (Name::MaxBackgroundDownloadBandwidth, Raw::Number(100)),
                (Name::PercentageMaxBackgroundBandwidth, Raw::Number(50)),
            ],
        );
        let limits = policies.download_limits(Priority::Background, None);
        assert_eq!(limits.bytes_per_second(None), Some(102_400));
        assert_eq!(limits.bytes_per_second(Some(1_000_000)), Some(102_400));
        assert_eq!(limits.bytes_per_second(Some(1_000)), Some(500));
        let other = policies.download_limits(Priority::Foreground, None);
        assert_eq!(other.rate, None);
        assert_eq!(other.percent_from, PercentFrom::Dynamic);
    }

    #[test]
    fn hours_come_before_the_percentage_and_may_pass_midnight() {
        let hours = Raw::Hours([Some(22), Some(6), Some(80), Some(10)]);
        let name = Name::SetHoursToLimitBackgroundDownloadBandwidth;
        let percent = Name::PercentageMaxBackgroundBandwidth;
        let policies = with(Os::Windows11, &[(name, hours), (percent, Raw::Number(33))]);
        let at = |hour| policies.download_limits(Priority::Background, hour);
        for (hour, share) in [(21, 10), (22, 80), (23, 80), (0, 80), (5, 80), (6, 10)] {
            assert_eq!(at(Some(hour)).percent, share, "{hour}");
            assert_eq!(at(Some(hour)).percent_from, PercentFrom::Policy(name));
        }
        assert_eq!(at(None).percent, 33);
        assert_eq!(at(None).percent_from, PercentFrom::Policy(percent));
    }

    #[test]
    fn what_2004_removed_binds_only_where_it_may_be_older() {
        let set = [
            (Name::MaxDownloadBandwidth, Raw::Number(10)),
            (Name::PercentageMaxDownloadBandwidth, Raw::Number(7)),
            (Name::MaxUploadBandwidth, Raw::Number(3)),
        ];
        let old = with(Os::Windows10, &set);
        let limits = old.download_limits(Priority::Foreground, None);
        assert_eq!((limits.rate, limits.percent), (Some(10_240), 7));
        assert_eq!(old.upload_limit(), Some(3072));
        let new = with(Os::Windows11, &set);
        let limits = new.download_limits(Priority::Foreground, None);
        assert_eq!((limits.rate, limits.percent), (None, 90));
        assert_eq!(new.upload_limit(), None);
    }

    #[test]
    fn only_what_is_not_local_is_held_back() {
        let free: Vec<_> = PeerType::ALL
            .into_iter()
            .filter(|source| !Limits::bind(*source))
            .collect();
        assert_eq!(
            free,
            [PeerType::Lan, PeerType::LocalCache, PeerType::LinkLocal]
        );
    }
}
