use std::{path::PathBuf, time::Duration};

use dolab_content::ContentId;
use dolab_policy::gates::Judgement;
use dolab_wire::{DoCode, DownloadMode, Priority};

use crate::report::FileStatus;

/// What somebody wants to have downloaded.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it is.
    pub what: What,
    /// Which program asks, such as `WU Client Download`. The cloud service tells which of them may
    /// use peers.
    pub caller: String,
    /// Whether somebody waits for it.
    pub priority: Priority,
    /// Its size in bytes, where the caller knows it: a small content is not even asked about.
    pub size: Option<u64>,
    /// A name for people.
    pub name: String,
}

/// What to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// What is at this address.
    Url(String),
    /// What the cloud service knows by this id.
    Id(ContentId),
}

impl Request {
    /// What is at this address, for a program that is registered, which somebody waits for.
    pub fn url(url: impl Into<String>) -> Self {
        let url = url.into();
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        Self::new(What::Url(url), name)
    }

    /// What the cloud service knows by this id.
    pub fn id(content: ContentId) -> Self {
        Self::new(What::Id(content), content.to_string())
    }

    fn new(what: What, name: String) -> Self {
        Self {
            what,
            caller: Self::CALLER.to_owned(),
            priority: Priority::Foreground,
            size: None,
            name,
        }
    }

    /// A caller that Microsoft's cloud service lists (observed).
    pub const CALLER: &str = "WU Client Download";
}

/// How a download ended well.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The file as the status shows it.
    pub status: FileStatus,
    /// Where it is now: in the cache. A content that is not kept is there only until
    /// [`Device::deliver`](crate::Device::deliver) took it away.
    pub path: PathBuf,
    /// Every gate, as it stood when the download began.
    pub judgement: Judgement,
    /// The mode that it ran in.
    pub mode: DownloadMode,
    /// Why that is not a mode with peers, where there is a code for it.
    pub reason: Option<DoCode>,
    /// Who sent how much: each peer, cache and server.
    pub sources: Vec<SourceReport>,
    /// Bytes that were in the cache before.
    pub local_cache: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// What one source sent of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    /// Its address, or its URL's host where no connection tells.
    pub source: String,
    /// What kind of source it is.
    pub kind: dolab_wire::PeerType,
    /// Bytes in good pieces.
    pub bytes: u64,
    /// Good pieces.
    pub pieces: u32,
    /// Pieces that failed their hash.
    pub bad_pieces: u32,
}
