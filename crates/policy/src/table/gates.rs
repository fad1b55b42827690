//! What keeps a device from sharing.

use super::{Advice, Choice, Default, Kind, Page, Policy, Preset, Unit, When};
use crate::Name;

const fn number(value: u32, page: Page) -> Default {
    Default {
        value: Preset::Number(value),
        when: When::Always,
        page,
    }
}

pub(super) static MIN_FILE_SIZE_TO_CACHE: Policy = Policy {
    name: Name::MinFileSizeToCache,
    mdm: "DOMinFileSizeToCache",
    gpo: Some("Minimum Peer Caching Content File Size (in MB)"),
    since: "Windows 10 1703",
    kind: Kind::Number {
        min: 1,
        max: 100_000,
        zero: None,
    },
    unit: Unit::Megabytes,
    defaults: &[number(50, Page::Reference), number(100, Page::Csp)],
    advice: &[Advice {
        text: "10 MB with more than 30 devices, 1 MB with more than 100",
        page: Page::Configure,
    }],
    decides: "how large content must be to come from peers and to be shared with them",
    notes: &[],
    deprecated: None,
};

pub(super) static MIN_RAM_ALLOWED_TO_PEER: Policy = Policy {
    name: Name::MinRamAllowedToPeer,
    mdm: "DOMinRAMAllowedToPeer",
    gpo: Some("Minimum RAM capacity (inclusive) required to enable use of Peer Caching (in GB)"),
    since: "Windows 10 1703",
    kind: Kind::Number {
        min: 1,
        max: 100_000,
        zero: None,
    },
    unit: Unit::Gigabytes,
    defaults: &[number(4, Page::Reference), number(4, Page::Csp)],
    advice: &[],
    decides: "how much memory a device must have to use peers",
    notes: &[],
    deprecated: None,
};

pub(super) static MIN_DISK_SIZE_ALLOWED_TO_PEER: Policy = Policy {
    name: Name::MinDiskSizeAllowedToPeer,
    mdm: "DOMinDiskSizeAllowedToPeer",
    gpo: Some("Minimum disk size allowed to use Peer Caching (in GB)"),
    since: "Windows 10 1703",
    kind: Kind::Number {
        min: 1,
        max: 100_000,
        zero: None,
    },
    unit: Unit::Gigabytes,
    defaults: &[
        number(32, Page::Reference),
        Default {
            value: Preset::Cloud,
            when: When::Always,
            page: Page::Csp,
        },
    ],
    advice: &[],
    decides: "how large the disk with the cache must be to use peers",
    notes: &[
        "It is the disk's capacity; Microsoft's troubleshooting script compares the free space.",
        "With DOModifyCacheDrive set, it is that drive.",
    ],
    deprecated: None,
};

pub(super) static MIN_BATTERY_PERCENTAGE_ALLOWED_TO_UPLOAD: Policy = Policy {
    name: Name::MinBatteryPercentageAllowedToUpload,
    mdm: "DOMinBatteryPercentageAllowedToUpload",
    gpo: Some(
        "Allow uploads while the device is on battery while under set Battery level (percentage)",
    ),
    since: "Windows 10 1709",
    kind: Kind::Number {
        min: 0,
        max: 100,
        zero: Some("the cloud service's value"),
    },
    unit: Unit::Percent,
    defaults: &[Default {
        value: Preset::Unset("no uploads on battery"),
        when: When::Always,
        page: Page::Reference,
    }],
    advice: &[
        Advice {
            text: "40 %",
            page: Page::Reference,
        },
        Advice {
            text: "60 %",
            page: Page::Configure,
        },
    ],
    decides: "down to which charge a device on battery serves others",
    notes: &[
        "Downloads from peers go on, says the reference; the configure page says that peers are not used on battery at all.",
    ],
    deprecated: None,
};

pub(super) static ALLOW_VPN_PEER_CACHING: Policy = Policy {
    name: Name::AllowVpnPeerCaching,
    mdm: "DOAllowVPNPeerCaching",
    gpo: Some("Enable Peer Caching while the device connects via VPN"),
    since: "Windows 10 1709",
    kind: Kind::Choice(&[
        Choice {
            number: 0,
            word: "no",
            meaning: "no peers while a VPN is connected",
        },
        Choice {
            number: 1,
            word: "yes",
            meaning: "peers also while a VPN is connected",
        },
    ]),
    unit: Unit::None,
    defaults: &[number(0, Page::Reference)],
    advice: &[],
    decides: "whether peers are used while a VPN is connected",
    notes: &["Peers found by DNS-SD (DORestrictPeerSelectionBy 2) are exempt."],
    deprecated: None,
};

pub(super) static VPN_KEYWORDS: Policy = Policy {
    name: Name::VpnKeywords,
    mdm: "DOVpnKeywords",
    gpo: None,
    since: "Windows 11 22H2 (September 2022)",
    kind: Kind::List("words"),
    unit: Unit::None,
    defaults: &[Default {
        value: Preset::List(&["VPN", "Secure", "Virtual Private Network"]),
        when: When::Always,
        page: Page::Configure,
    }],
    advice: &[],
    decides: "which adapters count as a VPN: those with one of these words in their description or friendly name",
    notes: &[
        "Whether the words of the policy are added to the built-in ones or replace them is not documented; dolab adds them (assumed).",
        "Upper and lower case are the same (assumed).",
    ],
    deprecated: None,
};

pub(super) static DISALLOW_CACHE_SERVER_DOWNLOADS_ON_VPN: Policy = Policy {
    name: Name::DisallowCacheServerDownloadsOnVpn,
    mdm: "DODisallowCacheServerDownloadsOnVPN",
    gpo: None,
    since: "Windows 11 22H2 (September 2022)",
    kind: Kind::Choice(&[
        Choice {
            number: 0,
            word: "no",
            meaning: "a Connected Cache is used on a VPN too",
        },
        Choice {
            number: 1,
            word: "yes",
            meaning: "no Connected Cache while a VPN is connected",
        },
    ]),
    unit: Unit::None,
    defaults: &[number(0, Page::Reference)],
    advice: &[],
    decides: "whether a Connected Cache is used while a VPN is connected",
    notes: &[],
    deprecated: None,
};

pub(super) static MONTHLY_UPLOAD_DATA_CAP: Policy = Policy {
    name: Name::MonthlyUploadDataCap,
    mdm: "DOMonthlyUploadDataCap",
    gpo: Some("Monthly Upload Data Cap (in GB)"),
    since: "Windows 10 1607",
    kind: Kind::Number {
        min: 0,
        max: u32::MAX,
        zero: Some("unlimited"),
    },
    unit: Unit::Gigabytes,
    defaults: &[number(20, Page::Reference), number(5120, Page::Csp)],
    advice: &[],
    decides: "how much a device sends to Internet peers in a calendar month",
    notes: &[],
    deprecated: None,
};
