//! The rule of each gate.

use dolab_wire::{DoCode, DownloadMode};

use super::{
    Adapter, Conditions, Cost, Decider, Decision, Gate, Power, Transfer,
    Use::{self, Download, FromCacheServer, FromPeers, ToInternetPeers, ToPeers},
    Verdict,
};
use crate::{
    Name, Os, Policies, Priority, Restriction,
    table::{Page, SIMPLE_MODE_BELOW},
};

/// Neither taking from peers nor giving to them.
const PEERS: &[Use] = &[FromPeers, ToPeers];

const NOT_KNOWN: &str = "not known";

pub(super) fn decide(
    gate: Gate,
    policies: &Policies,
    conditions: &Conditions,
    transfer: &Transfer,
) -> Decision {
    let decision = Decision {
        gate,
        verdict: Verdict::Unknown,
        reason: NOT_KNOWN.to_owned(),
        blocks: Vec::new(),
        mode: None,
        code: None,
        decided_by: None,
    };
    match gate {
        Gate::Network => network(decision, conditions),
        Gate::Cost => cost(decision, conditions, transfer),
        Gate::Memory => memory(decision, conditions),
        Gate::Mode => mode(decision, policies),
        Gate::Cloud => cloud(decision, policies, conditions),
        Gate::Caller => caller(decision, transfer),
        Gate::ContentPolicy => content_policy(decision, transfer),
        Gate::Integrity => integrity(decision, transfer),
        Gate::CacheFolder => cache_folder(decision, conditions),
        Gate::SimpleSize => simple_size(decision, policies, transfer),
        Gate::MinFileSize => min_file_size(decision, policies, transfer),
        Gate::Ram => ram(decision, policies, conditions),
        Gate::Disk => disk(decision, policies, conditions),
        Gate::Vpn => vpn(decision, policies, conditions),
        Gate::CacheServerOnVpn => cache_server_on_vpn(decision, policies, conditions),
        Gate::Battery => battery(decision, policies, conditions),
        Gate::MonthlyCap => monthly_cap(decision, policies, conditions),
        Gate::Hours => hours(decision, policies, conditions, transfer),
        Gate::Role => role(decision, policies),
    }
}

fn network(it: Decision, conditions: &Conditions) -> Decision {
    match conditions.online {
        Some(true) => it.open("there is one"),
        Some(false) => it
            .close("there is none", &[Download, FromPeers, ToPeers])
            .code(DoCode::NO_NETWORK),
        None => it,
    }
}

/// That a download which somebody waits for goes on is assumed: what a cost policy pauses is the
/// caller's choice in Windows.
fn cost(it: Decision, conditions: &Conditions, transfer: &Transfer) -> Decision {
    let (network, code) = match conditions.cost {
        Some(Cost::Free) => return it.open("the network costs nothing by the byte"),
        Some(Cost::Metered) => ("metered", DoCode::COST_POLICY),
        Some(Cost::Cellular) => ("cellular", DoCode::CELLULAR),
        None => return it,
    };
    match transfer.priority {
        Priority::Background => it.close(
            format!("the network is {network}: background downloads pause"),
            &[Download, FromPeers, ToPeers],
        ),
        Priority::Foreground => it.close(
            format!("the network is {network}: no peers, and the download somebody waits for goes on by HTTP"),
            PEERS,
        ),
    }
    .code(code)
}

fn memory(it: Decision, conditions: &Conditions) -> Decision {
    match conditions.memory_critical {
        Some(false) => it.open("enough"),
        Some(true) => it
            .close("memory is scarce: sharing pauses", &[ToPeers])
            .code(DoCode::CRITICAL_MEMORY),
        None => it,
    }
}

fn mode(it: Decision, policies: &Policies) -> Decision {
    let mode = policies.download_mode();
    let it = it.by(policies, Name::DownloadMode);
    if mode.peers() {
        return it.open(format!("{mode} ({})", mode.number()));
    }
    it.close(format!("{mode} ({}) has no peers", mode.number()), PEERS)
        .fall_back(mode)
        .code(DoCode::MODE_BY_POLICY)
}

fn cloud(it: Decision, policies: &Policies, conditions: &Conditions) -> Decision {
    match (policies.download_mode(), conditions.cloud) {
        (DownloadMode::Simple | DownloadMode::Bypass, _) => it.open("not asked in this mode"),
        (_, Some(true)) => it.open("it answers"),
        (_, Some(false)) => it
            .close("it does not answer: HTTP only", PEERS)
            .fall_back(DownloadMode::Simple)
            .code(DoCode::CLOUD_UNREACHABLE),
        (_, None) => it,
    }
}

fn caller(it: Decision, transfer: &Transfer) -> Decision {
    match transfer.registered_caller {
        Some(true) => it.open("the cloud service knows it"),
        Some(false) => it
            .close("the cloud service does not know it: HTTP only", PEERS)
            .fall_back(DownloadMode::Simple)
            .code(DoCode::UNREGISTERED_CALLER),
        None => it,
    }
}

/// That the mode is then CdnOnly is assumed.
fn content_policy(it: Decision, transfer: &Transfer) -> Decision {
    match transfer.peers_allowed {
        Some(true) => it.open("peers may share this content"),
        Some(false) => it
            .close("peers may not share this content", PEERS)
            .fall_back(DownloadMode::CdnOnly)
            .code(DoCode::MODE_BY_CONTENT_POLICY),
        None => it,
    }
}

fn integrity(it: Decision, transfer: &Transfer) -> Decision {
    match transfer.integrity {
        Some(true) => it.open("the pieces can be verified"),
        Some(false) => it
            .close("the pieces can not be verified: HTTP only", PEERS)
            .fall_back(DownloadMode::Simple)
            .code(DoCode::PIECES_HASH_FILE_MISSING),
        None => it,
    }
}

/// That the mode is then Simple is assumed.
fn cache_folder(it: Decision, conditions: &Conditions) -> Decision {
    match conditions.cache_folder {
        Some(true) => it.open("it is there"),
        Some(false) => it
            .close("it is not there or can not be written to", PEERS)
            .fall_back(DownloadMode::Simple)
            .code(DoCode::CACHE_FOLDER_MISSING),
        None => it,
    }
}

fn simple_size(it: Decision, policies: &Policies, transfer: &Transfer) -> Decision {
    let Some(size) = transfer.size else {
        return it;
    };
    let (megabytes, page) = simple_mode_below(policies);
    let limit = u64::from(megabytes) << 20;
    let says = format!("{} against {megabytes} MB ({})", Bytes(size), page.title());
    if size < limit {
        it.close(format!("{says}: so small that peers do not pay"), PEERS)
            .fall_back(DownloadMode::Simple)
    } else {
        it.open(says)
    }
}

/// The size in MB below which content runs in Simple mode, and who says so.
pub(crate) fn simple_mode_below(policies: &Policies) -> (u32, Page) {
    SIMPLE_MODE_BELOW
        .into_iter()
        .find(|(_, page)| Some(*page) == policies.basis().page)
        .unwrap_or(SIMPLE_MODE_BELOW[0])
}

fn min_file_size(it: Decision, policies: &Policies, transfer: &Transfer) -> Decision {
    let it = it.by(policies, Name::MinFileSizeToCache);
    let Some(size) = transfer.size else {
        return it;
    };
    let least = policies.min_file_size();
    let says = format!("{}, peers share from {} on", Bytes(size), Bytes(least));
    if size < least {
        it.close(says, PEERS)
    } else {
        it.open(says)
    }
}

fn ram(it: Decision, policies: &Policies, conditions: &Conditions) -> Decision {
    let it = it.by(policies, Name::MinRamAllowedToPeer);
    let Some(ram) = conditions.ram else {
        return it;
    };
    let least = policies.min_ram();
    let says = format!("{} of at least {}", Bytes(ram), Bytes(least));
    if ram < least {
        it.close(says, PEERS)
    } else {
        it.open(says)
    }
}

/// The disk's capacity; by Microsoft's script, what is free.
fn disk(it: Decision, policies: &Policies, conditions: &Conditions) -> Decision {
    let it = it.by(policies, Name::MinDiskSizeAllowedToPeer);
    let Some(disk) = conditions.disk else {
        return it;
    };
    let least = policies.min_disk();
    let (found, what) = match policies.basis().page {
        Some(Page::Script) => (disk.free, "free"),
        _ => (disk.capacity, "in all"),
    };
    let says = format!("{} {what}, of at least {}", Bytes(found), Bytes(least));
    if found < least {
        it.close(says, PEERS)
    } else {
        it.open(says)
    }
}

fn vpn(it: Decision, policies: &Policies, conditions: &Conditions) -> Decision {
    let it = it.by(policies, Name::AllowVpnPeerCaching);
    let Some(adapters) = &conditions.adapters else {
        return it;
    };
    let Some(found) = find_vpn(policies, adapters) else {
        return it.open("none is connected");
    };
    if policies.vpn_peer_caching() {
        return it.open(format!("{found}, and peers are allowed on it"));
    }
    if policies.restriction() == Restriction::LocalDiscovery {
        return it
            .by(policies, Name::RestrictPeerSelectionBy)
            .open(format!("{found}, but peers found by DNS-SD are exempt"));
    }
    it.close(found, PEERS).code(DoCode::VPN)
}

fn cache_server_on_vpn(it: Decision, policies: &Policies, conditions: &Conditions) -> Decision {
    let it = it.by(policies, Name::DisallowCacheServerDownloadsOnVpn);
    let Some(adapters) = &conditions.adapters else {
        return it;
    };
    match find_vpn(policies, adapters) {
        None => it.open("no vpn is connected"),
        Some(found) if policies.cache_server_on_vpn() => {
            it.open(format!("{found}, and a Connected Cache is allowed on it"))
        }
        Some(found) => it.close(found, &[FromCacheServer]),
    }
}

/// What looks like a VPN, in words.
fn find_vpn(policies: &Policies, adapters: &[Adapter]) -> Option<String> {
    let keywords = policies.vpn_keywords();
    let has = |text: &str, keyword: &str| text.to_lowercase().contains(&keyword.to_lowercase());
    adapters.iter().find_map(|adapter| {
        let texts = [&adapter.description, &adapter.friendly_name];
        let (text, keyword) = texts.into_iter().find_map(|text| {
            let keyword = keywords.iter().find(|keyword| has(text, keyword))?;
            Some((text, keyword))
        })?;
        let text = dolab_wire::text::printable(text, 80);
        Some(format!(
            "the adapter `{text}` counts as a vpn by the word `{keyword}`"
        ))
    })
}

/// Uploads only, says the reference; the configure page takes peers away altogether.
fn battery(it: Decision, policies: &Policies, conditions: &Conditions) -> Decision {
    let it = it.by(policies, Name::MinBatteryPercentageAllowedToUpload);
    let blocks: &[Use] = match policies.basis().page {
        Some(Page::Configure) => PEERS,
        _ => &[ToPeers],
    };
    let percent = match conditions.power {
        Some(Power::Mains) => return it.open("on mains"),
        Some(Power::Battery { percent }) => percent,
        None => return it,
    };
    match (policies.battery_to_upload(), percent) {
        (None, _) => it
            .close("on battery, and no charge is set at which to serve", blocks)
            .code(DoCode::POWER_STATE),
        (Some(_), None) => it.unknown("on battery, and the charge is not known"),
        (Some(least), Some(percent)) if percent < least => it
            .close(
                format!("on battery at {percent} %, serves from {least} % on"),
                blocks,
            )
            .code(DoCode::POWER_STATE),
        (Some(least), Some(percent)) => it.open(format!(
            "on battery at {percent} %, serves from {least} % on"
        )),
    }
}

fn monthly_cap(it: Decision, policies: &Policies, conditions: &Conditions) -> Decision {
    let it = it.by(policies, Name::MonthlyUploadDataCap);
    match (
        policies.monthly_upload_cap(),
        conditions.uploaded_to_internet,
    ) {
        (None, _) => it.open("unlimited"),
        (Some(_), None) => it,
        (Some(cap), Some(sent)) => {
            let says = format!("{} of {} to Internet peers", Bytes(sent), Bytes(cap));
            if sent < cap {
                it.open(says)
            } else {
                it.close(says, &[ToInternetPeers])
            }
        }
    }
}

fn hours(
    it: Decision,
    policies: &Policies,
    conditions: &Conditions,
    transfer: &Transfer,
) -> Decision {
    let name = crate::limits::hours_name(transfer.priority);
    let it = it.by(policies, name);
    let Some(hours) = policies.hours(name) else {
        return it.open("the time of day makes no difference");
    };
    match conditions.hour {
        None => it.unknown(format!("{hours}; the hour is not known")),
        Some(hour) => it.limit(format!(
            "{hours}: at {hour} o'clock {} %",
            hours.percent_at(hour)
        )),
    }
}

fn role(it: Decision, policies: &Policies) -> Decision {
    match policies.basis().os {
        Os::Windows10 | Os::Windows11 => it.open("a client: shares with clients"),
        Os::Server => it.limit("a server: shares with servers only (reported)"),
    }
}

impl Decision {
    fn open(mut self, reason: impl Into<String>) -> Self {
        self.verdict = Verdict::Open;
        self.reason = reason.into();
        self
    }

    fn limit(mut self, reason: impl Into<String>) -> Self {
        self.verdict = Verdict::Limited;
        self.reason = reason.into();
        self
    }

    fn unknown(mut self, reason: impl Into<String>) -> Self {
        self.verdict = Verdict::Unknown;
        self.reason = reason.into();
        self
    }

    fn close(mut self, reason: impl Into<String>, blocks: &[Use]) -> Self {
        self.verdict = Verdict::Closed;
        self.reason = reason.into();
        self.blocks = blocks.to_vec();
        self
    }

    fn code(mut self, code: DoCode) -> Self {
        self.code = Some(code);
        self
    }

    fn fall_back(mut self, mode: DownloadMode) -> Self {
        self.mode = Some(mode);
        self
    }

    fn by(mut self, policies: &Policies, name: Name) -> Self {
        let effective = policies.effective(name);
        self.decided_by = Some(Decider {
            policy: name,
            value: effective.value.clone(),
            origin: effective.origin.clone(),
        });
        self
    }
}

/// An amount as people read it, in the policies' own units.
struct Bytes(u64);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.0;
        for (shift, symbol) in [(30, "GB"), (20, "MB"), (10, "KB")] {
            if bytes >> shift == 0 {
                continue;
            }
            if bytes.trailing_zeros() >= shift {
                return write!(f, "{} {symbol}", bytes >> shift);
            }
            // Rounded down: what is too little must not look like enough.
            let tenths = (u128::from(bytes) * 10) >> shift;
            return write!(f, "{}.{} {symbol}", tenths / 10, tenths % 10);
        }
        write!(f, "{bytes} B")
    }
}
