//! Where bytes came from, and what became of the peers that were offered.

use std::net::IpAddr;

use dolab_wire::{DoCode, DownloadMode, PeerType};

use super::{
    super::{
        Device, FailureKind, File, Peer, Status,
        found::{Found, each, each_file},
    },
    meeting::does_not_wait,
};

pub(super) fn bad_pieces(devices: &[Device]) -> Vec<Found> {
    const BAD: [DoCode; 3] = [
        DoCode::BAD_HASH_BANNED,
        DoCode::BAD_HASH,
        DoCode::PEER_BANNED,
    ];
    each_file(devices, |_, file| {
        let banned = |peer: &&Peer| peer.code.is_some_and(|code| BAD.contains(&code));
        let by_peers: Vec<_> = file.peers.iter().filter(banned).collect();
        if file.bad.is_empty() && by_peers.is_empty() {
            return None;
        }
        let title = format!("pieces of {} failed their hash", file.title());
        let mut found = Found::new(0, title);
        for bad in &file.bad {
            found = found.saw(format!("{}: {} pieces", bad.source, bad.pieces));
        }
        for peer in by_peers {
            found = found.saw(how_it_ended(peer)).code(peer.code);
        }
        Some(found)
    })
}

fn how_it_ended(peer: &Peer) -> String {
    match peer.code {
        Some(code) => format!("{}: {} ({code})", peer.ip, peer.end),
        None => format!("{}: {}", peer.ip, peer.end),
    }
}

pub(super) fn no_more_connections(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |_, file| {
        let refused: Vec<_> = file
            .peers
            .iter()
            .filter(|peer| peer.code == Some(DoCode::NO_MORE_CONNECTIONS) && peer.received == 0)
            .collect();
        let first = refused.first()?;
        let title = format!(
            "{} takes no more connections for {}",
            first.ip,
            file.title()
        );
        let saw = refused.iter().map(|peer| how_it_ended(peer));
        Some(saw.fold(Found::new(0, title), Found::saw))
    })
}

/// Peers that were offered, of which none connected though it was tried.
fn unconnected(file: &File) -> Option<&[Peer]> {
    let peers = &file.peers;
    let none = !peers.is_empty() && peers.iter().all(|peer| !peer.connected);
    let tried = peers
        .iter()
        .any(|peer| peer.code.is_some() || !peer.end.is_empty());
    let full = |peer: &Peer| peer.code == Some(DoCode::NO_MORE_CONNECTIONS);
    (none && tried && file.wanted_peers() && !peers.iter().any(full)).then_some(peers)
}

/// Whether a peer was offered at an address outside, behind another translator.
fn is_outside(device: &Device, peer: &Peer) -> bool {
    let public = !dolab_wire::is_near(peer.ip);
    let far = matches!(peer.kind, PeerType::Group | PeerType::Internet);
    public && far && !device.is_near(peer.ip) && device.external_ip() != Some(peer.ip)
}

pub(super) fn behind_translators(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let peers = unconnected(file)?;
        let across = matches!(
            file.mode,
            Some(DownloadMode::Group | DownloadMode::Internet)
        );
        if !across || !peers.iter().all(|peer| is_outside(device, peer)) {
            return None;
        }
        let title = format!(
            "none of the {} peers behind other address translators connected to {}",
            peers.len(),
            device.name
        );
        let saw = peers.iter().take(SHOWN).map(how_it_ended);
        Some(saw.fold(Found::new(0, title), Found::saw))
    })
}

/// Peers that are named in one finding.
const SHOWN: usize = 5;

pub(super) fn nobody_connects(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let peers = unconnected(file)?;
        if peers.iter().all(|peer| is_outside(device, peer)) {
            return None;
        }
        let title = format!(
            "none of the {} peers that were offered for {} connected to {}",
            peers.len(),
            file.title(),
            device.name
        );
        let mut found = Found::new(0, title).code(peers.iter().find_map(|peer| peer.code));
        for peer in peers.iter().take(SHOWN) {
            found = found.saw(how_it_ended(peer));
            if let Some(owner) = owner(devices, peer.ip)
                && owner.listening == Some(false)
            {
                found = found.saw(format!("{} says that its port is not open", owner.name));
            }
        }
        Some(found)
    })
}

fn owner(devices: &[Device], ip: IpAddr) -> Option<&Device> {
    devices
        .iter()
        .find(|device| device.addresses.iter().any(|(own, _)| *own == ip))
}

pub(super) fn no_ranges(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let failures = [&file.http, &file.ended];
        let failure = failures
            .into_iter()
            .flatten()
            .find(|it| it.kind == FailureKind::NoRanges)?;
        let title = format!(
            "{} asks for ranges of {} and gets the whole",
            device.name,
            file.title()
        );
        Some(
            Found::new(0, title)
                .code(failure.code)
                .saw(failure.text.clone()),
        )
    })
}

/// More than a twentieth beyond the size: what overlaps at an end, or is asked of two, is less.
pub(super) fn more_than_all(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |_, file| {
        let came = file.from.total();
        let whole = file.size > 0 && came > file.size.saturating_add(file.size / 20);
        let title = format!(
            "{} has {} bytes, and {came} were downloaded",
            file.title(),
            file.size
        );
        whole.then(|| {
            Found::new(0, title).saw(format!(
                "{} from HTTP, {} from a cache, {} from peers",
                file.from.cdn,
                file.from.cache_host,
                file.from.peers()
            ))
        })
    })
}

pub(super) fn silent_cache(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let host = file.caches.first()?;
        let silent = file.from.cache_host == 0 && file.from.cdn > 0;
        let title = format!("the Connected Cache {host} gave {} nothing", device.name);
        silent.then(|| {
            let found = Found::new(0, title).saw(format!(
                "{} of {} bytes of {} came from the origin",
                file.from.cdn,
                file.from.total(),
                file.title()
            ));
            match &file.http {
                Some(failure) => found.saw(failure.text.clone()),
                None => found,
            }
        })
    })
}

pub(super) fn waiting(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let name = if file.foreground {
            "DODelayForegroundDownloadFromHttp"
        } else {
            "DODelayBackgroundDownloadFromHttp"
        };
        let held = device.policy(name)?;
        let delay = i64::from(held.number?);
        let waited = device.written?.duration_since(file.asked?).as_secs();
        let stands = matches!(file.status, Status::Downloading | Status::Paused)
            && file.from.total() == 0
            && file.wanted_peers();
        let title = format!(
            "{} waits for peers of {} and lets HTTP alone",
            device.name,
            file.title()
        );
        (stands && waited < delay).then(|| {
            Found::new(0, title)
                .saw(format!(
                    "{} is {} ({})",
                    held.name, held.value, held.provider
                ))
                .saw(format!(
                    "it was asked for {waited} s ago, and no byte has come"
                ))
        })
    })
}

pub(super) fn race(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let gave = file
            .peers
            .iter()
            .any(|peer| peer.connected && peer.received > 0);
        let less = file.from.peers() < file.from.cdn;
        // Peers that were whole from the start had everything to give.
        let had_all = devices.iter().any(|other| {
            let copy = other.file(&file.id);
            let before =
                |copy: &File| matches!((copy.whole, file.asked), (Some(a), Some(b)) if a <= b);
            copy.is_some_and(before)
        });
        if !gave || !less || !had_all || !does_not_wait(device, file) {
            return None;
        }
        let title = format!(
            "HTTP won the race against the peers of {} on {}",
            file.title(),
            device.name
        );
        let found = Found::new(0, title).saw(format!(
            "{} bytes from HTTP, {} from peers that were connected",
            file.from.cdn,
            file.from.peers()
        ));
        Some(match device.policy("DOMinBackgroundQos") {
            Some(held) if !file.foreground => found.saw(format!(
                "{} is {} ({})",
                held.name, held.value, held.provider
            )),
            _ => found,
        })
    })
}

pub(super) fn connected_cache(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let most = file.from.cache_host > file.from.total() / 2;
        let title = format!(
            "a Connected Cache served {} to {}",
            file.title(),
            device.name
        );
        most.then(|| {
            Found::new(0, title).saw(format!(
                "{} of {} bytes came from it",
                file.from.cache_host,
                file.from.total()
            ))
        })
    })
}

pub(super) fn not_counted(devices: &[Device]) -> Vec<Found> {
    each(devices, |device| {
        let sum = |of: fn(&File) -> u64| device.files.iter().map(of).sum::<u64>();
        let left_out = sum(|file| file.from.group + file.from.link_local);
        let counted = sum(|file| file.from.lan + file.from.internet);
        let title = format!(
            "Microsoft's cmdlet would show 0 % from peers on {}",
            device.name
        );
        (left_out > 0 && counted == 0).then(|| {
            Found::new(0, title).saw(format!(
                "{left_out} bytes came from Group and LinkLocal peers, and none from LAN or Internet peers"
            ))
        })
    })
}

pub(super) fn public_inside(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let inside = |peer: &&Peer| {
            peer.kind == PeerType::Internet
                && peer.received > 0
                && !dolab_wire::is_near(peer.ip)
                && device.is_near(peer.ip)
        };
        let peer = file.peers.iter().find(inside)?;
        let title = format!(
            "{} counts its neighbour {} as an Internet peer",
            device.name, peer.ip
        );
        Some(Found::new(0, title).saw(format!(
            "{} gave {} bytes, and lies in a network of {}",
            peer.ip, peer.received, device.name
        )))
    })
}
