//! A download without piece hashes: whole, over HTTP, from the first address that gives it. What
//! Delivery Optimization does in Simple mode.

use std::{
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use dolab_http::{Client, Error, Request, Response, header};
use tokio::{fs::File, io::AsyncWriteExt};

/// How often a body that breaks off is taken up again.
const TRIES: u32 = 4;

/// What came.
#[derive(Debug)]
pub(crate) struct Plain {
    /// Bytes in the file.
    pub(crate) length: u64,
    /// Who sent it.
    pub(crate) remote: IpAddr,
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

/// Fetches the first of `urls` that can be had into `path`, which is replaced. `got` follows how
/// many bytes are there.
///
/// # Errors
/// Why the last of them could not be had.
pub(crate) async fn fetch(
    client: &Client,
    urls: &[String],
    path: &Path,
    got: &AtomicU64,
) -> Result<Plain, PlainError> {
    let mut last = None;
    for url in urls {
        match fetch_one(client, url, path, got).await {
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
    url: &str,
    path: &Path,
    got: &AtomicU64,
) -> Result<Plain, PlainError> {
    let disk = |source| PlainError::Disk {
        path: path.to_owned(),
        source,
    };
    let mut file = File::create(path).await.map_err(disk)?;
    got.store(0, Ordering::Relaxed);
    let mut whole: Option<Whole> = None;
    let mut tries = TRIES;
    loop {
        let have = got.load(Ordering::Relaxed);
        let response = client.send(request(url, have, whole.as_ref())?).await?;
        let mut response = match &whole {
            None => {
                if response.is_web_page() {
                    return Err(PlainError::Http(Error::WebPage { host: host_of(url) }));
                }
                response.ok()?
            }
            Some(whole) => response.ranged(Some(whole.length))?,
        };
        let remote = response.remote.ip();
        if whole.is_none() {
            whole = Whole::of(&response);
        }
        let end = loop {
            match response.body.chunk().await {
                Ok(Some(bytes)) => {
                    file.write_all(&bytes).await.map_err(disk)?;
                    got.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let have = got.load(Ordering::Relaxed);
        let missing = whole.as_ref().is_some_and(|whole| have < whole.length);
        match end {
            Ok(()) if !missing => {
                file.sync_all().await.map_err(disk)?;
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

/// What is known of the whole once its first answer came.
struct Whole {
    length: u64,
    etag: Option<String>,
}

impl Whole {
    /// `None` when the server does not say how much there is: then nothing can be taken up again.
    fn of(response: &Response) -> Option<Self> {
        let etag = response.header(&header::ETAG);
        Some(Self {
            length: response.length()?,
            etag: etag.filter(|tag| !tag.starts_with("W/")).map(str::to_owned),
        })
    }
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
