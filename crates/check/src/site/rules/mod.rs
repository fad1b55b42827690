//! One function for each failure, in groups: what a device is set to and like, its clock, what the cloud
//! says, who should have met, and where bytes came from.

mod bytes;
mod clock;
mod cloud;
mod meeting;
mod settings;

use super::{Device, found::Found};

/// How a kind of failure is found.
pub(super) struct Rule {
    /// Its row of the catalogue.
    pub(super) code: &'static str,
    /// Failures of which this one is a mere consequence, where they are found of the same device and
    /// file.
    pub(super) follows: &'static [&'static str],
    /// Whether it counts only where nothing else is found of the same device and file.
    pub(super) last: bool,
    pub(super) find: fn(&[Device]) -> Vec<Found>,
}

const fn rule(code: &'static str, find: fn(&[Device]) -> Vec<Found>) -> Rule {
    Rule {
        code,
        follows: &[],
        last: false,
        find,
    }
}

const fn after(
    code: &'static str,
    follows: &'static [&'static str],
    find: fn(&[Device]) -> Vec<Found>,
) -> Rule {
    Rule {
        code,
        follows,
        last: false,
        find,
    }
}

/// No peers are looked for at all.
const NO_MODE: &[&str] = &["DL006", "DL007"];
/// The cloud does not answer as it should.
const NO_CLOUD: &[&str] = &["DL124", "DL002", "DL003", "DL001"];
/// Nobody is offered.
const NOBODY: &[&str] = &[
    "DL124", "DL002", "DL003", "DL001", "DL024", "DL023", "DL022", "DL004", "DL005", "DL041",
    "DL019", "DL020", "DL042", "DL032", "DL046", "DL120",
];
/// What makes bytes come twice.
const AGAIN: &[&str] = &["DL047", "DL044"];

/// Every rule, in the order of reports: what hides others first.
pub(super) const RULES: &[Rule] = &[
    rule("DL007", settings::bypass),
    rule("DL006", settings::mode_without_peers),
    rule("DL121", settings::overruled),
    rule("DL040", settings::cost),
    rule("DL052", settings::memory),
    rule("DL039", settings::cache_folder),
    rule("DL124", clock::certificate),
    rule("DL002", cloud::intercepted),
    rule("DL003", cloud::portal),
    rule("DL001", cloud::unreachable),
    rule("DL009", cloud::caller),
    rule("DL054", cloud::unknown_content),
    rule("DL012", cloud::no_hashes),
    rule("DL013", cloud::wrong_hashes),
    rule("DL008", cloud::content_policy),
    rule("DL011", settings::too_small_for_the_cloud),
    rule("DL010", settings::too_small),
    rule("DL027", settings::adapter_taken_for_vpn),
    rule("DL026", settings::vpn),
    rule("DL029", settings::too_little),
    rule("DL021", settings::refused_by_windows_10),
    after("DL025", NO_MODE, settings::group_without_mode),
    rule("DL024", settings::group_from_dhcp),
    after("DL023", &["DL024"], meeting::implicit_groups),
    rule("DL022", meeting::groups),
    rule("DL004", meeting::proxy),
    rule("DL005", meeting::public_addresses),
    rule("DL041", meeting::roles),
    rule("DL019", meeting::restriction),
    rule("DL020", meeting::local_discovery),
    after("DL042", NO_CLOUD, cloud::registration),
    rule("DL032", meeting::expired),
    after("DL125", &["DL124"], clock::hours),
    rule("DL028", settings::battery),
    rule("DL030", settings::monthly_cap),
    rule("DL123", settings::no_room),
    rule("DL047", bytes::bad_pieces),
    rule("DL048", bytes::no_more_connections),
    rule("DL046", bytes::behind_translators),
    rule("DL120", bytes::nobody_connects),
    rule("DL044", bytes::no_ranges),
    after("DL051", AGAIN, bytes::more_than_all),
    rule("DL056", settings::cache_from_dhcp),
    rule("DL122", bytes::silent_cache),
    after("DL036", NOBODY, bytes::waiting),
    rule("DL034", meeting::together),
    rule("DL035", bytes::race),
    Rule {
        code: "DL033",
        follows: &[],
        last: true,
        find: meeting::first,
    },
    rule("DL037", bytes::connected_cache),
    rule("DL049", bytes::not_counted),
    rule("DL050", bytes::public_inside),
];
