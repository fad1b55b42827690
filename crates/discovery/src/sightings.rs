//! What DNS-SD told, as candidates.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6},
    time::Instant,
};

use dolab_wire::{PeerType, text::printable};
use mdns_sd::{ResolvedService, ScopedIp};

use crate::{Candidate, DO_PORT, Event, Interfaces, Kind, Source, config::SERVICE, txt};

/// Longest name that is kept, in characters.
const MAX_NAME: usize = 255;

/// Interfaces that are kept of one candidate.
const MAX_INTERFACES: usize = 16;

/// All candidates that are known, by what identifies them at their source.
#[derive(Debug)]
pub(crate) struct Sightings {
    known: BTreeMap<(Source, String), Candidate>,
    max: usize,
}

impl Sightings {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            known: BTreeMap::new(),
            max,
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Candidate> {
        self.known.values()
    }

    /// Takes a candidate in, and says what that changes.
    pub(crate) fn see(&mut self, key: &str, mut candidate: Candidate) -> Vec<Event> {
        let key = (candidate.source, key.to_lowercase());
        if let Some(known) = self.known.get_mut(&key) {
            if known.says_the_same(&candidate) {
                return Vec::new();
            }
            candidate.found = known.found;
            known.clone_from(&candidate);
            return vec![Event::Changed(candidate)];
        }
        let mut events = Vec::new();
        if self.known.len() >= self.max {
            match self.make_room_for(&candidate) {
                Some(evicted) => events.push(Event::Lost(evicted)),
                None => return events,
            }
        }
        self.known.insert(key, candidate.clone());
        events.push(Event::Found(candidate));
        events
    }

    pub(crate) fn lose(&mut self, source: Source, key: &str) -> Option<Event> {
        self.known
            .remove(&(source, key.to_lowercase()))
            .map(Event::Lost)
    }

    /// A link with a thousand Windows hosts must not hide the one lab peer on it.
    fn make_room_for(&mut self, candidate: &Candidate) -> Option<Candidate> {
        candidate.lab()?;
        let rest = self.known.iter().filter(|(_, known)| known.lab().is_none());
        let oldest = rest
            .min_by_key(|(_, known)| known.found)
            .map(|(key, _)| key.clone())?;
        self.known.remove(&oldest)
    }
}

/// Turns an answer of DNS-SD into a candidate.
pub(crate) fn candidate(service: &ResolvedService, on: &Interfaces, now: Instant) -> Candidate {
    let mut interfaces: Vec<String> = service
        .addresses
        .iter()
        .flat_map(interface_names)
        .map(|name| printable(name, 64))
        .collect();
    interfaces.sort();
    interfaces.dedup();
    interfaces.truncate(MAX_INTERFACES);
    let name = instance(&service.fullname);
    let host = service.host.trim_end_matches('.');
    let properties = service.txt_properties.iter();
    let lab = txt::decode(properties.map(|p| (p.key(), p.val().unwrap_or_default())));
    let kind = match lab {
        Some(lab) => Kind::Lab(lab),
        None if is_windows_form(&name, host, service.port) => Kind::Windows,
        None => Kind::Other,
    };
    Candidate {
        source: Source::DnsSd,
        name: printable(&name, MAX_NAME),
        host: Some(printable(host, MAX_NAME)),
        addrs: addrs(service, on),
        kind,
        peer_type: PeerType::LinkLocal,
        interfaces,
        found: now,
        changed: now,
    }
}

/// The instance in a service's full name, without the service and its escapes.
pub(crate) fn instance(fullname: &str) -> String {
    let at = fullname.len().saturating_sub(SERVICE.len());
    let name = match fullname.get(at..) {
        Some(end) if end.eq_ignore_ascii_case(SERVICE) => &fullname[..at],
        _ => fullname,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.replace("\\.", ".").replace("\\\\", "\\")
}

/// Instances of Windows hosts are their host names, at times with a number in brackets that a
/// conflict left behind, and the port is 7680 (observed).
fn is_windows_form(instance: &str, host: &str, port: u16) -> bool {
    let label = host.split('.').next().unwrap_or_default();
    let plain = match instance.rsplit_once('(') {
        Some((plain, number)) if number.strip_suffix(')').is_some_and(is_number) => {
            plain.trim_end()
        }
        _ => instance,
    };
    port == DO_PORT && !label.is_empty() && plain.eq_ignore_ascii_case(label)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn interface_names(addr: &ScopedIp) -> Vec<&str> {
    match addr {
        ScopedIp::V4(v4) => v4
            .interface_ids()
            .iter()
            .map(|id| id.name.as_str())
            .collect(),
        ScopedIp::V6(v6) => vec![v6.scope_id().name.as_str()],
        _ => Vec::new(),
    }
}

pub(crate) fn addrs(service: &ResolvedService, on: &Interfaces) -> Vec<SocketAddr> {
    let port = service.port;
    let mut addrs: Vec<SocketAddr> = service
        .addresses
        .iter()
        .filter(|addr| on.admit(addr.to_ip_addr()))
        .map(|addr| match scoped(addr) {
            Some((ip, scope)) => SocketAddrV6::new(ip, port, 0, scope).into(),
            None => SocketAddr::new(addr.to_ip_addr(), port),
        })
        .collect();
    addrs.sort_by_key(|addr| (rank(addr.ip()), *addr));
    addrs.dedup();
    addrs.truncate(Candidate::MAX_ADDRS);
    addrs
}

/// A link-local address and the interface that it holds on.
fn scoped(addr: &ScopedIp) -> Option<(Ipv6Addr, u32)> {
    let ScopedIp::V6(v6) = addr else {
        return None;
    };
    is_link_local(v6.addr()).then(|| (*v6.addr(), v6.scope_id().index))
}

fn rank(addr: IpAddr) -> u8 {
    match addr {
        IpAddr::V4(v4) if !v4.is_link_local() => 0,
        IpAddr::V6(v6) if !is_link_local(&v6) => 1,
        IpAddr::V4(_) => 2,
        IpAddr::V6(_) => 3,
    }
}

pub(crate) fn is_link_local(addr: &Ipv6Addr) -> bool {
    addr.segments()[0] & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use dolab_wire::swarm::PeerId;

    use super::*;
    use crate::LabPeer;

    fn sighting(kind: Kind) -> Candidate {
        let now = Instant::now();
        Candidate {
            source: Source::DnsSd,
            name: String::new(),
            host: None,
            addrs: vec![],
            kind,
            peer_type: PeerType::LinkLocal,
            interfaces: vec![],
            found: now,
            changed: now,
        }
    }

    fn lab() -> Kind {
        Kind::Lab(LabPeer {
            peer: PeerId([1; 20]),
            version: String::new(),
            contents: vec![],
            total: 0,
            group: None,
            calls: vec![],
        })
    }

    #[test]
    fn each_change_is_told_once() {
        let mut known = Sightings::new(10);
        assert!(matches!(
            known.see("A", sighting(Kind::Windows))[..],
            [Event::Found(_)]
        ));
        assert!(known.see("a", sighting(Kind::Windows)).is_empty());
        assert!(matches!(
            known.see("a", sighting(lab()))[..],
            [Event::Changed(_)]
        ));
        assert!(matches!(
            known.lose(Source::DnsSd, "A"),
            Some(Event::Lost(_))
        ));
        assert!(known.lose(Source::DnsSd, "A").is_none());
    }

    #[test]
    fn a_crowd_hides_no_lab_peer() {
        let mut known = Sightings::new(2);
        known.see("a", sighting(Kind::Windows));
        known.see("b", sighting(lab()));
        assert!(known.see("c", sighting(Kind::Windows)).is_empty());
        assert!(matches!(
            known.see("d", sighting(lab()))[..],
            [Event::Lost(_), Event::Found(_)]
        ));
        assert!(known.see("e", sighting(lab())).is_empty());
        assert_eq!(known.all().count(), 2);
    }

    #[test]
    fn names_of_instances() {
        assert_eq!(instance("PC-17._dosvc._tcp.local."), "PC-17");
        assert_eq!(instance("PC-17 (2)._DOSVC._tcp.local."), "PC-17 (2)");
        assert_eq!(instance("a\\.b._dosvc._tcp.local."), "a.b");
        assert_eq!(instance("stränge"), "stränge");
    }

    #[test]
    fn the_form_of_a_windows_host() {
        assert!(is_windows_form("DESKTOP-1", "desktop-1.local", 7680));
        assert!(is_windows_form("HOST(152)", "HOST.local", 7680));
        assert!(is_windows_form("HOST (2)", "HOST.local", 7680));
        assert!(!is_windows_form("HOST", "HOST.local", 7681));
        assert!(!is_windows_form("printer", "HOST.local", 7680));
        assert!(!is_windows_form("", "", 7680));
    }
}
