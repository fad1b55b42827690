//! What a device is set to, and what it is like.

use dolab_policy::{
    GroupOrigin, Os, Provider, Told,
    gates::{Adapter, Gate, Verdict},
};
use dolab_wire::{DoCode, DownloadMode};

use super::super::{
    Device, Status,
    found::{Found, each, each_file},
};

/// A finding about a gate that is shut.
fn shut(devices: &[Device], gate: Gate, title: impl Fn(&Device, &Told) -> String) -> Vec<Found> {
    each(devices, |device| {
        let told = device.shut(gate)?;
        Some(from_gate(device, told, title(device, told)))
    })
}

fn from_gate(device: &Device, told: &Told, title: String) -> Found {
    let found = Found::new(0, title)
        .code(told.code)
        .saw(format!("gate `{}`: {}", told.gate, told.reason));
    match policy_of(told.gate).and_then(|name| device.policy(name)) {
        Some(held) => found.saw(format!(
            "{} is {} ({})",
            held.name, held.value, held.provider
        )),
        None => found,
    }
}

/// The policy that a gate goes by.
fn policy_of(gate: Gate) -> Option<&'static str> {
    match gate {
        Gate::Mode => Some("DODownloadMode"),
        Gate::MinFileSize => Some("DOMinFileSizeToCache"),
        Gate::Ram => Some("DOMinRAMAllowedToPeer"),
        Gate::Disk => Some("DOMinDiskSizeAllowedToPeer"),
        Gate::Vpn => Some("DOAllowVPNPeerCaching"),
        Gate::Battery => Some("DOMinBatteryPercentageAllowedToUpload"),
        Gate::MonthlyCap => Some("DOMonthlyUploadDataCap"),
        Gate::Network
        | Gate::Cost
        | Gate::Memory
        | Gate::Cloud
        | Gate::Caller
        | Gate::ContentPolicy
        | Gate::Integrity
        | Gate::CacheFolder
        | Gate::SimpleSize
        | Gate::CacheServerOnVpn
        | Gate::Hours
        | Gate::Role => None,
    }
}

fn by_mode(devices: &[Device], of: impl Fn(DownloadMode) -> bool) -> Vec<Found> {
    each(devices, |device| {
        let mode = device.mode().filter(|mode| of(*mode))?;
        let held = device.policy("DODownloadMode")?;
        let title = format!(
            "{} is set to {mode} ({}), which has no peers",
            device.name,
            mode.number()
        );
        let found = Found::new(0, title).saw(format!(
            "DODownloadMode is {} ({})",
            held.value, held.provider
        ));
        Some(found)
    })
}

pub(super) fn bypass(devices: &[Device]) -> Vec<Found> {
    by_mode(devices, |mode| mode == DownloadMode::Bypass)
}

pub(super) fn mode_without_peers(devices: &[Device]) -> Vec<Found> {
    by_mode(devices, |mode| {
        matches!(mode, DownloadMode::CdnOnly | DownloadMode::Simple)
    })
}

pub(super) fn overruled(devices: &[Device]) -> Vec<Found> {
    let mut all = Vec::new();
    for (at, device) in devices.iter().enumerate() {
        for held in &device.policies {
            let Some(weaker) = held.overruled.first() else {
                continue;
            };
            let title = format!(
                "{} of {} is {} by {}, and what {} set does not count",
                held.name, device.name, held.value, held.provider, weaker.provider
            );
            let mut found = Found::new(at, title);
            for weaker in &held.overruled {
                found = found.saw(format!("{} set it to {}", weaker.provider, weaker.value));
            }
            all.push(found);
        }
    }
    all
}

pub(super) fn cost(devices: &[Device]) -> Vec<Found> {
    shut(devices, Gate::Cost, |device, _| {
        format!("{} is on a network that costs by the byte", device.name)
    })
}

pub(super) fn memory(devices: &[Device]) -> Vec<Found> {
    shut(devices, Gate::Memory, |device, _| {
        format!("memory is scarce on {}: it serves nobody", device.name)
    })
}

pub(super) fn cache_folder(devices: &[Device]) -> Vec<Found> {
    shut(devices, Gate::CacheFolder, |device, _| {
        format!("the cache folder of {} can not be used", device.name)
    })
}

pub(super) fn too_small_for_the_cloud(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let told = file.shut(Gate::SimpleSize)?;
        let title = format!("{} is too small for peers on any device", file.title());
        Some(from_gate(device, told, title))
    })
}

pub(super) fn too_small(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        if file.shut(Gate::SimpleSize).is_some() {
            return None;
        }
        let told = file.shut(Gate::MinFileSize)?;
        let title = format!("{} is smaller than {} shares", file.title(), device.name);
        Some(from_gate(device, told, title))
    })
}

/// Words of cards that are no tunnel's.
const CARDS: &[&str] = &[
    "ethernet",
    "gigabit",
    "gbe",
    "wi-fi",
    "wifi",
    "wireless",
    "802.11",
    "pcie",
    "usb",
    "lan adapter",
    "network adapter",
    "network connection",
];
/// Words of tunnels, which have some of those of cards too.
const TUNNELS: &[&str] = &[
    "tunnel",
    "tap-",
    "tap ",
    "tun",
    "wireguard",
    "wintun",
    "openvpn",
    "anyconnect",
    "globalprotect",
    "pangp",
    "fortinet",
    "pulse",
    "zscaler",
    "ppp",
    "l2tp",
    "ipsec",
    "ikev2",
    "virtual",
];

/// Whether an adapter is a card, by the description that its maker gave it.
fn is_card(adapter: &Adapter) -> bool {
    let text = adapter.description.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    has(CARDS) && !has(TUNNELS)
}

/// The adapter that a VPN gate names, if it is known.
fn named<'a>(device: &'a Device, told: &Told) -> Option<&'a Adapter> {
    let adapters = device.conditions.adapters.as_deref().unwrap_or_default();
    adapters.iter().find(|adapter| {
        [&adapter.description, &adapter.friendly_name]
            .iter()
            .any(|text| !text.is_empty() && told.reason.contains(&format!("`{text}`")))
    })
}

fn vpn_of(device: &Device) -> Option<(&Told, bool)> {
    let told = device.shut(Gate::Vpn)?;
    Some((told, named(device, told).is_some_and(is_card)))
}

pub(super) fn adapter_taken_for_vpn(devices: &[Device]) -> Vec<Found> {
    each(devices, |device| {
        let (told, _) = vpn_of(device).filter(|(_, card)| *card)?;
        let title = format!("an ordinary adapter of {} is taken for a VPN", device.name);
        let found = from_gate(device, told, title);
        let adapter = named(device, told)?;
        Some(found.saw(format!("its description is `{}`", adapter.description)))
    })
}

pub(super) fn vpn(devices: &[Device]) -> Vec<Found> {
    each(devices, |device| {
        let (told, _) = vpn_of(device).filter(|(_, card)| !card)?;
        let title = format!("a VPN is connected on {}: no peers", device.name);
        Some(from_gate(device, told, title))
    })
}

pub(super) fn too_little(devices: &[Device]) -> Vec<Found> {
    each(devices, |device| {
        let told = device.shut(Gate::Ram).or_else(|| device.shut(Gate::Disk))?;
        let what = if told.gate == Gate::Ram {
            "memory"
        } else {
            "disk"
        };
        let title = format!("{} has too little {what} to take part", device.name);
        Some(from_gate(device, told, title))
    })
}

pub(super) fn refused_by_windows_10(devices: &[Device]) -> Vec<Found> {
    each(devices, |device| {
        let held = device.policy("DORestrictPeerSelectionBy")?;
        let refused = held.number == Some(2)
            && held.provider == Provider::Mdm.name()
            && device.os == Some(Os::Windows10);
        let title = format!("{} refuses local discovery, since MDM set it", device.name);
        refused.then(|| {
            Found::new(0, title)
                .saw(format!(
                    "{} is {} ({})",
                    held.name, held.value, held.provider
                ))
                .saw("the system is Windows 10")
        })
    })
}

pub(super) fn group_without_mode(devices: &[Device]) -> Vec<Found> {
    each(devices, |device| {
        let held = device.policy("DOGroupId").filter(|held| held.set)?;
        let mode = device.mode().filter(|mode| *mode != DownloadMode::Group)?;
        let title = format!(
            "{} has a group id, and its mode is {mode} ({})",
            device.name,
            mode.number()
        );
        Some(Found::new(0, title).saw(format!(
            "{} is {} ({})",
            held.name, held.value, held.provider
        )))
    })
}

pub(super) fn group_from_dhcp(devices: &[Device]) -> Vec<Found> {
    each(devices, |device| {
        let from_dhcp = device.number("DOGroupIdSource") == Some(3);
        let in_group = device.mode() == Some(DownloadMode::Group);
        let group = device.group.as_ref().filter(|_| from_dhcp && in_group)?;
        let tried = group
            .tried
            .iter()
            .find(|it| it.origin == GroupOrigin::Dhcp)?;
        let title = format!("{} gets no group id from DHCP option 234", device.name);
        let now = match (&group.id, group.origin) {
            (Some(id), Some(origin)) => {
                format!("its group is {id} instead, from {}", origin.title())
            }
            _ => "it has no group at all".to_owned(),
        };
        Some(
            Found::new(0, title)
                .saw(format!("option 234: {}", tried.why))
                .saw(now),
        )
    })
}

pub(super) fn battery(devices: &[Device]) -> Vec<Found> {
    shut(devices, Gate::Battery, |device, _| {
        format!("{} is on battery and serves nobody", device.name)
    })
}

pub(super) fn monthly_cap(devices: &[Device]) -> Vec<Found> {
    shut(devices, Gate::MonthlyCap, |device, _| {
        format!(
            "{} sends nothing more to Internet peers this month",
            device.name
        )
    })
}

/// Not kept, although nothing else forbids it, because it is larger than the cache may be.
pub(super) fn no_room(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let limit = device.cache_limit?;
        let ended = file.ended.as_ref().and_then(|it| it.code);
        let not_kept = file.status == Status::Complete || file.status == Status::Paused;
        let fits = file.size <= limit;
        if !file.wanted_peers() || !not_kept || fits || ended == Some(DoCode::NO_PROGRESS) {
            return None;
        }
        let title = format!(
            "the cache of {} has no room for {}",
            device.name,
            file.title()
        );
        let found = Found::new(0, title).saw(format!(
            "the file has {} bytes, the cache may have {limit}",
            file.size
        ));
        Some(found)
    })
}

pub(super) fn cache_from_dhcp(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let source = device.policy("DOCacheHostSource")?;
        let from_dhcp = source.set && matches!(source.number, Some(1 | 2));
        let named = device.policy("DOCacheHost").is_some_and(|held| held.set);
        let had = file.caches.iter().any(|host| host.starts_with("DHCP:"));
        let asked = file.mode.is_some_and(|mode| mode != DownloadMode::Bypass);
        if !from_dhcp || had || named && source.number == Some(1) || !asked || !file.was_fetched() {
            return None;
        }
        let title = format!(
            "{} gets no Connected Cache from DHCP option 235",
            device.name
        );
        let found = Found::new(0, title).saw(format!(
            "{} is {} ({})",
            source.name, source.value, source.provider
        ));
        Some(match file.caches.first() {
            Some(host) => found.saw(format!("the cache that was used is {host}")),
            None => found.saw("no cache was used"),
        })
    })
}

/// Whether a gate keeps a device from serving, so that others can not have its files.
pub(super) fn serves(device: &Device) -> bool {
    use dolab_policy::gates::Use;
    let blocks = |it: &Told| it.verdict == Verdict::Closed && it.blocks.contains(&Use::ToPeers);
    !device.gates.iter().any(blocks)
}
