//! What a content has beside peers: its own servers, and caches.

use dolab_engine::Rules;

/// Where a content may be had over HTTP beside peers, and by which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// The content's own addresses, `http` or `https`, in the order in which they are tried.
    pub urls: Vec<String>,
    /// Connected Caches, each a host name or address with or without a port, in the order in which
    /// they are tried. A cache is asked for the path of the first address, with
    /// `cacheHostOrigin=` and its host (observed).
    pub cache_hosts: Vec<String>,
    /// How sources are mixed. The priority in it is the download's.
    pub rules: Rules,
}
