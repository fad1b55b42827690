//! Requests and their answers.

mod array;
mod asked;
mod cached;
mod documents;
mod files;
mod lab;
mod reply;

use std::{sync::Arc, time::Instant};

use hyper::{Method, Request, Response, StatusCode, body::Incoming, header::CONTENT_LENGTH};

use self::asked::Asked;
pub use self::lab::AUTHORITY_PATH;
pub(crate) use self::reply::Reply;
use crate::{
    access,
    body::{self, Body},
    cloud::Shared,
    faults::Effects,
    metrics,
    net::{Caller, Handler, NoAnswer},
};

/// Answers what comes to the ports of a cloud.
#[derive(Clone)]
pub(crate) struct Front(pub(crate) Arc<Shared>);

/// What a captive portal says to every request.
const PORTAL: &str = "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head>\
                      <body><h1>Sign in to continue</h1></body></html>\n";

impl Handler for Front {
    async fn handle(
        &self,
        caller: Caller,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, NoAnswer> {
        let (shared, began) = (&self.0, Instant::now());
        let (asked, refused) = Asked::new(&request, caller, shared);
        let mut record = asked.record(&request);
        let effects = match refused {
            None => shared.faults.request(&asked.host, &asked.path),
            Some(_) => Effects::default(),
        };
        if let Some(delay) = effects.delay {
            tokio::time::sleep(delay).await;
        }
        if effects.drop {
            return Err(NoAnswer);
        }
        let response = match refused {
            None => answer(shared, &asked, request, &effects).await,
            Some(reply) => reply.into(),
        };
        let stalled = shared.gate.limits.stalled;
        let (slow, cut) = (effects.slow_body, effects.cut_body);
        record.status = response.status().as_u16();
        let length = response.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|it| it.to_str().ok()?.parse().ok());
        Ok(response.map(|body| {
            let body = body::hampered(body, slow, cut, stalled);
            access::recorded(body, length, record, began, Arc::clone(&shared.access))
        }))
    }
}

/// Answers what Prometheus asks.
#[derive(Clone)]
pub(crate) struct MetricsFront(pub(crate) Arc<Shared>);

impl Handler for MetricsFront {
    async fn handle(
        &self,
        _caller: Caller,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, NoAnswer> {
        let reply = match request.uri().path() {
            "/metrics" => Reply::typed(metrics::CONTENT_TYPE, self.0.metrics_text()),
            _ => Reply::error(StatusCode::NOT_FOUND, "the metrics are at /metrics"),
        };
        Ok(reply.into())
    }
}

/// The answer, as far as the faults let it be the right one.
async fn answer(
    shared: &Arc<Shared>,
    asked: &Asked,
    request: Request<Incoming>,
    effects: &Effects,
) -> Response<Body> {
    let status = effects.status.and_then(|it| StatusCode::from_u16(it).ok());
    if let Some(status) = status.filter(|status| !status.is_success()) {
        return Reply::error(status, "a fault that was set on purpose").into();
    }
    if effects.html {
        return Reply::typed("text/html; charset=utf-8", PORTAL).into();
    }
    if effects.empty_json {
        return Reply::typed(dolab_wire::cloud::CONTENT_TYPE, "{}").into();
    }
    let mut response = route(shared, asked, request, effects).await;
    if let Some(status) = status.filter(|_| response.status().is_success()) {
        *response.status_mut() = status;
    }
    response
}

/// Who answers. The paths of the parts differ, so that one address without names reaches them all.
async fn route(
    shared: &Arc<Shared>,
    asked: &Asked,
    mut request: Request<Incoming>,
    effects: &Effects,
) -> Response<Body> {
    if let Some(response) = lab::serve(shared, asked, &mut request) {
        return response;
    }
    if let Some(origin) = asked.query.value(cached::ORIGIN) {
        return cached::serve(shared, asked, origin, request, effects).await;
    }
    let Some(endpoint) = Endpoint::of(&asked.path) else {
        return files::serve(shared, asked, request, effects);
    };
    if !asked.caller.tls {
        let text = "the service is asked over TLS; only contents are served here";
        return Reply::error(StatusCode::NOT_FOUND, text).into();
    }
    let method = request.method();
    let posted = matches!(endpoint, Endpoint::Join | Endpoint::Leave);
    if posted && method != Method::POST {
        return Reply::not_allowed("POST").into();
    }
    if !posted && method != Method::GET && method != Method::HEAD {
        return Reply::not_allowed("GET, HEAD").into();
    }
    let reply = match endpoint {
        Endpoint::Geo => documents::geo(shared, asked),
        Endpoint::GeoVersion => documents::geo_version(shared, asked),
        Endpoint::KeyValue => documents::key_value(shared, asked),
        Endpoint::ContentPolicy(id) => documents::content_policy(shared, asked, &id, effects),
        Endpoint::Discovery => documents::discovery(asked),
        Endpoint::Join => array::join(shared, asked, request).await,
        Endpoint::Leave => array::leave(shared, request).await,
    };
    reply.unwrap_or_else(|error| error).into()
}

/// A part of the service, by the path that it is asked at.
#[derive(Debug, PartialEq, Eq)]
enum Endpoint {
    Geo,
    GeoVersion,
    KeyValue,
    ContentPolicy(String),
    Discovery,
    Join,
    Leave,
}

impl Endpoint {
    /// What the log calls it.
    fn name(&self) -> &'static str {
        match self {
            Self::Geo => "geo",
            Self::GeoVersion => "geoversion",
            Self::KeyValue => "kv",
            Self::ContentPolicy(_) => "cp",
            Self::Discovery => "disc",
            Self::Join => "join",
            Self::Leave => "leave",
        }
    }

    fn of(path: &str) -> Option<Self> {
        use dolab_wire::cloud::{GEO_PATH, GEO_VERSION_PATH, KEY_VALUE_PATH};

        match path {
            GEO_PATH => return Some(Self::Geo),
            // The second is what a host of that name suggests (**assumed**).
            GEO_VERSION_PATH | "/geover" => return Some(Self::GeoVersion),
            KEY_VALUE_PATH => return Some(Self::KeyValue),
            "/join" | "/join/" => return Some(Self::Join),
            "/leave" | "/leave/" => return Some(Self::Leave),
            _ => {}
        }
        let (id, verb) = path.strip_prefix("/content/")?.rsplit_once('/')?;
        match verb {
            "contentpolicy" => Some(Self::ContentPolicy(asked::decoded(id))),
            "discovery" => Some(Self::Discovery),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_parts() {
        for (path, endpoint) in [
            ("/geo", Some(Endpoint::Geo)),
            ("/geoversion", Some(Endpoint::GeoVersion)),
            ("/all", Some(Endpoint::KeyValue)),
            (
                "/content/DO-a%3D/contentpolicy",
                Some(Endpoint::ContentPolicy("DO-a=".into())),
            ),
            ("/content/x/discovery", Some(Endpoint::Discovery)),
            ("/join/", Some(Endpoint::Join)),
            ("/leave", Some(Endpoint::Leave)),
            ("/geo/", None),
            ("/content/x", None),
            ("/content/x/y", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(Endpoint::of(path), endpoint, "{path}");
        }
    }
}
