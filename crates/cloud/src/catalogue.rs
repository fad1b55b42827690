//! The contents that the origin has, and where they are found.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dolab_content::{ContentId, PiecesHashFile, Source, StoreError, Synthetic};
use dolab_wire::cloud::ContentPolicy;

use crate::{
    body::Feed,
    origin::{Resource, Validators},
};

/// Where contents of Windows Update and the Store are (observed).
const FILES: &str = "/filestreamingservice/files/";

/// What is put behind a content's URL for its pieces hash file (observed).
const PIECES_HASH: &str = "/pieceshash";

/// The same for Intune's packages (observed).
const PHF: &str = ".phf";

/// When content that was made up was last modified, in seconds since 1970: always the same, so that
/// a restart changes nothing.
const LONG_AGO: u64 = 1_577_836_800;

fn long_ago() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(LONG_AGO)
}

/// Objects that Microsoft's own checks ask for (documented and observed): path, type, bytes.
const TEST_OBJECTS: &[(&str, &str, u64)] = &[
    ("/mscomtest/wuidt.gif", "image/gif", 43),
    (
        "/filestreamingservice/files/7bc846e0-af9c-49be-a03d-bb04428c9bb5/Microsoft.png",
        OCTETS,
        302_341,
    ),
    (
        "/filestreamingservice/files/52fa8751-747d-479d-8f22-e32730cc0eb1",
        OCTETS,
        25_006_511,
    ),
];

const OCTETS: &str = "application/octet-stream";

/// A content that the origin serves.
#[derive(Clone)]
pub struct Content {
    /// What it is called; shown to people only.
    pub name: String,
    /// Where its bytes are.
    pub source: Arc<dyn Source>,
    /// What they have to be.
    pub hashes: Arc<PiecesHashFile>,
    /// When it was last modified; `None` for content that was made up.
    pub modified: Option<SystemTime>,
    /// What the service says may be done with it.
    pub rules: ContentRules,
}

/// What the service says may be done with a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRules {
    /// Whether peers may share it.
    pub peers: bool,
    /// Least rate of a foreground download, in bytes per second.
    pub foreground_qos_bps: Option<u64>,
    /// The same of a background download.
    pub background_qos_bps: Option<u64>,
    /// How long it may be kept, in seconds.
    pub max_cache_age_secs: Option<u64>,
    /// When it may be kept no longer, in seconds since 1970.
    pub expire_at_secs_since_epoch: Option<u64>,
}

impl Default for ContentRules {
    /// What the one published sample says.
    fn default() -> Self {
        Self {
            peers: true,
            foreground_qos_bps: Some(6_710_886),
            background_qos_bps: Some(2_621_440),
            max_cache_age_secs: Some(86_400),
            expire_at_secs_since_epoch: None,
        }
    }
}

impl Content {
    /// The path of its URL: its place among the files of the origin, named by the first half of its
    /// id (**assumed**; Microsoft's are random).
    pub fn path(&self) -> String {
        let id = self.hashes.id().to_string();
        let (a, b, c, d, e) = (&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32]);
        format!("{FILES}{a}-{b}-{c}-{d}-{e}")
    }

    /// The path of its pieces hash file.
    pub fn pieces_hash_path(&self) -> String {
        self.path() + PIECES_HASH
    }

    pub(crate) fn resource(&self) -> Resource {
        let id = self.hashes.id().to_string();
        Resource {
            feed: Feed::Content(Arc::clone(&self.source)),
            length: self.hashes.layout().length(),
            content_type: OCTETS.into(),
            validators: Validators {
                tag: format!("\"{}\"", &id[..32]),
                modified: self.modified.unwrap_or_else(long_ago),
            },
        }
    }

    /// The pieces hash file, or these bytes in its place.
    pub(crate) fn pieces_hash_file(&self, instead: Option<Vec<u8>>) -> Resource {
        let altered = instead.is_some();
        let json = instead.unwrap_or_else(|| self.hashes.to_json());
        let id = self.hashes.id().to_string();
        let end = if altered { "-altered" } else { "" };
        Resource {
            length: json.len() as u64,
            feed: Feed::Content(Arc::new(Text(json))),
            content_type: "application/json".into(),
            validators: Validators {
                tag: format!("\"{}-phf{end}\"", &id[..32]),
                modified: self.modified.unwrap_or_else(long_ago),
            },
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("name", &self.name)
            .field("id", &self.hashes.id())
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// All contents.
#[derive(Debug, Default)]
pub(crate) struct Catalogue(RwLock<Contents>);

#[derive(Debug, Default)]
struct Contents {
    by_id: HashMap<ContentId, Arc<Content>>,
    by_path: HashMap<String, ContentId>,
}

/// What a path of the origin leads to.
pub(crate) enum Found {
    Content(Arc<Content>),
    PiecesHashFile(Arc<Content>),
    TestObject(Resource),
}

impl Catalogue {
    /// Adds a content, or replaces the one with the same id.
    pub(crate) fn add(&self, content: Content) -> Arc<Content> {
        let content = Arc::new(content);
        let id = content.hashes.id();
        let mut contents = self.0.write().unwrap_or_else(PoisonError::into_inner);
        contents.by_path.insert(content.path(), id);
        contents.by_id.insert(id, Arc::clone(&content));
        content
    }

    /// All contents, in the order of their ids.
    pub(crate) fn all(&self) -> Vec<Arc<Content>> {
        let contents = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = contents.by_id.values().cloned().collect();
        all.sort_by_key(|content| content.hashes.id());
        all
    }

    /// What stands at a path of the origin. A content is also found with a file's name behind its
    /// path, as Microsoft's URLs have it.
    pub(crate) fn at(&self, path: &str) -> Option<Found> {
        if let Some(found) = test_object(path) {
            return Some(Found::TestObject(found));
        }
        let hashes = [PIECES_HASH, PHF].iter();
        if let Some(content) = hashes.filter_map(|end| path.strip_suffix(end)).next() {
            return self.content(content).map(Found::PiecesHashFile);
        }
        self.content(path).map(Found::Content)
    }

    fn content(&self, path: &str) -> Option<Arc<Content>> {
        let contents = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let folder = || path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let paths = &contents.by_path;
        let id = paths.get(path).or_else(|| paths.get(folder()))?;
        contents.by_id.get(id).cloned()
    }

    /// The content with this id: 64 hex digits, or `DO-` and base64.
    pub(crate) fn named(&self, id: &str) -> Option<Arc<Content>> {
        let id = match ContentPolicy::hash_in(id) {
            Some(hash) => ContentId(hash),
            None => id.parse().ok()?,
        };
        let contents = self.0.read().unwrap_or_else(PoisonError::into_inner);
        contents.by_id.get(&id).cloned()
    }

    /// The content at this URL, on whichever host.
    pub(crate) fn at_url(&self, url: &str) -> Option<Arc<Content>> {
        let url: hyper::Uri = url.parse().ok()?;
        self.content(url.path())
    }
}

/// Bytes in memory.
struct Text(Vec<u8>);

impl Source for Text {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        let end = offset.saturating_add(buf.len() as u64);
        let part = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
        let part = part.and_then(|(from, to)| self.0.get(from..to));
        buf.copy_from_slice(part.ok_or(StoreError::PastEnd {
            end,
            length: self.0.len() as u64,
        })?);
        Ok(())
    }
}

fn test_object(path: &str) -> Option<Resource> {
    let (seed, object) = (0_u64..).zip(TEST_OBJECTS).find(|(_, it)| it.0 == path)?;
    let &(_, content_type, length) = object;
    Some(Resource {
        feed: Feed::Content(Arc::new(Synthetic::new(seed, length))),
        length,
        content_type: content_type.into(),
        validators: Validators {
            tag: format!("\"dolab-test-object-{seed}\""),
            modified: long_ago(),
        },
    })
}

#[cfg(test)]
mod tests;
