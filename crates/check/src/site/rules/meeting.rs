//! Who should have met, and did not.
//!
//! Each rule looks at two devices of which one fetched over HTTP, without being offered anybody, what
//! the other had.

use dolab_policy::{GroupOrigin, Os, Restriction};
use dolab_wire::DownloadMode;

use super::{
    super::{Device, File, Status, found::Found},
    settings::serves,
};

/// Two devices that should have met.
#[derive(Clone, Copy)]
struct Missed<'a> {
    /// Who fetched it over HTTP.
    asks: (usize, &'a Device, &'a File),
    /// Who had it.
    has: (usize, &'a Device, &'a File),
}

/// Whether a download could have been from peers, and nobody was offered. A download that was over
/// before the cloud took its registration tells nothing; one that looks by DNS-SD alone has none.
fn found_nobody(file: &File) -> bool {
    let asked = file.registration.as_ref().is_none_or(|it| it.joined);
    asked
        && file.was_fetched()
        && file.wanted_peers()
        && file.offered() == 0
        && file.failure.is_none()
        && file.from.peers() == 0
}

/// Whether a file was there, to be had by others, when another device asked for it.
fn was_there(device: &Device, has: &File, asks: &File) -> bool {
    let kept = matches!(has.status, Status::Caching);
    let before = match (has.whole, asks.asked) {
        (Some(whole), Some(asked)) => whole <= asked,
        _ => false,
    };
    kept && before && has.wanted_peers() && serves(device)
}

/// All pairs that should have met.
fn missed(devices: &[Device]) -> Vec<Missed<'_>> {
    let mut all = Vec::new();
    for (at, asks) in devices.iter().enumerate() {
        for file in asks.files.iter().filter(|file| found_nobody(file)) {
            for (other, has) in devices.iter().enumerate().filter(|(it, _)| *it != at) {
                let Some(copy) = has.file(&file.id) else {
                    continue;
                };
                if was_there(has, copy, file) && !is_unregistered(copy) {
                    all.push(Missed {
                        asks: (at, asks, file),
                        has: (other, has, copy),
                    });
                }
            }
        }
    }
    all
}

/// Whether the cloud did not know of a copy.
fn is_unregistered(copy: &File) -> bool {
    copy.registration
        .as_ref()
        .is_some_and(|it| it.failure.is_some())
}

impl Missed<'_> {
    fn both_in(&self, mode: DownloadMode) -> bool {
        self.asks.2.mode == Some(mode) && self.has.2.mode == Some(mode)
    }

    fn names(&self) -> (&str, &str) {
        (&self.asks.1.name, &self.has.1.name)
    }

    fn found(&self, title: String) -> Found {
        let (asks, has) = self.names();
        Found::new(self.asks.0, title)
            .and(self.has.0)
            .of(self.asks.2)
            .saw(format!(
                "{asks} was offered nobody for {}, which {has} had by then",
                self.asks.2.title()
            ))
    }

    /// Public addresses by the cloud's word, where both are known.
    fn external(&self) -> Option<(std::net::IpAddr, std::net::IpAddr)> {
        Some((self.asks.1.external_ip()?, self.has.1.external_ip()?))
    }

    fn one_site(&self) -> bool {
        self.external().is_some_and(|(a, b)| a == b)
    }

    fn is_server(device: &Device) -> Option<bool> {
        device.os.map(|os| os == Os::Server)
    }

    fn mixed_roles(&self) -> bool {
        let roles = (Self::is_server(self.asks.1), Self::is_server(self.has.1));
        matches!(roles, (Some(a), Some(b)) if a != b)
    }

    /// Whether no address of one is in a network of the other, where both tell theirs.
    fn other_subnets(&self) -> bool {
        let (asks, has) = (self.asks.1, self.has.1);
        !asks.addresses.is_empty()
            && !has.addresses.is_empty()
            && !has.addresses.iter().any(|(ip, _)| asks.is_near(*ip))
    }
}

/// One finding for each device that asked.
fn once(found: Vec<Found>) -> Vec<Found> {
    let mut once: Vec<Found> = Vec::new();
    for it in found {
        let known = once
            .iter()
            .any(|other| other.devices[0] == it.devices[0] && other.file == it.file);
        if !known {
            once.push(it);
        }
    }
    once
}

fn groups_of<'a>(pair: &Missed<'a>) -> Option<(&'a dolab_policy::Group, &'a dolab_policy::Group)> {
    let (a, b) = (pair.asks.1.group.as_ref()?, pair.has.1.group.as_ref()?);
    (pair.both_in(DownloadMode::Group) && a.id != b.id).then_some((a, b))
}

fn shown(name: &str, group: &dolab_policy::Group) -> String {
    match (&group.id, group.origin) {
        (Some(id), Some(origin)) => format!("the group of {name} is {id}, from {}", origin.title()),
        _ => format!("{name} has no group"),
    }
}

fn split(devices: &[Device], explicit: bool, what: &str) -> Vec<Found> {
    let set = |group: &dolab_policy::Group| group.origin == Some(GroupOrigin::Policy);
    let found = missed(devices).into_iter().filter_map(|pair| {
        let (a, b) = groups_of(&pair)?;
        if (set(a) || set(b)) != explicit {
            return None;
        }
        let (asks, has) = pair.names();
        let found = pair.found(format!("{asks} and {has} {what}"));
        Some(found.saw(shown(asks, a)).saw(shown(has, b)))
    });
    once(found.collect())
}

pub(super) fn groups(devices: &[Device]) -> Vec<Found> {
    split(devices, true, "are set to different groups")
}

pub(super) fn implicit_groups(devices: &[Device]) -> Vec<Found> {
    split(
        devices,
        false,
        "are in different groups, since nobody set one",
    )
}

fn different_addresses(devices: &[Device], by_proxy: bool, what: &str) -> Vec<Found> {
    let found = missed(devices).into_iter().filter_map(|pair| {
        let (a, b) = pair.external().filter(|(a, b)| a != b)?;
        let proxy = pair.asks.1.proxy.as_ref().or(pair.has.1.proxy.as_ref());
        if !pair.both_in(DownloadMode::Lan) || proxy.is_some() != by_proxy {
            return None;
        }
        let (asks, has) = pair.names();
        let found = pair
            .found(format!("{asks} and {has} {what}"))
            .saw(format!("the cloud sees {asks} at {a}, and {has} at {b}"));
        Some(match proxy {
            Some(proxy) => found.saw(format!("the proxy is {proxy}")),
            None => found,
        })
    });
    once(found.collect())
}

pub(super) fn proxy(devices: &[Device]) -> Vec<Found> {
    let what = "get different public addresses from a proxy, so LAN mode keeps them apart";
    different_addresses(devices, true, what)
}

pub(super) fn public_addresses(devices: &[Device]) -> Vec<Found> {
    let what = "leave by different public addresses, so LAN mode keeps them apart";
    different_addresses(devices, false, what)
}

pub(super) fn roles(devices: &[Device]) -> Vec<Found> {
    let found = missed(devices).into_iter().filter_map(|pair| {
        if !pair.mixed_roles() || groups_of(&pair).is_some() {
            return None;
        }
        let role = |device: &Device| {
            if device.os == Some(Os::Server) {
                "a server"
            } else {
                "a client"
            }
        };
        let (asks, has) = pair.names();
        let found = pair.found(format!(
            "{asks} is {} and {has} {}: they do not share",
            role(pair.asks.1),
            role(pair.has.1)
        ));
        Some(found)
    });
    once(found.collect())
}

/// A restriction that leaves a neighbour out, by default or because somebody set it.
fn restricted(devices: &[Device], by_default: bool) -> Vec<Found> {
    let found = missed(devices).into_iter().filter_map(|pair| {
        let asks = pair.asks.1;
        let held = asks.policy("DORestrictPeerSelectionBy")?;
        let restriction = asks.restriction?;
        let leaves_out = match restriction {
            Restriction::None => false,
            Restriction::Subnet => pair.other_subnets() && by_default,
            Restriction::LocalDiscovery => true,
        };
        let same = pair.one_site() || pair.both_in(DownloadMode::Group);
        if held.set == by_default || !leaves_out || !same || pair.mixed_roles() {
            return None;
        }
        let (name, has) = pair.names();
        let title = match restriction {
            Restriction::LocalDiscovery if !by_default => {
                format!("{name} looks for peers by DNS-SD alone, and does not find {has}")
            }
            Restriction::None | Restriction::Subnet | Restriction::LocalDiscovery => {
                format!("by default {name} looks for peers so narrowly that {has} is left out")
            }
        };
        let found = pair.found(title).saw(format!(
            "{} is {} ({})",
            held.name, held.value, held.provider
        ));
        Some(if pair.other_subnets() {
            found.saw("the two are in different subnets")
        } else {
            found
        })
    });
    once(found.collect())
}

pub(super) fn restriction(devices: &[Device]) -> Vec<Found> {
    restricted(devices, true)
}

pub(super) fn local_discovery(devices: &[Device]) -> Vec<Found> {
    restricted(devices, false)
}

pub(super) fn expired(devices: &[Device]) -> Vec<Found> {
    let mut all = Vec::new();
    for (at, asks) in devices.iter().enumerate() {
        for file in asks.files.iter().filter(|file| found_nobody(file)) {
            for (other, had) in devices.iter().enumerate().filter(|(it, _)| *it != at) {
                let gone = had.gone.iter().find(|gone| {
                    let before = file.asked.is_some_and(|asked| gone.when <= asked);
                    gone.id == file.id && gone.expired && before
                });
                let Some(gone) = gone else { continue };
                let title = format!(
                    "{} had {} and let it go because of its age before {} asked",
                    had.name,
                    file.title(),
                    asks.name
                );
                let mut found = Found::new(at, title).and(other).of(file).saw(format!(
                    "it was whole at {} and gone at {}",
                    gone.since, gone.when
                ));
                if let Some(held) = had.policy("DOMaxCacheAge") {
                    found = found.saw(format!(
                        "{} is {} ({})",
                        held.name, held.value, held.provider
                    ));
                }
                all.push(found);
            }
        }
    }
    once(all)
}

/// Whether no policy makes a download wait for peers.
pub(super) fn does_not_wait(device: &Device, file: &File) -> bool {
    let name = if file.foreground {
        "DODelayForegroundDownloadFromHttp"
    } else {
        "DODelayBackgroundDownloadFromHttp"
    };
    device.number(name).unwrap_or(0) == 0
}

/// Downloads of one content that overlap in time, none of which had a whole copy to begin with.
pub(super) fn together(devices: &[Device]) -> Vec<Found> {
    let mostly_http = |device: &Device, file: &File| {
        file.was_fetched()
            && file.wanted_peers()
            && file.failure.is_none()
            && does_not_wait(device, file)
            && file.from.cdn > file.from.peers()
    };
    let mut all = Vec::new();
    for (at, device) in devices.iter().enumerate() {
        for file in device.files.iter().filter(|file| mostly_http(device, file)) {
            let others: Vec<_> = devices
                .iter()
                .enumerate()
                .filter(|(it, _)| *it != at)
                .filter_map(|(it, other)| Some((it, other, other.file(&file.id)?)))
                .collect();
            let overlaps = |other: &File| match (file.asked, file.whole, other.asked, other.whole) {
                (Some(a), Some(b), Some(c), Some(d)) => c < b && a < d,
                _ => false,
            };
            let had =
                |other: &File| matches!((other.whole, file.asked), (Some(a), Some(b)) if a <= b);
            // The first of them tells for all.
            let first = others.iter().all(|(it, _, _)| *it > at);
            let all_so = !others.is_empty()
                && others.iter().all(|(_, other, copy)| {
                    overlaps(copy) && !had(copy) && mostly_http(other, copy)
                });
            if !first || !all_so {
                continue;
            }
            let names: Vec<_> = others
                .iter()
                .map(|(_, other, _)| other.name.as_str())
                .collect();
            let title = format!(
                "{} and {} fetched {} at the same time, each from HTTP",
                device.name,
                names.join(", "),
                file.title()
            );
            let mut found = Found::new(at, title).of(file);
            let me = (at, device, file);
            for (it, other, copy) in std::iter::once(me).chain(others) {
                if it != at {
                    found = found.and(it);
                }
                if let (Some(asked), Some(whole)) = (copy.asked, copy.whole) {
                    found = found.saw(format!(
                        "{}: from {asked} to {whole}, {} bytes from HTTP and {} from peers",
                        other.name,
                        copy.from.cdn,
                        copy.from.peers()
                    ));
                }
            }
            all.push(found);
        }
    }
    all
}

/// The only device of a site that has fetched a content. Of one device alone nothing is said: every
/// content is fetched from its origin once.
pub(super) fn first(devices: &[Device]) -> Vec<Found> {
    let mut all = Vec::new();
    if devices.len() < 2 {
        return all;
    }
    for (at, device) in devices.iter().enumerate() {
        for file in device.files.iter().filter(|file| found_nobody(file)) {
            let registered = file
                .registration
                .as_ref()
                .is_some_and(|it| it.joined && it.failure.is_none());
            let others = devices.iter().enumerate().filter(|(it, _)| *it != at);
            let known_elsewhere = others.clone().any(|(_, other)| {
                other.file(&file.id).is_some() || other.gone.iter().any(|gone| gone.id == file.id)
            });
            let served = file.to.total() > 0;
            let done = matches!(file.status, Status::Caching | Status::Complete);
            if !registered || known_elsewhere || served || !done {
                continue;
            }
            let title = format!("{} was the first to fetch {}", device.name, file.title());
            all.push(
                Found::new(at, title)
                    .of(file)
                    .saw("it was registered with the cloud, and nobody was offered")
                    .saw("nothing is known to have kept it from peers"),
            );
        }
    }
    all
}
