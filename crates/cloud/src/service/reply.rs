use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
};
use serde::Serialize;

use crate::body::{self, Body};

/// A short answer that is at hand.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    content_type: &'static str,
    allow: Option<&'static str>,
    body: Bytes,
}

impl Reply {
    /// A document of the service.
    pub(crate) fn json(document: &impl Serialize) -> Self {
        let body = serde_json::to_vec(document).expect("documents always serialise");
        Self::typed(dolab_wire::cloud::CONTENT_TYPE, body)
    }

    /// Anything.
    pub(crate) fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type,
            allow: None,
            body: body.into(),
        }
    }

    /// What is wrong, in one line.
    pub(crate) fn error(status: StatusCode, what: impl std::fmt::Display) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            allow: None,
            body: format!("{what}\n").into(),
        }
    }

    /// The caller's fault.
    pub(crate) fn bad(what: impl std::fmt::Display) -> Self {
        Self::error(StatusCode::BAD_REQUEST, what)
    }

    /// Another method is wanted.
    pub(crate) fn not_allowed(allow: &'static str) -> Self {
        let what = format!("this is asked with {allow}");
        Self {
            allow: Some(allow),
            ..Self::error(StatusCode::METHOD_NOT_ALLOWED, what)
        }
    }
}

impl From<Reply> for Response<Body> {
    fn from(reply: Reply) -> Self {
        let mut response = Self::new(body::full(reply.body));
        *response.status_mut() = reply.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(allow) = reply.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}
