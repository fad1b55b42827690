//! What a device writes down beside its figures, so that others can tell why they are as they are.

use std::net::IpAddr;

use dolab_discovery::cloud::CloudError;
use dolab_policy::{
    Group, Held, Os, Restriction, Told,
    gates::{Conditions, Verdict},
};
use dolab_wire::{DoCode, cloud::ReplyError, text::printable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::DownloadError;

/// Longest text of a trouble that is kept, in characters.
const MAX_TEXT: usize = 300;

/// The device as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// This host's name.
    pub host: String,
    /// The system whose defaults hold.
    pub os: Option<Os>,
    /// Every policy that holds, with who set it.
    pub policies: Vec<Held>,
    /// How those narrow peers down.
    pub restriction: Option<Restriction>,
    /// The group of mode 2, and what was tried for it.
    pub group: Option<Group>,
    /// What the gates looked at last.
    pub conditions: Conditions,
    /// Every gate, without a download.
    pub gates: Vec<Told>,
    /// The proxy of the whole device, as its situation states it. It is not used.
    pub proxy: Option<String>,
    /// Its own addresses with the length of their prefix, without loopback's unless there are no
    /// others.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Whether a cloud was to be asked.
    pub has_cloud: bool,
    /// The public address by the cloud's word.
    pub external_ip: Option<IpAddr>,
    /// How the cloud failed last, since it answered last.
    pub cloud_trouble: Option<Trouble>,
    /// Whether the port for peers is open.
    pub listening: bool,
    /// The most that the cache may take, in bytes.
    pub cache_limit: Option<u64>,
    /// How many seconds the clock is ahead of what servers said; negative where it is behind.
    pub clock_ahead: Option<i64>,
    /// What went out of the cache, the last at the end. At most [`About::MAX_GONE`].
    pub gone: Vec<Gone>,
}

impl About {
    /// Files out of the cache that are remembered.
    pub const MAX_GONE: usize = 64;

    pub(crate) fn let_go(&mut self, gone: Gone) {
        if self.gone.len() >= Self::MAX_GONE {
            self.gone.remove(0);
        }
        self.gone.push(gone);
    }
}

/// A file that went out of the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Its id.
    pub file_id: String,
    /// When it was whole.
    pub since: Timestamp,
    /// When it went.
    pub when: Timestamp,
    /// Whether because of its age; else because room was needed.
    pub expired: bool,
}

/// What happened to one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// When it was asked for last.
    pub asked: Option<Timestamp>,
    /// When it was whole.
    pub whole: Option<Timestamp>,
    /// Why it did not run in the policies' mode.
    pub reason: Option<DoCode>,
    /// Gates that were not open for it.
    pub gates: Vec<Told>,
    /// What failed when the cloud was asked about it.
    pub lookup: Option<Trouble>,
    /// What ended it, where it is not whole.
    pub ended: Option<Trouble>,
    /// What failed last over HTTP.
    pub http: Option<Trouble>,
    /// Its registration; `None` where it was to have none.
    pub registration: Option<Registration>,
    /// Connected Caches to be used, each with how it was found before it, such as `DHCP:`.
    pub caches: Vec<String>,
    /// Sources whose pieces failed their hash, with how many did. At most 16.
    pub bad: Vec<(String, u32)>,
}

impl Account {
    /// Bad sources that are kept.
    const MAX_BAD: usize = 16;

    /// Counts a piece that failed its hash.
    pub(crate) fn bad_from(&mut self, ip: IpAddr) {
        let source = ip.to_canonical().to_string();
        if let Some((_, pieces)) = self.bad.iter_mut().find(|(it, _)| *it == source) {
            *pieces = pieces.saturating_add(1);
        } else if self.bad.len() < Self::MAX_BAD {
            self.bad.push((source, 1));
        }
    }

    /// The gates of a download that were not open.
    pub(crate) fn gates_of(decisions: &[dolab_policy::gates::Decision]) -> Vec<Told> {
        decisions
            .iter()
            .filter(|it| matches!(it.verdict, Verdict::Closed | Verdict::Limited))
            .map(Told::from)
            .collect()
    }
}

/// How a registration at the cloud went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// Whether it was ever taken.
    pub joined: bool,
    /// The most peers in one answer.
    pub offered: u32,
    /// How it failed last, since it was taken last.
    pub trouble: Option<Trouble>,
}

/// Something that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What kind of thing.
    pub kind: TroubleKind,
    /// Delivery Optimization's code.
    pub code: Option<DoCode>,
    /// In words.
    pub text: String,
}

/// What kind of thing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TroubleKind {
    /// None of those below.
    Other,
    /// Nobody answered.
    Unreachable,
    /// A certificate that is not trusted.
    Certificate,
    /// A certificate that does not hold at this date, by this device's clock.
    CertificateDate,
    /// A page of HTML instead of an answer.
    CaptivePortal,
    /// The cloud does not know the content.
    UnknownContent,
    /// The pieces hash file could not be had.
    HashFileUnavailable,
    /// The pieces hash file is none, or not the right one.
    HashFileWrong,
    /// Ranges of bytes are not understood.
    NoRanges,
}

impl TroubleKind {
    /// What kind a failed download is.
    pub(crate) fn of(error: &DownloadError) -> Self {
        match error.do_code() {
            Some(DoCode::NO_RANGE_SUPPORT | DoCode::BAD_RANGE | DoCode::SIZE_MISMATCH) => {
                Self::NoRanges
            }
            Some(DoCode::CERTIFICATE) => Self::Certificate,
            _ => Self::Other,
        }
    }
}

impl Trouble {
    pub(crate) fn new(kind: TroubleKind, code: Option<DoCode>, text: impl ToString) -> Self {
        Self {
            kind,
            code,
            text: printable(&text.to_string(), MAX_TEXT),
        }
    }
}

impl From<&CloudError> for Trouble {
    fn from(error: &CloudError) -> Self {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "of all others the code and the words say enough"
        )]
        let kind = match error {
            CloudError::Unreachable {
                source: dolab_http::Error::Certificate { .. },
                ..
            } => TroubleKind::Certificate,
            CloudError::Unreachable {
                source: dolab_http::Error::CertificateDate { .. },
                ..
            } => TroubleKind::CertificateDate,
            CloudError::Unreachable { .. } => TroubleKind::Unreachable,
            CloudError::Reply {
                source: ReplyError::CaptivePortal(_),
                ..
            } => TroubleKind::CaptivePortal,
            CloudError::UnknownContent(_) => TroubleKind::UnknownContent,
            CloudError::HashFileUnavailable { .. } => TroubleKind::HashFileUnavailable,
            CloudError::HashFile { .. } | CloudError::NoHashes { .. } => TroubleKind::HashFileWrong,
            _ => TroubleKind::Other,
        };
        Self::new(kind, Some(error.do_code()), error)
    }
}
