use std::str::FromStr;

use dolab_content::ContentId;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Account;
use crate::report::{ByClass, FileStatus, PeerInfo, Status};

/// A file that a device knows: on its way, in the cache, or gone from there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// As the cmdlet shows it.
    pub status: FileStatus,
    /// Its content id; `None` when it came without piece hashes, and so can not be shared.
    #[serde(with = "text")]
    pub content: Option<ContentId>,
    /// A name for people.
    pub name: String,
    /// When it was whole, or asked for when it is not.
    pub since: Timestamp,
    /// The peers that were proposed for it. At most 255.
    pub peers: Vec<PeerInfo>,
    /// What happened to it.
    #[serde(default)]
    pub account: Account,
}

impl Entry {
    /// Peers that are kept of one file: as many as one join asks for.
    pub const MAX_PEERS: usize = 255;

    /// Whether its bytes are in the cache, whole.
    pub fn is_cached(&self) -> bool {
        self.status.status == Status::Caching
    }

    /// Nothing goes on with it.
    pub(super) fn rest(&mut self) {
        self.status.connections = ByClass::default();
        if self.status.status == Status::Downloading {
            self.status.status = Status::Paused;
        }
        for peer in &mut self.peers {
            (peer.upload_rate, peer.download_rate) = (0, 0);
        }
    }
}

/// A content id in a document: its 64 hex digits.
mod text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        id: &Option<ContentId>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        id.map(|id| id.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<ContentId>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| ContentId::from_str(&text).map_err(de::Error::custom))
            .transpose()
    }
}
