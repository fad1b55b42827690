//! With whom a device shares.

use dolab_wire::DownloadMode;

use super::{Advice, Choice, Default, Kind, Page, Policy, Preset, Unit, When};
use crate::{Name, Os};

const fn mode(mode: DownloadMode, meaning: &'static str) -> Choice {
    Choice {
        number: mode.number(),
        word: mode.name(),
        meaning,
    }
}

pub(super) static DOWNLOAD_MODE: Policy = Policy {
    name: Name::DownloadMode,
    mdm: "DODownloadMode",
    gpo: Some("Download Mode"),
    since: "Windows 10 1511",
    kind: Kind::Choice(&[
        mode(DownloadMode::CdnOnly, "HTTP only, no peers"),
        mode(DownloadMode::Lan, "peers behind the same public address"),
        mode(
            DownloadMode::Group,
            "peers of the same group, also across NATs",
        ),
        mode(DownloadMode::Internet, "every peer"),
        mode(
            DownloadMode::Simple,
            "HTTP only, and the cloud service is not asked",
        ),
        mode(
            DownloadMode::Bypass,
            "BITS instead of Delivery Optimization; deprecated in Windows 11, where downloads can fail with 0x80D03002",
        ),
    ]),
    unit: Unit::None,
    defaults: &[
        Default {
            value: Preset::Number(0),
            when: When::On(Os::Server),
            page: Page::Reported,
        },
        Default {
            value: Preset::Number(1),
            when: When::Always,
            page: Page::Reference,
        },
        Default {
            value: Preset::Number(0),
            when: When::Always,
            page: Page::CspFramework,
        },
    ],
    advice: &[Advice {
        text: "1 or 2 where devices should share",
        page: Page::Configure,
    }],
    decides: "which sources a download may use",
    notes: &[],
    deprecated: None,
};

pub(super) static GROUP_ID: Policy = Policy {
    name: Name::GroupId,
    mdm: "DOGroupId",
    gpo: Some("Group ID"),
    since: "Windows 10 1511 (MDM 1607)",
    kind: Kind::Guid,
    unit: Unit::None,
    defaults: &[Default {
        value: Preset::Unset("the group comes from DOGroupIdSource"),
        when: When::Always,
        page: Page::Reference,
    }],
    advice: &[],
    decides: "the group that a device belongs to in mode 2",
    notes: &[
        "Used in mode 2 only.",
        "With DOGroupIdSource set as well, the reference and the newer CSP pages let the group id win; older CSP pages let the source win.",
    ],
    deprecated: None,
};

pub(super) static GROUP_ID_SOURCE: Policy = Policy {
    name: Name::GroupIdSource,
    mdm: "DOGroupIdSource",
    gpo: Some("Select the source of Group IDs"),
    since: "Windows 10 1803",
    kind: Kind::Choice(&[
        Choice {
            number: 0,
            word: "unset",
            meaning: "AD site, domain SID, Entra tenant: the first that there is",
        },
        Choice {
            number: 1,
            word: "ad-site",
            meaning: "the Active Directory site",
        },
        Choice {
            number: 2,
            word: "domain-sid",
            meaning: "the domain's SID, as the device authenticated to it",
        },
        Choice {
            number: 3,
            word: "dhcp",
            meaning: "DHCP option 234, the text of a GUID",
        },
        Choice {
            number: 4,
            word: "dns-suffix",
            meaning: "the DNS suffix",
        },
        Choice {
            number: 5,
            word: "tenant",
            meaning: "the Entra tenant (from 1903)",
        },
    ]),
    unit: Unit::None,
    defaults: &[Default {
        value: Preset::Number(0),
        when: When::Always,
        page: Page::Reference,
    }],
    advice: &[],
    decides: "where the group comes from in mode 2 when no DOGroupId is set",
    notes: &["When 3 or 4 yield nothing, the order of 0 is used."],
    deprecated: None,
};

pub(super) static RESTRICT_PEER_SELECTION_BY: Policy = Policy {
    name: Name::RestrictPeerSelectionBy,
    mdm: "DORestrictPeerSelectionBy",
    gpo: Some("Select a method to restrict Peer Selection"),
    since: "Windows 10 1803",
    kind: Kind::Choice(&[
        Choice {
            number: 0,
            word: "none",
            meaning: "everybody whom the mode allows",
        },
        Choice {
            number: 1,
            word: "subnet",
            meaning: "only peers in the same subnet",
        },
        Choice {
            number: 2,
            word: "local-discovery",
            meaning: "only peers that DNS-SD finds on the link",
        },
    ]),
    unit: Unit::None,
    defaults: &[
        Default {
            value: Preset::Number(1),
            when: When::OnIn(Os::Windows11, DownloadMode::Lan),
            page: Page::Reference,
        },
        Default {
            value: Preset::Number(0),
            when: When::Always,
            page: Page::Reference,
        },
        Default {
            value: Preset::Number(2),
            when: When::On(Os::Windows11),
            page: Page::Testing,
        },
        Default {
            value: Preset::Number(2),
            when: When::On(Os::Windows11),
            page: Page::Csp,
        },
        Default {
            value: Preset::Number(1),
            when: When::Always,
            page: Page::Admx,
        },
        Default {
            value: Preset::Number(1),
            when: When::On(Os::Windows11),
            page: Page::OldReference,
        },
    ],
    advice: &[],
    decides: "which of the peers that the mode allows are used; modes 1 and 2 only",
    notes: &[
        "The older reference gave consumer editions 2 and commercial editions 1.",
        "In mode 2 a peer found by DNS-SD must be of the same group too.",
        "Windows 10 takes 2 by the registry only: over MDM the policy fails.",
    ],
    deprecated: None,
};
