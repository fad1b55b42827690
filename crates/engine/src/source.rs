//! An HTTP source of a content, and what can be wrong with it.

use std::{fmt, sync::Arc};

use dolab_wire::{DoCode, PeerType};

/// Where a content may be had over HTTP. The driver knows the whole address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Whether it is a cache.
    pub kind: SourceKind,
    /// The host that is asked.
    pub host: Arc<str>,
    /// The host whose content it is: the same, unless this is a cache.
    pub origin: Arc<str>,
}

/// Whether an HTTP source is a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    /// A Connected Cache: tried before the content's own servers.
    Cache,
    /// The content's own server, or the network that delivers for it.
    Origin,
}

impl SourceKind {
    /// How the status counts its bytes.
    pub fn peer_type(self) -> PeerType {
        match self {
            Self::Cache => PeerType::Doinc,
            Self::Origin => PeerType::Cdn,
        }
    }
}

/// A source's number, by its place in what was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

/// Why a fetch over HTTP came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FetchFailure {
    /// The host's name has no address.
    Name,
    /// No connection came about.
    Connect,
    /// No connection, or no answer, in time.
    TimedOut,
    /// This host refuses: a public address, for example.
    Forbidden,
    /// The certificate is not trusted.
    Certificate,
    /// The server answered with this status, which is no success.
    Status(u16),
    /// A status of success that means something else.
    OddSuccess(u16),
    /// The whole came where a range was asked for.
    NoRanges,
    /// Another range came, or the server has no such range.
    BadRange,
    /// The content has another length there.
    Size,
    /// A web page came: a captive portal, or a proxy's message.
    WebPage,
    /// What came is no HTTP.
    NotHttp,
    /// The body stopped coming.
    Stalled,
    /// The connection ended early.
    Broken,
    /// What came had wrong hashes, again and again.
    BadPieces,
}

impl FetchFailure {
    /// Delivery Optimization's code for it, where it has one.
    pub fn do_code(self) -> Option<DoCode> {
        Some(match self {
            Self::Certificate => DoCode::CERTIFICATE,
            Self::OddSuccess(_) => DoCode::ODD_SUCCESS,
            Self::NoRanges => DoCode::NO_RANGE_SUPPORT,
            Self::BadRange => DoCode::BAD_RANGE,
            Self::Size => DoCode::SIZE_MISMATCH,
            Self::BadPieces => DoCode::BAD_HASH,
            Self::TimedOut | Self::Stalled => DoCode::NO_PROGRESS,
            Self::Name
            | Self::Connect
            | Self::Forbidden
            | Self::Status(_)
            | Self::WebPage
            | Self::NotHttp
            | Self::Broken => return None,
        })
    }
}

impl fmt::Display for FetchFailure {
    /// Reads well behind the source and a colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "its name has no address",
            Self::Connect => "no connection",
            Self::TimedOut => "no answer in time",
            Self::Forbidden => "this host does not speak to it",
            Self::Certificate => "its certificate is not trusted",
            Self::Status(status) => return write!(f, "it answered with status {status}"),
            Self::OddSuccess(status) => {
                return write!(
                    f,
                    "it answered with status {status}, which means something else"
                );
            }
            Self::NoRanges => "it does not send ranges",
            Self::BadRange => "it sent another range than was asked for",
            Self::Size => "the content has another length there",
            Self::WebPage => "it sent a web page",
            Self::NotHttp => "it does not speak HTTP as it should",
            Self::Stalled => "it stopped sending",
            Self::Broken => "the connection ended early",
            Self::BadPieces => "its pieces have wrong hashes",
        })
    }
}
