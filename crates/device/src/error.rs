use std::{path::PathBuf, sync::Arc};

use dolab_content::{ContentId, StoreError};
use dolab_wire::DoCode;

use crate::StateError;

/// Why a device could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// Its state folder can not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The exchange could not be started.
    #[error(transparent)]
    Peer(#[from] dolab_peer::StartError),
    /// The configuration of HTTP or of the cloud service makes no sense.
    #[error("{0}")]
    Http(#[from] dolab_http::Error),
}

/// Why a download came to nothing. What was kept stays, and the same request goes on from there.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// A gate is shut for downloads as a whole. The device's own policies or conditions.
    #[error("this download may not run now: {gate}: {reason}")]
    NotAllowed {
        /// Which gate.
        gate: dolab_policy::gates::Gate,
        /// Why it is shut.
        reason: String,
        /// Its code.
        code: Option<DoCode>,
    },
    /// A content was asked for by its id, and the cloud service has nothing about it.
    #[error("content {content} can not be found: {why}: name its URL, or ask another cloud")]
    Unknown {
        /// The content.
        content: String,
        /// What the service said.
        why: String,
        /// Its code.
        code: Option<DoCode>,
    },
    /// It is being downloaded already.
    #[error("content {0} is on its way already: wait for that")]
    Busy(String),
    /// The cache's disk is too small for it, or its quota with all that may not go.
    #[error("{needed} bytes do not fit into the cache in {folder}: free some, or raise DOMaxCacheSize", folder = folder.display())]
    NoRoom {
        /// Bytes in the content.
        needed: u64,
        /// The cache.
        folder: PathBuf,
    },
    /// This host's disk.
    #[error("{0}")]
    Disk(Arc<StoreError>),
    /// Nobody sent it any more.
    #[error("no source sends it: {why}")]
    NoSource {
        /// What each source's last word was.
        why: String,
        /// The code.
        code: DoCode,
    },
    /// HTTP alone had to bring it, and did not.
    #[error("{why}")]
    Http {
        /// What went wrong, and whose fault it is.
        why: String,
        /// The code, where there is one.
        code: Option<DoCode>,
    },
    /// The device was stopped.
    #[error("the device was stopped before the download was whole")]
    Stopped,
}

impl DownloadError {
    /// Delivery Optimization's code for it, where there is one.
    pub fn do_code(&self) -> Option<DoCode> {
        match self {
            Self::NotAllowed { code, .. }
            | Self::Unknown { code, .. }
            | Self::Http { code, .. } => *code,
            Self::NoSource { code, .. } => Some(*code),
            Self::Busy(_) | Self::NoRoom { .. } | Self::Stopped => None,
            Self::Disk(error) => error.do_code(),
        }
    }
}

/// Why a file can not be pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// It is not in the cache, or did not come in one of the modes 1 to 3 (documented).
    #[error(
        "content {0} can not be pinned: only what is in the cache and came in mode 1, 2 or 3 can"
    )]
    NotPinnable(ContentId),
    /// Longer than a year (documented).
    #[error("a file can be pinned for a year at most")]
    TooLong,
}
