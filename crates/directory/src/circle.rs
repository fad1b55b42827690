use dolab_wire::{DownloadMode, cloud::PeerSelection};
use smallvec::SmallVec;

use crate::entry::{NONE, Place};

/// Whom a device may meet, cut into sets that can be held: two devices may meet exactly when they
/// sit in one circle together. Circles are of one content, and of clients or of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Circle {
    /// Same public address and same subnet: all but those in a group.
    SiteSubnet,
    /// Same public address: all but those in a group or bound to their subnet.
    Site,
    /// Mode 3.
    Everyone,
    /// Same group, public address and subnet.
    GroupSiteSubnet,
    /// Same group and public address: not those bound to their subnet.
    GroupSite,
    /// Same group and subnet.
    GroupSubnet,
    /// Same group: not those bound to their subnet.
    Group,
}

/// The circles of a device, the nearest first.
pub(crate) type Circles = SmallVec<[Circle; MAX_CIRCLES]>;

/// Most circles of a device.
pub(crate) const MAX_CIRCLES: usize = 4;

impl Circle {
    /// The circles that a device sits in, and whose members it may meet.
    pub(crate) fn of(place: &Place) -> Circles {
        let has_subnet = place.subnet().is_some();
        let by_subnet = |circle| has_subnet.then_some(circle);
        let wider = |circle| (place.restrict == PeerSelection::Any).then_some(circle);
        let circles = match place.mode {
            DownloadMode::CdnOnly | DownloadMode::Simple | DownloadMode::Bypass => {
                [None; MAX_CIRCLES]
            }
            DownloadMode::Lan | DownloadMode::Group
                if place.restrict == PeerSelection::LocalDiscovery =>
            {
                [None; MAX_CIRCLES]
            }
            DownloadMode::Group if place.group == NONE => [None; MAX_CIRCLES],
            DownloadMode::Lan => [by_subnet(Self::SiteSubnet), wider(Self::Site), None, None],
            DownloadMode::Group => [
                by_subnet(Self::GroupSiteSubnet),
                wider(Self::GroupSite),
                by_subnet(Self::GroupSubnet),
                wider(Self::Group),
            ],
            DownloadMode::Internet => [
                by_subnet(Self::SiteSubnet),
                Some(Self::Site),
                Some(Self::Everyone),
                None,
            ],
        };
        circles.into_iter().flatten().collect()
    }

    /// Whether two devices that meet in some wider circle sit in this one together too.
    pub(crate) fn holds_both(self, one: &Place, other: &Place) -> bool {
        (!self.is_by_site() || one.is_at_site_of(other))
            && (!self.is_by_subnet() || one.is_in_subnet_of(other))
    }

    /// What tells two circles of one content apart.
    pub(crate) fn key(self, place: &Place) -> impl std::hash::Hash + PartialEq + use<> {
        (
            self,
            place.content,
            place.is_server,
            self.is_by_group().then_some(place.group),
            self.is_by_site().then(|| place.site()),
            self.is_by_subnet().then(|| place.subnet()),
        )
    }

    fn is_by_group(self) -> bool {
        matches!(
            self,
            Self::GroupSiteSubnet | Self::GroupSite | Self::GroupSubnet | Self::Group
        )
    }

    fn is_by_site(self) -> bool {
        matches!(
            self,
            Self::SiteSubnet | Self::Site | Self::GroupSiteSubnet | Self::GroupSite
        )
    }

    fn is_by_subnet(self) -> bool {
        matches!(
            self,
            Self::SiteSubnet | Self::GroupSiteSubnet | Self::GroupSubnet
        )
    }
}
