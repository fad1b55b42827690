//! The Connected Cache: contents of an origin, fetched when first asked for and kept as long as there
//! is room.
//!
//! An object is kept in slices. A slice that is missing is fetched by a request for its range, and
//! whoever wants it meanwhile waits for that one request. So a range is served as soon as its own
//! slices are there, and an origin is asked once however many ask here.

mod object;
mod slices;
mod upstream;

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dolab_http::{Client, ClientConfig};

use self::{object::Description, slices::Slices, upstream::Upstream};
pub(crate) use self::{object::Object, upstream::FillError};
use crate::{CacheConfig, hosts};

/// Bytes of a slice.
const SLICE: u64 = 1 << 20;

/// Objects that are known at one time; the one that was longest not asked for is forgotten first.
const MOST_OBJECTS: usize = 10_000;

/// How long an object is served without asking the origin whether it is still the same.
const FRESH: Duration = Duration::from_secs(300);

/// The Connected Cache.
#[derive(Debug)]
pub(crate) struct Cache {
    inner: Arc<Inner>,
    origins: HashMap<String, SocketAddr>,
    /// Whether the cloud's own origin can be filled from.
    own: bool,
    objects: Mutex<Objects>,
}

/// What all objects share.
#[derive(Debug)]
struct Inner {
    client: Client,
    slices: Slices,
}

#[derive(Debug, Default)]
struct Objects {
    known: HashMap<Key, (Arc<Object>, u64)>,
    order: BTreeMap<u64, Key>,
    clock: u64,
}

/// What an object is called: its origin, and the rest of its URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    origin: String,
    path: String,
}

/// What is known of an object that can be served in slices.
pub(crate) struct Hit {
    pub(crate) object: Arc<Object>,
    pub(crate) description: Description,
    /// Whether nothing had to be fetched to know this.
    pub(crate) known: bool,
}

/// What became of a request to the cache.
pub(crate) enum Answer {
    /// It is served from here.
    Cached(Hit),
    /// The origin knows no ranges: its answer is passed through.
    Through(Box<dolab_http::Response>),
}

/// The name of an origin is none that the cache fills from.
#[derive(Debug, thiserror::Error)]
#[error(
    "the cache does not fill from `{0}`: start the cloud with --cache-origin NAME=ADDRESS to let it"
)]
pub(crate) struct ForeignOrigin(String);

impl Cache {
    /// A cache that fills from the cloud's own origin at `own`, and from those that the
    /// configuration names.
    pub(crate) fn new(config: CacheConfig, own: Option<SocketAddr>, allow_public: bool) -> Self {
        let mut names = BTreeMap::new();
        for (name, _) in hosts::HOSTS
            .iter()
            .filter(|(_, role)| *role == hosts::Role::Content)
        {
            names.extend(own.map(|own| (((*name).to_owned(), 80), own)));
        }
        for (name, addr) in &config.origins {
            names.insert(with_port(name), *addr);
        }
        let client = Client::new(ClientConfig {
            names,
            allow_public,
            max_idle: 64,
            // A redirection could lead to where the cache may not go.
            max_redirects: 0,
            ..ClientConfig::default()
        });
        let origins = config.origins.iter();
        Self {
            origins: origins
                .map(|(name, addr)| (name.to_ascii_lowercase(), *addr))
                .collect(),
            own: own.is_some(),
            inner: Arc::new(Inner {
                client,
                slices: Slices::new(config.bytes),
            }),
            objects: Mutex::default(),
        }
    }

    /// Finds out what there is at `path` of `origin`, from the first byte that is wanted on.
    pub(crate) async fn find(
        &self,
        origin: &str,
        path: &str,
        first: u64,
    ) -> Result<Result<Answer, FillError>, ForeignOrigin> {
        let origin = origin.to_ascii_lowercase();
        let own = self.own && hosts::is_own(&origin);
        if !own && !self.origins.contains_key(&origin) {
            return Err(ForeignOrigin(origin.escape_default().to_string()));
        }
        let object = self.object(Key {
            origin,
            path: path.to_owned(),
        });
        if let Some(description) = object.known() {
            return Ok(Ok(Answer::Cached(Hit {
                object,
                description,
                known: true,
            })));
        }
        Ok(match object.describe(first).await {
            Ok(Some(description)) => Ok(Answer::Cached(Hit {
                object,
                description,
                known: false,
            })),
            Ok(None) => object
                .whole()
                .await
                .map(|answer| Answer::Through(Box::new(answer))),
            Err(error) => Err(error),
        })
    }

    /// Bytes that are kept, and how often a slice was there and was not.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        self.inner.slices.counts()
    }

    fn object(&self, key: Key) -> Arc<Object> {
        let mut objects = self.lock();
        objects.clock += 1;
        let now = objects.clock;
        if let Some((object, last)) = objects.known.get_mut(&key) {
            let (object, last) = (Arc::clone(object), std::mem::replace(last, now));
            objects.order.remove(&last);
            objects.order.insert(now, key);
            return object;
        }
        let url = format!("http://{}{}", key.origin, key.path);
        let upstream = Upstream::new(self.inner.client.clone(), url);
        let object = Arc::new(Object::new(now, upstream, Arc::clone(&self.inner)));
        objects
            .known
            .insert(key.clone(), (Arc::clone(&object), now));
        objects.order.insert(now, key);
        if objects.known.len() > MOST_OBJECTS
            && let Some((_, oldest)) = objects.order.pop_first()
            && let Some((object, _)) = objects.known.remove(&oldest)
        {
            self.inner.slices.forget(object.id());
        }
        object
    }

    fn lock(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn with_port(name: &str) -> (String, u16) {
    let name = name.to_ascii_lowercase();
    match name.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') => match port.parse() {
            Ok(port) => (host.to_owned(), port),
            Err(_) => (name, 80),
        },
        _ => (name, 80),
    }
}

/// When something was learnt.
#[derive(Clone, Copy, Debug)]
struct Learnt(Instant);

impl Learnt {
    fn now() -> Self {
        Self(Instant::now())
    }

    fn is_fresh(self) -> bool {
        self.0.elapsed() < FRESH
    }
}

#[cfg(test)]
mod tests;
