//! From what the user named to what is asked of whom.

use dolab_engine::{Source, SourceKind};
use dolab_http::{Request, Uri};

use super::Sources;

/// Sources of one content that are used.
const MAX_SOURCES: usize = 64;

/// What is asked of one HTTP source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) source: Source,
}

/// An address of a content that can not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct SourceError {
    what: String,
    why: String,
}

impl Target {
    /// All targets of a content, caches first.
    pub(crate) fn all(sources: &Sources) -> Result<Vec<Self>, SourceError> {
        let origins: Result<Vec<Self>, SourceError> =
            sources.urls.iter().map(|url| origin(url)).collect();
        let mut targets = Vec::new();
        let origins = origins?;
        if let Some(first) = origins.first() {
            for host in &sources.cache_hosts {
                targets.push(cache(host, first)?);
            }
        }
        targets.extend(origins);
        targets.truncate(MAX_SOURCES);
        Ok(targets)
    }
}

fn origin(url: &str) -> Result<Target, SourceError> {
    let host = host(url)?;
    Ok(Target {
        url: url.to_owned(),
        source: Source {
            kind: SourceKind::Origin,
            host: host.as_str().into(),
            origin: host.into(),
        },
    })
}

/// `http://<cache host>/<path>?cacheHostOrigin=<origin host>` (observed).
fn cache(cache: &str, origin: &Target) -> Result<Target, SourceError> {
    let uri: Uri = origin.url.parse().map_err(|_| bad(&origin.url))?;
    let path = uri.path_and_query().map_or("/", |it| it.as_str());
    let and = if path.contains('?') { '&' } else { '?' };
    let of = &origin.source.origin;
    let url = format!("http://{cache}{path}{and}cacheHostOrigin={of}");
    Ok(Target {
        source: Source {
            kind: SourceKind::Cache,
            host: host(&url)?.into(),
            origin: of.clone(),
        },
        url,
    })
}

/// The host of an address, with its port when it is not the usual one.
fn host(url: &str) -> Result<String, SourceError> {
    // What the client would not ask is refused before a download begins.
    Request::get(url).map_err(|error| SourceError {
        what: url.to_owned(),
        why: error.to_string(),
    })?;
    let uri: Uri = url.parse().map_err(|_| bad(url))?;
    let authority = uri.authority().ok_or_else(|| bad(url))?;
    Ok(authority.as_str().to_ascii_lowercase())
}

fn bad(url: &str) -> SourceError {
    SourceError {
        what: url.to_owned(),
        why: "not an address".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use dolab_engine::Rules;
    use dolab_wire::Priority;

    use super::*;

    fn sources(urls: &[&str], caches: &[&str]) -> Sources {
        Sources {
            urls: urls.iter().map(|&url| url.into()).collect(),
            cache_hosts: caches.iter().map(|&host| host.into()).collect(),
            rules: Rules::new(Priority::Foreground),
        }
    }

    #[test]
    fn a_cache_is_asked_as_delivery_optimization_asks_it() {
        let sources = sources(
            &[
                "http://dl.delivery.mp.microsoft.com/filestreamingservice/files/7bc8",
                "https://other:8443/x?y=1",
            ],
            &["10.0.0.9", "mcc.contoso.com:8080"],
        );
        let targets = Target::all(&sources).unwrap();
        let urls: Vec<&str> = targets.iter().map(|target| &*target.url).collect();
        assert_eq!(
            urls,
            [
                "http://10.0.0.9/filestreamingservice/files/7bc8?cacheHostOrigin=dl.delivery.mp.microsoft.com",
                "http://mcc.contoso.com:8080/filestreamingservice/files/7bc8?cacheHostOrigin=dl.delivery.mp.microsoft.com",
                "http://dl.delivery.mp.microsoft.com/filestreamingservice/files/7bc8",
                "https://other:8443/x?y=1",
            ]
        );
        assert_eq!(&*targets[1].source.host, "mcc.contoso.com:8080");
        assert_eq!(&*targets[1].source.origin, "dl.delivery.mp.microsoft.com");
        assert_eq!(&*targets[3].source.host, "other:8443");
    }

    #[test]
    fn what_can_not_be_asked_is_refused_at_once() {
        for url in ["", "ftp://x/y", "http://", "//x/y", "http://u:p@x/y"] {
            assert!(Target::all(&sources(&[url], &[])).is_err(), "{url:?}");
        }
        assert!(Target::all(&sources(&["http://x/y"], &["bad host"])).is_err());
    }
}
