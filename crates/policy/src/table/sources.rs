//! When which source is used.

use super::{Advice, Choice, Default, Kind, Page, Policy, Preset, Unit, When};
use crate::Name;

const fn unset(meaning: &'static str) -> Default {
    Default {
        value: Preset::Unset(meaning),
        when: When::Always,
        page: Page::Reference,
    }
}

const fn number(value: u32, page: Page) -> Default {
    Default {
        value: Preset::Number(value),
        when: When::Always,
        page,
    }
}

const SECONDS: Kind = Kind::Number {
    min: 0,
    max: u32::MAX,
    zero: Some("no delay"),
};

/// Thirty days.
const FALLBACK_SECONDS: Kind = Kind::Number {
    min: 0,
    max: 2_592_000,
    zero: Some("no delay"),
};

pub(super) static MIN_BACKGROUND_QOS: Policy = Policy {
    name: Name::MinBackgroundQos,
    mdm: "DOMinBackgroundQos",
    gpo: Some("Minimum Background QoS (in KB/s)"),
    since: "Windows 10 1607",
    kind: Kind::Number {
        min: 1,
        max: u32::MAX,
        zero: None,
    },
    unit: Unit::KilobytesPerSecond,
    defaults: &[
        number(2500, Page::Reference),
        number(500, Page::OldReference),
        number(20_480, Page::Csp),
    ],
    advice: &[Advice {
        text: "500 KB/s",
        page: Page::Configure,
    }],
    decides: "which rate of a background download is made up from HTTP when peers are slower",
    notes: &[
        "The higher it is, the less comes from peers.",
        "The cloud service hands out a value for each content as well; 2621440 bytes/s was observed.",
    ],
    deprecated: None,
};

pub(super) static DELAY_FOREGROUND_DOWNLOAD_FROM_HTTP: Policy = Policy {
    name: Name::DelayForegroundDownloadFromHttp,
    mdm: "DODelayForegroundDownloadFromHttp",
    gpo: Some("Delay Foreground download from http (in secs)"),
    since: "Windows 10 1803",
    kind: SECONDS,
    unit: Unit::Seconds,
    defaults: &[unset("HTTP starts with the peers")],
    advice: &[
        Advice {
            text: "60 s",
            page: Page::Admx,
        },
        Advice {
            text: "30 s",
            page: Page::Configure,
        },
    ],
    decides: "how long a foreground download waits for peers before it uses HTTP",
    notes: &["A download that waits looks stuck to its user."],
    deprecated: None,
};

pub(super) static DELAY_BACKGROUND_DOWNLOAD_FROM_HTTP: Policy = Policy {
    name: Name::DelayBackgroundDownloadFromHttp,
    mdm: "DODelayBackgroundDownloadFromHttp",
    gpo: Some("Delay background download from http (in secs)"),
    since: "Windows 10 1803",
    kind: SECONDS,
    unit: Unit::Seconds,
    defaults: &[unset("HTTP starts with the peers")],
    advice: &[
        Advice {
            text: "3600 s",
            page: Page::Admx,
        },
        Advice {
            text: "60 s",
            page: Page::Configure,
        },
    ],
    decides: "how long a background download waits for peers before it uses HTTP",
    notes: &["A download that waits looks stuck to its user."],
    deprecated: None,
};

pub(super) static DELAY_CACHE_SERVER_FALLBACK_FOREGROUND: Policy = Policy {
    name: Name::DelayCacheServerFallbackForeground,
    mdm: "DODelayCacheServerFallbackForeground",
    gpo: Some("Delay Foreground download Cache Server fallback (in seconds)"),
    since: "Windows 10 1903",
    kind: FALLBACK_SECONDS,
    unit: Unit::Seconds,
    defaults: &[unset("the CDN is used at once when the cache fails")],
    advice: &[Advice {
        text: "30 s",
        page: Page::Configure,
    }],
    decides: "how long a foreground download waits for a Connected Cache before it uses the CDN",
    notes: &["The delay for peers comes first."],
    deprecated: None,
};

pub(super) static DELAY_CACHE_SERVER_FALLBACK_BACKGROUND: Policy = Policy {
    name: Name::DelayCacheServerFallbackBackground,
    mdm: "DODelayCacheServerFallbackBackground",
    gpo: Some("Delay Background download Cache Server fallback (in seconds)"),
    since: "Windows 10 1903",
    kind: FALLBACK_SECONDS,
    unit: Unit::Seconds,
    defaults: &[unset("the CDN is used at once when the cache fails")],
    advice: &[
        Advice {
            text: "60 s",
            page: Page::Configure,
        },
        Advice {
            text: "90 s",
            page: Page::Script,
        },
    ],
    decides: "how long a background download waits for a Connected Cache before it uses the CDN",
    notes: &["The delay for peers comes first."],
    deprecated: None,
};

pub(super) static CACHE_HOST: Policy = Policy {
    name: Name::CacheHost,
    mdm: "DOCacheHost",
    gpo: Some("Cache Server Hostname"),
    since: "Windows 10 1809",
    kind: Kind::List("host names or addresses"),
    unit: Unit::None,
    defaults: &[unset("found by DNS-SD, DHCP or the cloud service")],
    advice: &[],
    decides: "which Connected Caches are used, tried in this order",
    notes: &["An empty text counts as set: there is no cache then."],
    deprecated: None,
};

pub(super) static CACHE_HOST_SOURCE: Policy = Policy {
    name: Name::CacheHostSource,
    mdm: "DOCacheHostSource",
    gpo: Some("Cache Server Hostname Source"),
    since: "Windows 10 2004",
    kind: Kind::Choice(&[
        Choice {
            number: 0,
            word: "no-dns-sd",
            meaning: "no search by DNS-SD",
        },
        Choice {
            number: 1,
            word: "dhcp",
            meaning: "DHCP option 235, unless DOCacheHost is set",
        },
        Choice {
            number: 2,
            word: "dhcp-force",
            meaning: "DHCP option 235, also when DOCacheHost is set",
        },
    ]),
    unit: Unit::None,
    defaults: &[unset("DNS-SD is tried")],
    advice: &[],
    decides: "how a Connected Cache is found",
    notes: &[],
    deprecated: None,
};
