//! Bytes and connections by the class of their source, and how much of it was peers.

use std::ops::{Add, AddAssign};

use dolab_wire::PeerType;
use serde::{Deserialize, Serialize};

use super::record::{Field, field};

/// A number for each class that Delivery Optimization counts apart (documented).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ByClass<T> {
    /// The content's own HTTP source.
    pub cdn: T,
    /// A Connected Cache.
    pub cache_host: T,
    /// Peers on the local network.
    pub lan: T,
    /// Peers found by DNS-SD on the link.
    pub link_local: T,
    /// Peers of the same group that are not on the local network.
    pub group: T,
    /// Peers on the internet.
    pub internet: T,
}

impl<T: Copy + Add<Output = T> + AddAssign> ByClass<T> {
    /// Counts `more` for a source. What has no class of its own, such as this host's own cache,
    /// is not counted.
    pub fn add(&mut self, source: PeerType, more: T) {
        match source {
            PeerType::Cdn => self.cdn += more,
            PeerType::Doinc => self.cache_host += more,
            PeerType::Lan => self.lan += more,
            PeerType::LinkLocal => self.link_local += more,
            PeerType::Group => self.group += more,
            PeerType::Internet => self.internet += more,
            PeerType::None | PeerType::LocalCache => {}
        }
    }

    /// Counts another account's numbers too.
    pub fn add_all(&mut self, other: &Self) {
        self.cdn += other.cdn;
        self.cache_host += other.cache_host;
        self.lan += other.lan;
        self.link_local += other.link_local;
        self.group += other.group;
        self.internet += other.internet;
    }

    /// The larger number of each class.
    pub fn at_least(&self, other: &Self) -> Self
    where
        T: Ord,
    {
        Self {
            cdn: self.cdn.max(other.cdn),
            cache_host: self.cache_host.max(other.cache_host),
            lan: self.lan.max(other.lan),
            link_local: self.link_local.max(other.link_local),
            group: self.group.max(other.group),
            internet: self.internet.max(other.internet),
        }
    }

    /// HTTP sources. Delivery Optimization counts the Connected Cache among them (documented).
    pub fn http(&self) -> T {
        self.cdn + self.cache_host
    }

    /// All peers.
    pub fn peers(&self) -> T {
        self.lan + self.link_local + self.group + self.internet
    }

    /// The peers that Microsoft's cmdlets add up: LAN and Internet. Group and LinkLocal are left
    /// out, though Microsoft's own description includes them (documented, both).
    pub fn peers_by_microsoft(&self) -> T {
        self.lan + self.internet
    }

    /// All sources.
    pub fn total(&self) -> T {
        self.http() + self.peers()
    }
}

/// How much of a download came from peers: as Microsoft's cmdlets compute it, and all of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Efficiency {
    /// Bytes from LAN and Internet peers.
    pub microsoft_bytes: u64,
    /// Those in per cent of everything, 0 when there is nothing.
    pub microsoft_percent: f64,
    /// Bytes from peers of every class.
    pub all_bytes: u64,
    /// Those in per cent of everything, 0 when there is nothing.
    pub all_percent: f64,
    /// Why the two differ, when they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Efficiency {
    /// Of these bytes.
    pub fn of(bytes: &ByClass<u64>) -> Self {
        let percent = |part: u64| match bytes.total() {
            0 => 0.0,
            total => (part as f64 / total as f64 * 1e4).round() / 1e2,
        };
        let (microsoft, all) = (bytes.peers_by_microsoft(), bytes.peers());
        let (microsoft_percent, all_percent) = (percent(microsoft), percent(all));
        let note = (microsoft != all).then(|| {
            format!(
                "Microsoft's cmdlet counts LAN and Internet peers only: it shows {microsoft_percent} %; \
                 with {} bytes from Group and {} from LinkLocal peers it is {all_percent} %",
                bytes.group, bytes.link_local
            )
        });
        Self {
            microsoft_bytes: microsoft,
            microsoft_percent,
            all_bytes: all,
            all_percent,
            note,
        }
    }
}

/// The four classes that uploads are told apart by, and downloads from peers: LAN, LinkLocal,
/// Group, Internet.
pub(super) fn peer_fields(names: [&'static str; 4], bytes: &ByClass<u64>) -> [Field; 4] {
    let values = [bytes.lan, bytes.link_local, bytes.group, bytes.internet];
    let mut values = values.into_iter();
    names.map(|name| field(name, values.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_cmdlets_sum_leaves_out_group_and_link_local() {
        let mut bytes = ByClass::default();
        for source in PeerType::ALL {
            bytes.add(source, u64::from(10u32.pow(source.number())));
        }
        // 1 LAN, 2 CDN, 3 Internet, 4 Group, 5 DOINC, 7 LinkLocal.
        assert_eq!(bytes.http(), 100_100);
        assert_eq!(bytes.peers_by_microsoft(), 1_010);
        assert_eq!(bytes.peers(), 10_011_010);
        assert_eq!(bytes.total(), 10_111_110);
    }

    #[test]
    fn a_site_of_one_group_reads_as_nothing_in_the_cmdlet() {
        let bytes = ByClass {
            cdn: 100,
            group: 300,
            ..ByClass::default()
        };
        let found = Efficiency::of(&bytes);
        assert_eq!((found.microsoft_percent, found.all_percent), (0.0, 75.0));
        assert_eq!(
            found.note.as_deref(),
            Some(
                "Microsoft's cmdlet counts LAN and Internet peers only: it shows 0 %; with 300 bytes \
                 from Group and 0 from LinkLocal peers it is 75 %"
            )
        );
        let same = Efficiency::of(&ByClass {
            lan: 1,
            ..ByClass::default()
        });
        assert_eq!((same.all_percent, same.note), (100.0, None));
        assert_eq!(Efficiency::of(&ByClass::default()).all_percent, 0.0);
    }

    proptest! {
        #[test]
        fn parts_and_whole_agree(parts in proptest::collection::vec((0..8u32, 0..1u64 << 40), 0..40)) {
            let mut bytes = ByClass::default();
            let mut counted = 0;
            for (number, more) in parts {
                let source = PeerType::try_from(number).unwrap();
                bytes.add(source, more);
                if !matches!(source, PeerType::None | PeerType::LocalCache) {
                    counted += more;
                }
            }
            prop_assert_eq!(bytes.total(), counted);
            let found = Efficiency::of(&bytes);
            prop_assert!(found.microsoft_bytes <= found.all_bytes);
            prop_assert!((0.0..=100.0).contains(&found.all_percent));
            prop_assert_eq!(found.note.is_some(), found.all_bytes != found.microsoft_bytes);
        }
    }
}
