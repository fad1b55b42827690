//! One object of an origin.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use dolab_http::{Response, header};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};

use super::{
    Inner, Learnt, SLICE,
    upstream::{FillError, Part, Upstream},
};

/// What an origin says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    /// Bytes.
    pub(crate) length: u64,
    /// Its strong tag, with quotation marks; made from the rest where the origin has none.
    pub(crate) tag: String,
    pub(crate) modified: SystemTime,
    pub(crate) content_type: String,
}

impl Description {
    pub(super) fn of(response: &Response, length: u64) -> Self {
        let text = |name| response.header(&name);
        let modified = text(header::LAST_MODIFIED)
            .and_then(|date| httpdate::parse_http_date(date).ok())
            .unwrap_or(UNIX_EPOCH);
        let tag = text(header::ETAG).filter(|tag| {
            tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"') && tag.is_ascii()
        });
        let made = || {
            let seconds = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
            format!("\"dolab-{length:x}-{:x}\"", seconds.as_secs())
        };
        let content_type = text(header::CONTENT_TYPE).unwrap_or("application/octet-stream");
        Self {
            length,
            tag: tag.map_or_else(made, Into::into),
            modified,
            content_type: content_type.to_owned(),
        }
    }
}

/// A fetch that is under way; everybody who wants the same waits for it.
type Fetch<T> = Shared<BoxFuture<'static, Result<T, FillError>>>;

/// An object, as far as it is known.
#[derive(Debug)]
pub(crate) struct Object {
    id: u64,
    upstream: Upstream,
    cache: Arc<Inner>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    description: Option<(Description, Learnt)>,
    describing: Option<Fetch<Option<Description>>>,
    filling: HashMap<u64, Fetch<Bytes>>,
}

impl Object {
    pub(super) fn new(id: u64, upstream: Upstream, cache: Arc<Inner>) -> Self {
        Self {
            id,
            upstream,
            cache,
            state: Mutex::default(),
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// What it is, if that was learnt not long ago.
    pub(super) fn known(&self) -> Option<Description> {
        let state = self.lock();
        let (description, learnt) = state.description.as_ref()?;
        learnt.is_fresh().then(|| description.clone())
    }

    /// Asks the origin what it is, and takes the slice of the byte `first` along where nothing was
    /// known. `None`: the origin knows no ranges.
    pub(super) async fn describe(
        self: &Arc<Self>,
        first: u64,
    ) -> Result<Option<Description>, FillError> {
        let describing = {
            let mut state = self.lock();
            if let Some(describing) = &state.describing {
                describing.clone()
            } else if let Some((known, _)) = state.description.as_ref().filter(is_fresh) {
                // Learnt since the caller looked.
                return Ok(Some(known.clone()));
            } else {
                let known = state.description.is_some();
                let object = Arc::clone(self);
                let describing = async move {
                    let result = Arc::clone(&object).describing(first, known).await;
                    object.lock().describing = None;
                    result
                };
                begin(describing, &mut state.describing)
            }
        };
        describing.await
    }

    async fn describing(
        self: Arc<Self>,
        first: u64,
        known: bool,
    ) -> Result<Option<Description>, FillError> {
        if known && let Some(description) = self.upstream.head().await? {
            self.learn(&description);
            return Ok(Some(description));
        }
        // No object is that long, and the arithmetic stays in bounds.
        let slice = first.min(u64::MAX / 2) / SLICE;
        let mut part = self.upstream.part(range_of(slice)).await?;
        if matches!(part, Part::Beyond) && slice > 0 {
            part = self.upstream.part(range_of(0)).await?;
        }
        match part {
            Part::Bytes(description, range, bytes) => {
                self.learn(&description);
                self.cache.slices.put((self.id, range.start / SLICE), bytes);
                Ok(Some(description))
            }
            Part::NoRanges | Part::Beyond => Ok(None),
        }
    }

    /// Remembers what it is. When it is not what it was, everything that is kept of it is old.
    fn learn(&self, description: &Description) {
        let mut state = self.lock();
        let same = state
            .description
            .as_ref()
            .is_none_or(|(it, _)| it == description);
        state.description = Some((description.clone(), Learnt::now()));
        if !same {
            state.filling.clear();
            drop(state);
            self.cache.slices.forget(self.id);
        }
    }

    /// All of it, not kept.
    pub(super) async fn whole(&self) -> Result<Response, FillError> {
        self.upstream.whole().await
    }

    /// Bytes from the start of `part` to its end, or to the end of their slice. The slice behind is
    /// fetched meanwhile.
    pub(crate) async fn read(self: &Arc<Self>, part: Range<u64>) -> Result<Bytes, FillError> {
        let slice = part.start / SLICE;
        let next = (slice + 1) * SLICE;
        if part.start.is_multiple_of(SLICE)
            && let Some((description, _)) = self.lock().description.clone()
            && next < description.length
        {
            let object = Arc::clone(self);
            tokio::spawn(async move { object.slice(slice + 1).await });
        }
        let bytes = self.slice(slice).await?;
        let within = |at: u64| (at - slice * SLICE) as usize;
        let (from, to) = (within(part.start), within(part.end.min(next)));
        if to > bytes.len() {
            return Err(FillError::Changed);
        }
        Ok(bytes.slice(from..to))
    }

    /// A slice: one that is kept, or that is under way already, or that is fetched now.
    async fn slice(self: &Arc<Self>, slice: u64) -> Result<Bytes, FillError> {
        let filling = {
            let mut state = self.lock();
            if let Some(filling) = state.filling.get(&slice) {
                filling.clone()
            } else if let Some(bytes) = self.cache.slices.get((self.id, slice)) {
                return Ok(bytes);
            } else {
                let object = Arc::clone(self);
                let filling = async move {
                    let result = Arc::clone(&object).filling(slice).await;
                    object.lock().filling.remove(&slice);
                    result
                };
                let mut place = None;
                let filling = begin(filling, &mut place);
                state.filling.extend(place.map(|place| (slice, place)));
                filling
            }
        };
        filling.await
    }

    async fn filling(self: Arc<Self>, slice: u64) -> Result<Bytes, FillError> {
        let wanted = self.lock().description.clone();
        match self.upstream.part(range_of(slice)).await? {
            Part::Bytes(description, _, bytes) => {
                let same = wanted.is_some_and(|(it, _)| it == description);
                self.learn(&description);
                if !same {
                    return Err(FillError::Changed);
                }
                self.cache.slices.put((self.id, slice), bytes.clone());
                Ok(bytes)
            }
            Part::Beyond | Part::NoRanges => {
                self.lock().description = None;
                Err(FillError::Changed)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a fetch that goes on also when nobody waits for it any more, and puts it where the next
/// caller finds it. What is fetched is kept before it is taken from there, so whoever does not find
/// it there finds what it brought.
fn begin<T: Clone + Send + Sync + 'static>(
    fetch: impl Future<Output = Result<T, FillError>> + Send + 'static,
    place: &mut Option<Fetch<T>>,
) -> Fetch<T> {
    let fetch = fetch.boxed().shared();
    tokio::spawn(fetch.clone());
    place.insert(fetch).clone()
}

fn is_fresh((_, learnt): &&(Description, Learnt)) -> bool {
    learnt.is_fresh()
}

fn range_of(slice: u64) -> Range<u64> {
    slice * SLICE..(slice + 1) * SLICE
}
