//! How fast a device may download. Peers on the local network are never held back by any of these.

use super::{Default, Kind, Page, Policy, Preset, Unit, When};
use crate::Name;

const ZERO: &[Default] = &[Default {
    value: Preset::Number(0),
    when: When::Always,
    page: Page::Reference,
}];

const UNSET: &[Default] = &[Default {
    value: Preset::Unset("the time of day makes no difference"),
    when: When::Always,
    page: Page::Reference,
}];

const PERCENT: Kind = Kind::Number {
    min: 0,
    max: 100,
    zero: Some("dynamic"),
};

const RATE: Kind = Kind::Number {
    min: 0,
    max: u32::MAX,
    zero: Some("dynamic"),
};

const LAN: &str = "Peers on the local network are never held back.";
const HOURS: &str = "From 22 to 6 goes past midnight (assumed). The same hour twice is no span (assumed). A percentage of 0 is dynamic (assumed).";
const REMOVED: &str = "removed from Windows 10 2004: newer systems do not know it; set the foreground and background policies instead";

pub(super) static PERCENTAGE_MAX_FOREGROUND_BANDWIDTH: Policy = Policy {
    name: Name::PercentageMaxForegroundBandwidth,
    mdm: "DOPercentageMaxForegroundBandwidth",
    gpo: Some("Maximum Foreground Download Bandwidth (percentage)"),
    since: "Windows 10 1803",
    kind: PERCENT,
    unit: Unit::Percent,
    defaults: ZERO,
    advice: &[],
    decides: "how much of the bandwidth foreground downloads may take",
    notes: &[LAN, "Dynamic was observed to be 90 %."],
    deprecated: None,
};

pub(super) static PERCENTAGE_MAX_BACKGROUND_BANDWIDTH: Policy = Policy {
    name: Name::PercentageMaxBackgroundBandwidth,
    mdm: "DOPercentageMaxBackgroundBandwidth",
    gpo: Some("Maximum Background Download Bandwidth (percentage)"),
    since: "Windows 10 1803",
    kind: PERCENT,
    unit: Unit::Percent,
    defaults: ZERO,
    advice: &[],
    decides: "how much of the bandwidth background downloads may take",
    notes: &[LAN, "Dynamic was observed to be 45 %."],
    deprecated: None,
};

pub(super) static MAX_FOREGROUND_DOWNLOAD_BANDWIDTH: Policy = Policy {
    name: Name::MaxForegroundDownloadBandwidth,
    mdm: "DOMaxForegroundDownloadBandwidth",
    gpo: Some("Maximum Foreground Download Bandwidth (in KB/s)"),
    since: "Windows 10 2004",
    kind: RATE,
    unit: Unit::KilobytesPerSecond,
    defaults: ZERO,
    advice: &[],
    decides: "how fast all foreground downloads together may be",
    notes: &[LAN],
    deprecated: None,
};

pub(super) static MAX_BACKGROUND_DOWNLOAD_BANDWIDTH: Policy = Policy {
    name: Name::MaxBackgroundDownloadBandwidth,
    mdm: "DOMaxBackgroundDownloadBandwidth",
    gpo: Some("Maximum Background Download Bandwidth (in KB/s)"),
    since: "Windows 10 2004",
    kind: RATE,
    unit: Unit::KilobytesPerSecond,
    defaults: ZERO,
    advice: &[],
    decides: "how fast all background downloads together may be",
    notes: &[LAN],
    deprecated: None,
};

pub(super) static SET_HOURS_TO_LIMIT_FOREGROUND_DOWNLOAD_BANDWIDTH: Policy = Policy {
    name: Name::SetHoursToLimitForegroundDownloadBandwidth,
    mdm: "DOSetHoursToLimitForegroundDownloadBandwidth",
    gpo: Some("Set Business Hours to Limit Foreground Download Bandwidth"),
    since: "Windows 10 1803",
    kind: Kind::Hours,
    unit: Unit::None,
    defaults: UNSET,
    advice: &[],
    decides: "how much of the bandwidth foreground downloads may take, by the time of day",
    notes: &[LAN, HOURS],
    deprecated: None,
};

pub(super) static SET_HOURS_TO_LIMIT_BACKGROUND_DOWNLOAD_BANDWIDTH: Policy = Policy {
    name: Name::SetHoursToLimitBackgroundDownloadBandwidth,
    mdm: "DOSetHoursToLimitBackgroundDownloadBandwidth",
    gpo: Some("Set Business Hours to Limit Background Download Bandwidth"),
    since: "Windows 10 1803",
    kind: Kind::Hours,
    unit: Unit::None,
    defaults: UNSET,
    advice: &[],
    decides: "how much of the bandwidth background downloads may take, by the time of day",
    notes: &[LAN, HOURS],
    deprecated: None,
};

pub(super) static MAX_DOWNLOAD_BANDWIDTH: Policy = Policy {
    name: Name::MaxDownloadBandwidth,
    mdm: "DOMaxDownloadBandwidth",
    gpo: None,
    since: "Windows 10 1607",
    kind: RATE,
    unit: Unit::KilobytesPerSecond,
    defaults: ZERO,
    advice: &[],
    decides: "how fast all downloads together may be",
    notes: &[],
    deprecated: Some(REMOVED),
};

pub(super) static PERCENTAGE_MAX_DOWNLOAD_BANDWIDTH: Policy = Policy {
    name: Name::PercentageMaxDownloadBandwidth,
    mdm: "DOPercentageMaxDownloadBandwidth",
    gpo: None,
    since: "Windows 10 1607",
    kind: PERCENT,
    unit: Unit::Percent,
    defaults: ZERO,
    advice: &[],
    decides: "how much of the bandwidth all downloads may take",
    notes: &[],
    deprecated: Some(REMOVED),
};

pub(super) static MAX_UPLOAD_BANDWIDTH: Policy = Policy {
    name: Name::MaxUploadBandwidth,
    mdm: "DOMaxUploadBandwidth",
    gpo: None,
    since: "Windows 10 1607",
    kind: Kind::Number {
        min: 0,
        max: u32::MAX,
        zero: Some("unlimited"),
    },
    unit: Unit::KilobytesPerSecond,
    defaults: ZERO,
    advice: &[],
    decides: "how fast all uploads together may be",
    notes: &[],
    deprecated: Some("removed from Windows 10 2004: newer systems do not know it"),
};
