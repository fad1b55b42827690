use std::fmt;

use crate::DoCode;

/// A document of the cloud service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Document {
    /// Where the client is.
    Geo,
    /// Whether the geo answer changed.
    GeoVersion,
    /// Endpoints and configuration.
    KeyValue,
    /// What one content may do.
    ContentPolicy,
    /// Which array serves a content.
    Discovery,
    /// A client registers.
    Join,
    /// The answer to a join.
    Joined,
    /// A client goes.
    Leave,
}

impl Document {
    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Geo => "geo",
            Self::GeoVersion => "geo version",
            Self::KeyValue => "key-value",
            Self::ContentPolicy => "content policy",
            Self::Discovery => "discovery",
            Self::Join => "join",
            Self::Joined => "join answer",
            Self::Leave => "leave",
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes that are not the document they should be. The fault of whoever sent them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// A web page came instead: a captive portal or a proxy's own page (documented).
    #[error(
        "a web page came instead of the {0} document: a captive portal or a proxy is in the way; sign in there, or exempt *.do.dsp.mp.microsoft.com"
    )]
    CaptivePortal(Document),
    /// Nothing, `null`, or an empty object or list.
    #[error("the {0} document is empty")]
    Empty(Document),
    /// More bytes than are read.
    #[error("the {document} document has {len} bytes: at most {max} are read")]
    TooLong {
        /// What it should be.
        document: Document,
        /// Bytes that came.
        len: usize,
        /// Bytes that are read.
        max: usize,
    },
    /// No JSON, or not the kind of value that the document is.
    #[error("the {document} document is not valid: {why}")]
    Json {
        /// What it should be.
        document: Document,
        /// What the parser says.
        why: String,
    },
    /// A mandatory field is not there, or empty.
    #[error("the {document} document has no `{field}`")]
    Missing {
        /// What it should be.
        document: Document,
        /// The field's name.
        field: String,
    },
    /// A field holds what it can not hold.
    #[error("`{field}` of the {document} document is {value}: it must be {expected}")]
    Field {
        /// What it should be.
        document: Document,
        /// The field's name.
        field: String,
        /// What it holds, printable and cut.
        value: String,
        /// What it has to hold.
        expected: &'static str,
    },
}

impl ReplyError {
    /// Delivery Optimization's code for this error. Which code its own client gives for a web page
    /// or a missing field is not known: **assumed**.
    pub fn do_code(&self) -> DoCode {
        match self {
            Self::CaptivePortal(_) => DoCode::CLOUD_UNREACHABLE,
            Self::Empty(_)
            | Self::TooLong { .. }
            | Self::Json { .. }
            | Self::Missing { .. }
            | Self::Field { .. } => DoCode::EMPTY_SERVICE_JSON,
        }
    }

    /// The document that was expected.
    pub fn document(&self) -> Document {
        match *self {
            Self::CaptivePortal(document)
            | Self::Empty(document)
            | Self::TooLong { document, .. }
            | Self::Json { document, .. }
            | Self::Missing { document, .. }
            | Self::Field { document, .. } => document,
        }
    }
}
