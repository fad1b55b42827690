//! The Connected Cache's side of a request: `/PATH?cacheHostOrigin=HOST` (observed).

use std::sync::Arc;

use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{
        ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED,
    },
};

use super::{Asked, Reply};
use crate::{
    body::{self, Body, Feed, Gone},
    cache::{Answer, FillError, Hit},
    cloud::Shared,
    faults::Effects,
    origin::{self, Flaws, Resource, Validators},
};

/// Says whether the cache had it: `HIT`, `MISS` or `BYPASS`. Ours.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// The parameter that makes a request one for the cache.
pub(super) const ORIGIN: &str = "cacheHostOrigin";

pub(super) async fn serve(
    shared: &Arc<Shared>,
    asked: &Asked,
    origin: &str,
    request: Request<Incoming>,
    effects: &Effects,
) -> Response<Body> {
    let (method, headers) = (request.method(), request.headers());
    if method != Method::GET && method != Method::HEAD {
        return Reply::not_allowed("GET, HEAD").into();
    }
    let path = without_origin(request.uri());
    let first = origin::first_byte(headers);
    let found = match shared.cache.find(origin, &path, first).await {
        Ok(found) => found,
        Err(foreign) => return Reply::error(StatusCode::FORBIDDEN, foreign).into(),
    };
    let stalled = shared.gate.limits.stalled;
    match found {
        Ok(Answer::Cached(hit)) => {
            let known = hit.known;
            let flaws = Flaws {
                no_ranges: effects.no_ranges,
                oversize: u64::from(effects.wrong_size),
            };
            let mut response = origin::serve(&resource(hit), method, headers, flaws, stalled);
            mark(&mut response, if known { "HIT" } else { "MISS" });
            response
        }
        Ok(Answer::Through(answer)) => through(*answer, method, stalled),
        Err(error) => {
            tracing::info!(host = asked.host, path, %error, "the cache could not be filled");
            failed(error)
        }
    }
}

fn resource(hit: Hit) -> Resource {
    let it = hit.description;
    Resource {
        feed: Feed::Cached(hit.object),
        length: it.length,
        content_type: it.content_type.into(),
        validators: Validators {
            tag: it.tag,
            modified: it.modified,
        },
    }
}

/// The answer of an origin that knows no ranges, as it comes.
fn through(
    answer: dolab_http::Response,
    method: &Method,
    stalled: std::time::Duration,
) -> Response<Body> {
    let (mut pen, body) = body::written(stalled);
    let mut response = Response::new(body);
    for name in [CONTENT_TYPE, CONTENT_LENGTH, ETAG, LAST_MODIFIED] {
        if let Some(value) = answer.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    let none = HeaderValue::from_static("none");
    response.headers_mut().insert(ACCEPT_RANGES, none);
    mark(&mut response, "BYPASS");
    if method == Method::HEAD {
        *response.body_mut() = body::full("");
        return response;
    }
    let mut from = answer.body;
    tokio::spawn(async move {
        loop {
            match from.chunk().await {
                Ok(Some(bytes)) => match pen.write(bytes).await {
                    Ok(()) => {}
                    Err(Gone) => return,
                },
                Ok(None) => return,
                Err(error) => return pen.abort(FillError::from(error).into()),
            }
        }
    });
    response
}

/// What went wrong at the origin, told to the caller: its own words where it refused.
fn failed(error: FillError) -> Response<Body> {
    let status = error.status();
    let mut response = match error {
        FillError::Status {
            status: of_origin,
            content_type,
            body,
        } if of_origin == status && !body.is_empty() => {
            let mut response = Response::new(body::full(body));
            *response.status_mut() = status;
            let kind = content_type.and_then(|it| HeaderValue::try_from(it).ok());
            if let Some(kind) = kind {
                response.headers_mut().insert(CONTENT_TYPE, kind);
            }
            response
        }
        error @ (FillError::Status { .. } | FillError::Http(_) | FillError::Changed) => {
            Reply::error(status, error).into()
        }
    };
    mark(&mut response, "MISS");
    response
}

fn mark(response: &mut Response<Body>, what: &'static str) {
    let what = HeaderValue::from_static(what);
    response.headers_mut().insert(X_CACHE, what);
}

/// The path and the parameters that are the origin's.
fn without_origin(uri: &hyper::Uri) -> String {
    let own = |pair: &&str| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
        !name.eq_ignore_ascii_case(ORIGIN)
    };
    let rest: Vec<_> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(own)
        .filter(|pair| !pair.is_empty())
        .collect();
    match rest.is_empty() {
        true => uri.path().to_owned(),
        false => format!("{}?{}", uri.path(), rest.join("&")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_does_not_see_the_caches_parameter() {
        for (uri, path) in [
            ("/a?cacheHostOrigin=x", "/a"),
            ("/a?b=1&CACHEHOSTORIGIN=x&c", "/a?b=1&c"),
            ("/a%20b?P1=1%26&cacheHostOrigin=x", "/a%20b?P1=1%26"),
            ("/a", "/a"),
        ] {
            assert_eq!(without_origin(&uri.parse().unwrap()), path, "{uri}");
        }
    }
}
