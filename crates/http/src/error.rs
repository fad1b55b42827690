use std::{io, net::SocketAddr, ops::Range, time::Duration};

use dolab_wire::DoCode;
use hyper::StatusCode;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is none that this client can ask.
    #[error("not an address that can be asked: {url}: {why}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A header that can not be sent.
    #[error("not a header that can be sent: {0}")]
    Header(String),
    /// The certificate of an authority can not be used.
    #[error("the certificate of the authority can not be used: {0}")]
    Authority(String),
    /// `https` was asked for, and no authority is believed.
    #[error("no authority is trusted, so {host} can not be asked over https: give its CA")]
    NoAuthority {
        /// Who was to be asked.
        host: String,
    },
    /// The name leads to public addresses only, which are not spoken to.
    #[error("{host} is at {addr}, a public address: --allow-public would let it")]
    Public {
        /// The name.
        host: String,
        /// One of its addresses.
        addr: SocketAddr,
    },
    /// The name has no address.
    #[error("{host} has no address: {source}")]
    Name {
        /// The name.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// No connection came about.
    #[error("can not connect to {host} at {addr}: {source}")]
    Connect {
        /// The name.
        host: String,
        /// The address that was tried last.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No connection came about in time.
    #[error("can not connect to {host}: no answer in {waited:?}")]
    ConnectTimeout {
        /// The name.
        host: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The server's certificate is not believed, or TLS failed otherwise.
    #[error(
        "the certificate of {host} is not trusted: {source}: something in between may replace it"
    )]
    Certificate {
        /// The name.
        host: String,
        /// What was wrong.
        source: io::Error,
    },
    /// The server's certificate does not hold yet, or no longer: by the clock of this host.
    #[error(
        "the certificate of {host} does not hold now: {source}: see that the clock of this host is right"
    )]
    CertificateDate {
        /// The name.
        host: String,
        /// What was wrong.
        source: io::Error,
    },
    /// TLS failed for another reason than the certificate.
    #[error("no TLS with {host}: {source}")]
    Tls {
        /// The name.
        host: String,
        /// What was wrong.
        source: io::Error,
    },
    /// No answer came in time.
    #[error("{host} did not answer in {waited:?}")]
    ResponseTimeout {
        /// The name.
        host: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The body stopped coming.
    #[error("{host} stopped sending for {waited:?}, after {got} bytes")]
    Stalled {
        /// The name.
        host: String,
        /// Bytes of the body that came.
        got: u64,
        /// How long was waited.
        waited: Duration,
    },
    /// The connection ended before the answer was whole.
    #[error("the connection to {host} ended early, after {got} bytes: {why}")]
    Broken {
        /// The name.
        host: String,
        /// Bytes of the body that came.
        got: u64,
        /// What happened.
        why: String,
    },
    /// What came is no HTTP, or has more headers than are taken.
    #[error("{host} does not speak HTTP as it should: {why}")]
    NotHttp {
        /// The name.
        host: String,
        /// What was wrong.
        why: String,
    },
    /// The body is longer than the caller takes.
    #[error("{host} sends more than {most} bytes")]
    TooLong {
        /// The name.
        host: String,
        /// What the caller takes.
        most: usize,
    },
    /// The server refused, or could not.
    #[error("{host} answered {status}")]
    Status {
        /// The name.
        host: String,
        /// The status: 3xx, 4xx or 5xx.
        status: StatusCode,
    },
    /// A status of success that means something else than was asked for.
    #[error("{host} answered {status}, which means something else than was asked for")]
    OddSuccess {
        /// The name.
        host: String,
        /// The status, a 2xx.
        status: StatusCode,
    },
    /// The server sent another range than was asked for, or has no such range.
    #[error("{host} was asked for bytes {from} to {to} and answered {answer}",
        from = asked.start, to = asked.end.saturating_sub(1))]
    BadRange {
        /// The name.
        host: String,
        /// What was asked for.
        asked: Range<u64>,
        /// What it answered.
        answer: String,
    },
    /// The server sends the whole where a range was asked for.
    #[error("{host} does not send ranges: a proxy in between may have to be told to")]
    NoRanges {
        /// The name.
        host: String,
        /// Bytes of the whole, where it says so.
        length: Option<u64>,
    },
    /// The server's number of bytes is another than it has to be.
    #[error("{host} has {got} bytes where {expected} were expected")]
    Size {
        /// The name.
        host: String,
        /// What it has to be.
        expected: u64,
        /// What the server says or sends.
        got: u64,
    },
    /// A web page came where something else was asked for: a captive portal or a proxy's message.
    #[error("{host} answered with a web page: a captive portal or a proxy is in the way")]
    WebPage {
        /// The name.
        host: String,
    },
    /// The body is not the JSON that was expected.
    #[error("{host} answered with JSON that makes no sense: {source}")]
    Json {
        /// The name.
        host: String,
        /// What was wrong, and where.
        source: serde_json::Error,
    },
}

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The caller's, or its configuration's.
    Caller,
    /// The network's, or that of something between the two hosts.
    Network,
    /// The server's.
    Server,
}

impl Error {
    /// Whose fault it is, as far as this side can tell.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Url { .. }
            | Self::Header(_)
            | Self::Authority(_)
            | Self::NoAuthority { .. }
            | Self::Public { .. }
            | Self::CertificateDate { .. }
            | Self::TooLong { .. } => Fault::Caller,
            Self::Name { .. }
            | Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::Broken { .. }
            | Self::Stalled { .. }
            | Self::WebPage { .. } => Fault::Network,
            Self::ResponseTimeout { .. }
            | Self::NotHttp { .. }
            | Self::Status { .. }
            | Self::OddSuccess { .. }
            | Self::BadRange { .. }
            | Self::NoRanges { .. }
            | Self::Size { .. }
            | Self::Json { .. } => Fault::Server,
        }
    }

    /// Delivery Optimization's code for it, where it has one.
    pub fn do_code(&self) -> Option<DoCode> {
        Some(match self {
            Self::Certificate { .. } | Self::CertificateDate { .. } => DoCode::CERTIFICATE,
            Self::OddSuccess { .. } => DoCode::ODD_SUCCESS,
            Self::BadRange { .. } => DoCode::BAD_RANGE,
            Self::NoRanges { .. } => DoCode::NO_RANGE_SUPPORT,
            Self::Size { .. } => DoCode::SIZE_MISMATCH,
            Self::Stalled { .. } | Self::ResponseTimeout { .. } => DoCode::NO_PROGRESS,
            Self::Url { .. }
            | Self::Header(_)
            | Self::Authority(_)
            | Self::NoAuthority { .. }
            | Self::Public { .. }
            | Self::Name { .. }
            | Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Tls { .. }
            | Self::Broken { .. }
            | Self::NotHttp { .. }
            | Self::TooLong { .. }
            | Self::Status { .. }
            | Self::WebPage { .. }
            | Self::Json { .. } => return None,
        })
    }

    /// What hyper says, in our words.
    pub(crate) fn from_hyper(host: &str, got: u64, error: &hyper::Error) -> Self {
        let host = host.to_owned();
        if error.is_parse() {
            return Self::NotHttp {
                host,
                why: error.to_string(),
            };
        }
        let cause = std::error::Error::source(error);
        let why = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        Self::Broken { host, got, why }
    }
}
