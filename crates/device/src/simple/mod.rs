//! A download without piece hashes: whole, over HTTP, from the first address that gives it. What
//! Delivery Optimization does in Simple mode.
//!
//! What breaks off is taken up where it ended, in the same run and, where the server names its
//! content by a strong tag, after a kill too: `If-Range` says what the bytes have to be of, and a
//! server that has other content by now sends all of that.

mod kept;

use std::{
    io,
    net::IpAddr,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use dolab_http::{Client, Error, Request, Response, header};
use dolab_peer::Pacer;
use tokio::{fs::File, io::AsyncWriteExt};

pub(crate) use self::kept::Place;
use self::kept::Whole;

/// How often a body that breaks off is taken up again.
const TRIES: u32 = 4;

/// Bytes after which what came is forced to the disk, and written down: what a kill can cost.
const STEP: u64 = 8 << 20;

/// What came.
#[derive(Debug)]
pub(crate) struct Plain {
    /// Bytes in the file.
    pub(crate) length: u64,
    /// Who sent it.
    pub(crate) remote: IpAddr,
}

/// How far it is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Bytes that are there.
    have: AtomicU64,
    /// How many of them an earlier run left.
    left: AtomicU64,
    /// Bytes of the whole; 0 while that is not known.
    length: AtomicU64,
}

impl Progress {
    /// Bytes that an earlier run left.
    pub(crate) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Bytes that came in this run.
    pub(crate) fn came(&self) -> u64 {
        self.have().saturating_sub(self.left())
    }

    /// Bytes that are there.
    pub(crate) fn have(&self) -> u64 {
        self.have.load(Ordering::Relaxed)
    }

    /// Bytes of the whole; 0 while that is not known.
    pub(crate) fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }

    fn begin(&self, left: u64) {
        self.left.store(left, Ordering::Relaxed);
        self.have.store(left, Ordering::Relaxed);
    }

    fn add(&self, bytes: usize) {
        self.have.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Why nothing whole came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlainError {
    /// The server's fault, or the network's.
    #[error(transparent)]
    Http(#[from] Error),
    /// This host could not keep it.
    #[error("{path}: {source}", path = path.display())]
    Disk { path: PathBuf, source: io::Error },
}

/// Fetches the first of `urls` that can be had into a place, as fast as `pacer` lets it. `progress`
/// follows.
///
/// # Errors
/// Why the last of them could not be had.
pub(crate) async fn fetch(
    client: &Client,
    pacer: &Pacer,
    urls: &[String],
    place: &Place,
    progress: &Progress,
) -> Result<Plain, PlainError> {
    let mut last = None;
    for url in urls {
        match fetch_one(client, pacer, url, place, progress).await {
            Ok(plain) => return Ok(plain),
            Err(error @ PlainError::Disk { .. }) => return Err(error),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        PlainError::Http(Error::Url {
            url: String::new(),
            why: "none was given",
        })
    }))
}

async fn fetch_one(
    client: &Client,
    pacer: &Pacer,
    url: &str,
    place: &Place,
    progress: &Progress,
) -> Result<Plain, PlainError> {
    let disk = |source| PlainError::Disk {
        path: place.begun.clone(),
        source,
    };
    let kept = place.kept(url);
    progress.begin(kept.as_ref().map_or(0, |(_, have)| *have));
    let mut whole = kept.map(|(whole, _)| whole);
    let mut file = place.open(progress.have()).await.map_err(disk)?;
    let mut tries = TRIES;
    loop {
        let request = request(url, progress.have(), whole.as_ref())?;
        let response = client.send(pacer.request(request)).await?;
        let response = match whole.as_ref().filter(|_| response.status != 200) {
            Some(whole) => response.ranged(Some(whole.length))?,
            // The first answer, or the content is another one by now.
            None => {
                if response.is_web_page() {
                    return Err(PlainError::Http(Error::WebPage { host: host_of(url) }));
                }
                let response = response.ok()?;
                progress.begin(0);
                file = place.open(0).await.map_err(disk)?;
                whole = whole_of(url, &response);
                response
            }
        };
        let length = whole.as_ref().map_or(0, |whole| whole.length);
        progress.length.store(length, Ordering::Relaxed);
        let remote = response.remote.ip();
        let mut body = pacer.body(response.body, response.remote);
        let end = loop {
            match body.chunk().await {
                Ok(Some(bytes)) => {
                    file.write_all(&bytes).await.map_err(disk)?;
                    let before = progress.have();
                    progress.add(bytes.len());
                    if progress.have() / STEP > before / STEP {
                        force(&file, place, whole.as_ref(), progress)
                            .await
                            .map_err(disk)?;
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let have = progress.have();
        let missing = whole.as_ref().is_some_and(|whole| have < whole.length);
        match end {
            Ok(()) if !missing => {
                file.sync_all().await.map_err(disk)?;
                drop(file);
                place.finish().map_err(disk)?;
                return Ok(Plain {
                    length: have,
                    remote,
                });
            }
            // Taken up again where it broke off, as long as that leads anywhere.
            Err(error) if tries == 0 || !missing => return Err(error.into()),
            _ => tries -= 1,
        }
    }
}

async fn force(
    file: &File,
    place: &Place,
    whole: Option<&Whole>,
    progress: &Progress,
) -> io::Result<()> {
    let Some(whole) = whole else { return Ok(()) };
    file.sync_data().await?;
    place.force(whole, progress.have())
}

/// `None` when the server does not say how much there is: then nothing can be taken up again.
fn whole_of(url: &str, response: &Response) -> Option<Whole> {
    let etag = response.header(&header::ETAG);
    Some(Whole {
        url: url.to_owned(),
        length: response.length()?,
        etag: etag.filter(|tag| !tag.starts_with("W/")).map(str::to_owned),
    })
}

fn request(url: &str, have: u64, whole: Option<&Whole>) -> Result<Request, Error> {
    let request = Request::get(url)?;
    let Some(whole) = whole else {
        return Ok(request);
    };
    let request = request.range(have..whole.length);
    match &whole.etag {
        Some(tag) => request.header("if-range", tag),
        None => Ok(request),
    }
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default().to_owned()
}
