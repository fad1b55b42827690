//! When a content is fetched over HTTP, and how much of it.

use std::time::Duration;

use dolab_wire::{PeerType, Priority};

/// How the sources of a content are mixed.
///
/// Peers are asked from the start. HTTP joins after [`Self::delay_http`], Connected Caches first,
/// and the content's own servers last. While peers deliver, HTTP only makes up what they lack to
/// the [`Self::floor`]: with good peers it falls to nearly nothing (documented).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether peers may be asked and answered: not so in the modes CdnOnly, Simple and Bypass.
    pub peers: bool,
    /// Whether somebody waits for it: decides which [cap](Limits) binds it.
    pub priority: Priority,
    /// How long only peers are asked (documented: the policies `DODelayForegroundDownloadFromHttp`
    /// and `DODelayBackgroundDownloadFromHttp`). Does not count without [`Self::peers`].
    pub delay_http: Duration,
    /// How long, from then on, a failing cache is waited for before the content's own servers are
    /// asked (documented: `DODelayCacheServerFallbackForeground` and `...Background`). Does not
    /// count where there is no cache.
    pub delay_cdn: Duration,
    /// Bytes a second to which HTTP makes up what peers bring, while any peer has something that is
    /// missing here; `None`: HTTP never holds back. Documented for the background
    /// (`DOMinBackgroundQoS`); that the foreground has one, too, is observed in a content policy
    /// (`ForegroundQosBps`). Where no peer can deliver, HTTP brings all, as fast as it can.
    pub floor: Option<u64>,
    /// Whether [`Self::delay_http`] ends early when no peer is left to try. Delivery Optimization
    /// waits all the same: that is the known "stuck at 0 %" (documented).
    pub hurry_when_starved: bool,
    /// What a peer counts as that connected from a private address outside this device's own
    /// subnets, and that nobody offered: LAN in the mode of that name, Group in group mode.
    pub strangers: PeerType,
}

impl Rules {
    /// `ForegroundQosBps` of the one content policy that was observed: 6.4 MiB/s.
    pub const FOREGROUND_FLOOR: u64 = 6_710_886;

    /// `BackgroundQosBps` of the same content policy, and the documented default of
    /// `DOMinBackgroundQoS`: 2500 KB/s.
    pub const BACKGROUND_FLOOR: u64 = 2_621_440;

    /// What holds for a priority when no policy says anything: peers, no delays, and the floors
    /// that were observed.
    pub fn new(priority: Priority) -> Self {
        Self {
            peers: true,
            priority,
            delay_http: Duration::ZERO,
            delay_cdn: Duration::ZERO,
            floor: Some(match priority {
                Priority::Foreground => Self::FOREGROUND_FLOOR,
                Priority::Background => Self::BACKGROUND_FLOOR,
            }),
            hurry_when_starved: false,
            strangers: PeerType::Lan,
        }
    }

    /// The same without peers: simple mode, and the modes CdnOnly and Bypass.
    #[must_use]
    pub fn without_peers(self) -> Self {
        Self {
            peers: false,
            ..self
        }
    }
}

/// What binds a whole device. Peers on the LAN are never bound by rates (documented).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes a second of all foreground downloads together, over HTTP and from peers that are not
    /// on the LAN; `None` for no cap.
    pub foreground: Option<u64>,
    /// The same of all background downloads.
    pub background: Option<u64>,
    /// Bytes a second to peers that are not on the LAN; `None` for no cap.
    pub upload: Option<u64>,
    /// Bytes that may still go to Internet peers, such as what is left of the month's cap
    /// (documented: `DOMonthlyUploadDataCap`); `None` for no cap. Counts down by itself; a new value
    /// replaces it.
    pub internet_upload: Option<u64>,
    /// Whether anything is uploaded at all: not so on battery or VPN (documented).
    pub uploads: bool,
}

impl Default for Limits {
    /// No limit.
    fn default() -> Self {
        Self {
            foreground: None,
            background: None,
            upload: None,
            internet_upload: None,
            uploads: true,
        }
    }
}
