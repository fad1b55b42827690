//! What a station shares, as the session tells it: names, sizes and piece hashes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use dolab_content::{ContentId, HashFileError, Layout, PiecesHashFile};
use dolab_peer::ContentView;
use dolab_wire::session::{Ask, ContentEntry, Digest, Hello, Refusal, Reply};

use crate::{
    key::Key,
    probe,
    session::{SessionError, asker::Asker},
    station::Shared,
};

/// Contents in one answer. A frame holds more than twice as many with the longest names.
const MAX_CONTENTS: usize = 1000;

/// Longest name, in characters.
const MAX_NAME: usize = 255;

/// Piece hashes in one answer.
const MAX_HASHES: u32 = 8192;

/// Time that each question has.
const PATIENCE: Duration = Duration::from_secs(10);

async fn shared_contents(shared: &Shared) -> Vec<ContentView> {
    let made_up = shared.made_up().clone();
    let contents = shared.peer.contents().await.into_iter();
    contents
        .filter(|content| content.shared && !made_up.contains(&content.id))
        .collect()
}

/// All contents that the user named.
pub(crate) async fn all(shared: &Shared) -> Reply {
    let contents = shared_contents(shared).await;
    let entry = |content: ContentView| ContentEntry {
        id: Digest(content.id.0),
        name: content.name.chars().take(MAX_NAME).collect(),
        length: content.hashes.layout().length(),
        piece_size: content.hashes.layout().piece_size(),
    };
    Reply::Contents {
        contents: contents.into_iter().take(MAX_CONTENTS).map(entry).collect(),
    }
}

/// Some piece hashes of one of them.
pub(crate) async fn hashes(
    shared: &Shared,
    content: Digest,
    first: u32,
    count: u32,
) -> Result<Reply, Refusal> {
    let id = ContentId(content.0);
    let contents = shared_contents(shared).await;
    let content = contents
        .into_iter()
        .find(|c| c.id == id)
        .ok_or(Refusal::NoContent)?;
    let last = first.saturating_add(count.min(MAX_HASHES));
    let hashes = (first..last).map_while(|piece| content.hashes.hash(piece).copied().map(Digest));
    Ok(Reply::Hashes {
        first,
        hashes: hashes.collect(),
    })
}

/// A content that a peer offers, as it tells.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The name that the peer states. Not to be used as a path before it was made safe.
    pub name: String,
    /// Its piece hashes, verified against the content's id.
    pub hashes: Arc<PiecesHashFile>,
}

/// Why the piece hashes of a content could not be had from a peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchHashesError {
    /// The peer could not be spoken to.
    #[error("{addr}: {error}")]
    Session {
        /// The peer.
        addr: SocketAddr,
        /// Why not.
        error: SessionError,
    },
    /// It does not share the content.
    #[error("{addr} does not share content {content}")]
    NotShared {
        /// The peer.
        addr: SocketAddr,
        /// The content.
        content: ContentId,
    },
    /// What it sent is not the content's. The peer's fault.
    #[error("{addr} sent piece hashes that are not those of the content: {error}")]
    Hashes {
        /// The peer.
        addr: SocketAddr,
        /// What is wrong with them.
        error: HashFileError,
    },
}

/// Asks a peer for the name and the piece hashes of a content, and verifies the hashes against the
/// id: a peer can withhold them, but not forge them.
///
/// # Errors
/// When the peer can not be reached, demands another key, does not share the content, or lies.
pub async fn fetch_hashes(
    addr: SocketAddr,
    content: ContentId,
    key: Option<&Key>,
) -> Result<Offered, FetchHashesError> {
    let session = |error| FetchHashesError::Session { addr, error };
    let asker = connect(addr, key).await.map_err(session)?;
    let reply = asker.ask(Ask::Contents, PATIENCE).await.map_err(session)?;
    let Reply::Contents { contents } = reply else {
        return Err(session(SessionError::Unexpected {
            expected: "a list of contents",
        }));
    };
    let entry = contents
        .into_iter()
        .find(|entry| entry.id.0 == content.0)
        .ok_or(FetchHashesError::NotShared { addr, content })?;
    let wrong = |error| FetchHashesError::Hashes { addr, error };
    let layout = Layout::new(entry.length, entry.piece_size).map_err(|e| wrong(e.into()))?;
    let mut hashes: Vec<[u8; 32]> = Vec::new();
    while (hashes.len() as u64) < u64::from(layout.pieces()) {
        let first = hashes.len() as u32;
        let ask = Ask::Hashes {
            content: Digest(content.0),
            first,
            count: MAX_HASHES,
        };
        let reply = asker.ask(ask, PATIENCE).await.map_err(session)?;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "any other answer is a wrong one"
        )]
        match reply {
            Reply::Hashes { hashes: more, .. } if !more.is_empty() => {
                hashes.extend(more.into_iter().map(|hash| hash.0));
            }
            _ => {
                return Err(session(SessionError::Unexpected {
                    expected: "piece hashes",
                }));
            }
        }
    }
    asker.bye().await;
    let hashes = PiecesHashFile::from_hashes(layout, hashes).map_err(wrong)?;
    if hashes.id() != content {
        let stated = hashes.id();
        return Err(wrong(HashFileError::HashOfHashesStated {
            expected: content,
            stated,
        }));
    }
    Ok(Offered {
        name: entry.name,
        hashes: Arc::new(hashes),
    })
}

/// Asks a peer which contents it shares.
///
/// # Errors
/// When the peer can not be reached or demands another key.
pub async fn fetch_contents(
    addr: SocketAddr,
    key: Option<&Key>,
) -> Result<Vec<ContentEntry>, SessionError> {
    let asker = connect(addr, key).await?;
    let reply = asker.ask(Ask::Contents, PATIENCE).await?;
    asker.bye().await;
    let Reply::Contents { contents } = reply else {
        return Err(SessionError::Unexpected {
            expected: "a list of contents",
        });
    };
    Ok(contents)
}

pub(crate) async fn connect(addr: SocketAddr, key: Option<&Key>) -> Result<Asker, SessionError> {
    let opened = probe::open_session(addr, None, key).await?;
    let hello = anonymous();
    Ok(Asker::new(opened.establish(key, hello).await?))
}

/// The hello of a side that is no station: nothing listens there.
pub(crate) fn anonymous() -> Hello {
    Hello {
        software: env!("CARGO_PKG_VERSION").into(),
        os: std::env::consts::OS.into(),
        host: dolab_host::host_name(),
        announces: false,
        peer: String::new(),
        addresses: Vec::new(),
        ports: Vec::new(),
    }
}
