//! What a device keeps, where, and for how long.

use super::{Advice, Default, Kind, Page, Policy, Preset, Unit, When};
use crate::Name;

const fn number(value: u32, page: Page) -> Default {
    Default {
        value: Preset::Number(value),
        when: When::Always,
        page,
    }
}

pub(super) static MAX_CACHE_AGE: Policy = Policy {
    name: Name::MaxCacheAge,
    mdm: "DOMaxCacheAge",
    gpo: Some("Max Cache Age (in seconds)"),
    since: "Windows 10 1511",
    kind: Kind::Number {
        min: 0,
        max: u32::MAX,
        zero: Some("unlimited"),
    },
    unit: Unit::Seconds,
    defaults: &[
        number(259_200, Page::Reference),
        number(604_800, Page::Csp),
        number(86_400, Page::Observed),
    ],
    advice: &[Advice {
        text: "7 days (604800 s) or more",
        page: Page::Configure,
    }],
    decides: "how long content stays in the cache after its download",
    notes: &[
        "86400 s is what the cloud service handed out for one content, so that the true default may differ by content.",
    ],
    deprecated: None,
};

pub(super) static MAX_CACHE_SIZE: Policy = Policy {
    name: Name::MaxCacheSize,
    mdm: "DOMaxCacheSize",
    gpo: Some("Max Cache Size (percentage)"),
    since: "Windows 10 1511",
    kind: Kind::Number {
        min: 1,
        max: 100,
        zero: None,
    },
    unit: Unit::Percent,
    defaults: &[number(20, Page::Reference), number(20, Page::Csp)],
    advice: &[],
    decides: "how much of the disk the cache may take",
    notes: &["DOAbsoluteMaxCacheSize overrides it."],
    deprecated: None,
};

pub(super) static ABSOLUTE_MAX_CACHE_SIZE: Policy = Policy {
    name: Name::AbsoluteMaxCacheSize,
    mdm: "DOAbsoluteMaxCacheSize",
    gpo: Some("Absolute Max Cache Size (in GB)"),
    since: "Windows 10 1607",
    kind: Kind::Number {
        min: 0,
        max: u32::MAX,
        zero: Some("unlimited"),
    },
    unit: Unit::Gigabytes,
    defaults: &[
        Default {
            value: Preset::Unset("DOMaxCacheSize decides"),
            when: When::Always,
            page: Page::Reference,
        },
        number(10, Page::OldReference),
    ],
    advice: &[],
    decides: "how large the cache may grow, whatever the disk's size",
    notes: &[],
    deprecated: None,
};

pub(super) static MODIFY_CACHE_DRIVE: Policy = Policy {
    name: Name::ModifyCacheDrive,
    mdm: "DOModifyCacheDrive",
    gpo: Some("Modify Cache Drive"),
    since: "Windows 10 1607",
    kind: Kind::Path,
    unit: Unit::None,
    defaults: &[Default {
        value: Preset::Text("%SYSTEMDRIVE%"),
        when: When::Always,
        page: Page::Reference,
    }],
    advice: &[],
    decides: "where the cache is",
    notes: &[],
    deprecated: None,
};
