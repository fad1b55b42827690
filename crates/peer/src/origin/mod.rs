//! What a content has beside peers: its own servers, and caches.

mod fetch;
mod paced;
mod target;

use dolab_engine::Rules;

pub(crate) use fetch::{Fetch, Verdict};
pub use paced::{PacedBody, Pacer};
pub use target::SourceError;
pub(crate) use target::Target;

/// Where a content may be had over HTTP beside peers, and by which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// The content's own addresses, `http` or `https`, in the order in which they are tried. At
    /// most 64 sources are used, caches among them.
    pub urls: Vec<String>,
    /// Connected Caches, each a host name or address with or without a port, in the order in which
    /// they are tried. A cache is asked over plain HTTP for the path of the first address, with
    /// `cacheHostOrigin=` and its host (observed).
    pub cache_hosts: Vec<String>,
    /// How sources are mixed. The priority in it is the download's.
    pub rules: Rules,
}

impl Sources {
    /// One address, by the rules that hold when no policy says anything.
    pub fn url(url: impl Into<String>, rules: Rules) -> Self {
        Self {
            urls: vec![url.into()],
            cache_hosts: Vec::new(),
            rules,
        }
    }
}
