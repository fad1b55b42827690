use dolab_content::HashFileError;
use dolab_http::Fault;
use dolab_wire::{
    DoCode, DownloadMode,
    cloud::{Document, ReplyError},
};

/// Why the cloud gave no peers, or not what is needed to use them.
///
/// None of these ends a download: it goes on over HTTP alone (documented: Simple mode).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudError {
    /// No answer, or a refusal.
    #[error("the cloud's {step} service could not be asked: {source}")]
    Unreachable {
        /// What was asked for.
        step: Document,
        /// What went wrong.
        source: dolab_http::Error,
    },
    /// An answer that is not what it should be.
    #[error("{host}: {source}")]
    Reply {
        /// Who answered.
        host: String,
        /// What is wrong with it.
        source: ReplyError,
    },
    /// The cloud does not let this caller use peers.
    #[error(
        "the caller `{0}` is not registered with the cloud: it downloads without peers, whatever the policies say"
    )]
    NotRegistered(String),
    /// The content's policy does not let peers be used for it.
    #[error("the content's policy sets download mode {0}: it is downloaded without peers")]
    NoPeersForContent(DownloadMode),
    /// The cloud does not know the content, so nothing tells how its pieces are verified.
    #[error("the cloud has no policy for {0}: it is downloaded without peers")]
    UnknownContent(String),
    /// The content policy names no hash, or no place where the pieces hash file is.
    #[error("the content policy of {content} has no {what}: without it no piece can be verified")]
    NoHashes {
        /// The content.
        content: String,
        /// What is missing.
        what: &'static str,
    },
    /// The pieces hash file could not be downloaded from any of its places.
    #[error("the pieces hash file could not be downloaded from {url}: {source}")]
    HashFileUnavailable {
        /// The place that was tried last.
        url: String,
        /// What went wrong there.
        source: dolab_http::Error,
    },
    /// The pieces hash file is none, or not the one that the policy states.
    #[error("{url}: {source}")]
    HashFile {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        source: HashFileError,
    },
}

impl CloudError {
    /// Delivery Optimization's code for this error.
    pub fn do_code(&self) -> DoCode {
        match self {
            Self::Unreachable {
                source:
                    dolab_http::Error::Certificate { .. } | dolab_http::Error::CertificateDate { .. },
                ..
            } => DoCode::CERTIFICATE,
            Self::Unreachable { .. } => DoCode::CLOUD_UNREACHABLE,
            Self::Reply { source, .. } => source.do_code(),
            Self::NotRegistered(_) => DoCode::UNREGISTERED_CALLER,
            Self::NoPeersForContent(_) => DoCode::MODE_BY_CONTENT_POLICY,
            Self::UnknownContent(_) | Self::NoHashes { .. } => DoCode::PIECES_HASH_FILE_UNSPECIFIED,
            Self::HashFileUnavailable { .. } => DoCode::PIECES_HASH_FILE_MISSING,
            Self::HashFile { source, .. } => source.do_code(),
        }
    }

    /// Whose fault it is, as far as this side can tell.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unreachable { source, .. } | Self::HashFileUnavailable { source, .. } => {
                source.fault()
            }
            Self::Reply {
                source: ReplyError::CaptivePortal(_),
                ..
            } => Fault::Network,
            Self::NotRegistered(_) => Fault::Caller,
            Self::Reply { .. }
            | Self::NoPeersForContent(_)
            | Self::UnknownContent(_)
            | Self::NoHashes { .. } => Fault::Server,
            // A proxy's page or an altered file looks the same as a server's mistake.
            Self::HashFile { .. } => Fault::Network,
        }
    }
}
