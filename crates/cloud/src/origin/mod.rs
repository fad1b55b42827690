//! The content origin: whole contents and parts of them, with everything that a cache or a
//! downloader asks an origin.

mod conditions;
mod range;

use std::{borrow::Cow, ops::Range, time::Duration};

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    header::{
        ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue,
        LAST_MODIFIED, RANGE,
    },
};

pub(crate) use self::conditions::Validators;
use self::{conditions::Outcome, range::Asked};
use crate::body::{self, Body, Feed, Segment};

/// Something that is served with ranges.
#[derive(Clone)]
pub(crate) struct Resource {
    pub(crate) feed: Feed,
    /// Bytes.
    pub(crate) length: u64,
    pub(crate) content_type: Cow<'static, str>,
    pub(crate) validators: Validators,
}

/// How a resource is to be served wrongly.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flaws {
    /// Ranges are not understood.
    pub(crate) no_ranges: bool,
    /// So many bytes are added to the size that a range states.
    pub(crate) oversize: u64,
}

/// The line between the parts of an answer with several.
const BOUNDARY: &str = "dolab-part-6b1f0c5e";

/// The first byte that a request wants.
pub(crate) fn first_byte(headers: &HeaderMap) -> u64 {
    let value = headers.get(RANGE).map(HeaderValue::as_bytes);
    value.map_or(0, range::first)
}

/// Answers a request for a resource.
pub(crate) fn serve(
    resource: &Resource,
    method: &Method,
    headers: &HeaderMap,
    flaws: Flaws,
    stalled: Duration,
) -> Response<Body> {
    if method != Method::GET && method != Method::HEAD {
        let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
        set(&mut response, ALLOW, "GET, HEAD");
        return response;
    }
    let with_range = match resource.validators.judge(method, headers) {
        Outcome::Proceed { range } => range && !flaws.no_ranges,
        Outcome::NotModified => return described(StatusCode::NOT_MODIFIED, resource, flaws),
        Outcome::Failed => return bare(StatusCode::PRECONDITION_FAILED),
    };
    let value = headers.get(RANGE).filter(|_| with_range);
    // Several `Range` lines are as good as none.
    let value = value.filter(|_| headers.get_all(RANGE).iter().count() == 1);
    match range::asked(value.map(HeaderValue::as_bytes), resource.length) {
        Asked::Whole => whole(resource, method, flaws, stalled),
        Asked::Nothing => {
            let mut response = bare(StatusCode::RANGE_NOT_SATISFIABLE);
            let size = format!("bytes */{}", resource.length + flaws.oversize);
            set(&mut response, CONTENT_RANGE, &size);
            response
        }
        Asked::Parts(parts) => match &parts[..] {
            [part] => one_part(resource, part.clone(), flaws, stalled),
            parts => several_parts(resource, parts, flaws, stalled),
        },
    }
}

fn whole(resource: &Resource, method: &Method, flaws: Flaws, stalled: Duration) -> Response<Body> {
    let mut response = described(StatusCode::OK, resource, flaws);
    set(&mut response, CONTENT_TYPE, &resource.content_type);
    set(&mut response, CONTENT_LENGTH, &resource.length.to_string());
    if method == Method::GET && resource.length > 0 {
        let all = vec![Segment::Part(0..resource.length)];
        *response.body_mut() = body::stream(resource.feed.clone(), all, stalled);
    }
    response
}

fn one_part(
    resource: &Resource,
    part: Range<u64>,
    flaws: Flaws,
    stalled: Duration,
) -> Response<Body> {
    let mut response = described(StatusCode::PARTIAL_CONTENT, resource, flaws);
    set(&mut response, CONTENT_TYPE, &resource.content_type);
    let length = part.end - part.start;
    set(&mut response, CONTENT_LENGTH, &length.to_string());
    let range = content_range(&part, resource, flaws);
    set(&mut response, CONTENT_RANGE, &range);
    let segments = vec![Segment::Part(part)];
    *response.body_mut() = body::stream(resource.feed.clone(), segments, stalled);
    response
}

fn several_parts(
    resource: &Resource,
    parts: &[Range<u64>],
    flaws: Flaws,
    stalled: Duration,
) -> Response<Body> {
    let mut response = described(StatusCode::PARTIAL_CONTENT, resource, flaws);
    let kind = format!("multipart/byteranges; boundary={BOUNDARY}");
    set(&mut response, CONTENT_TYPE, &kind);
    let (mut segments, mut length) = (Vec::with_capacity(2 * parts.len() + 1), 0);
    for part in parts {
        let head = format!(
            "\r\n--{BOUNDARY}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n",
            resource.content_type,
            content_range(part, resource, flaws)
        );
        length += head.len() as u64 + part.end - part.start;
        segments.push(Segment::Text(head.into()));
        segments.push(Segment::Part(part.clone()));
    }
    let end = format!("\r\n--{BOUNDARY}--\r\n");
    length += end.len() as u64;
    segments.push(Segment::Text(end.into()));
    set(&mut response, CONTENT_LENGTH, &length.to_string());
    *response.body_mut() = body::stream(resource.feed.clone(), segments, stalled);
    response
}

fn content_range(part: &Range<u64>, resource: &Resource, flaws: Flaws) -> String {
    let size = resource.length + flaws.oversize;
    format!("bytes {}-{}/{size}", part.start, part.end - 1)
}

/// An answer that says what it is about.
fn described(status: StatusCode, resource: &Resource, flaws: Flaws) -> Response<Body> {
    let mut response = bare(status);
    let Validators { tag, modified } = &resource.validators;
    set(&mut response, ETAG, tag);
    set(
        &mut response,
        LAST_MODIFIED,
        &httpdate::fmt_http_date(*modified),
    );
    let ranges = if flaws.no_ranges { "none" } else { "bytes" };
    set(&mut response, ACCEPT_RANGES, ranges);
    response
}

fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(body::full(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn set(response: &mut Response<Body>, name: hyper::header::HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("made of numbers and plain text");
    response.headers_mut().insert(name, value);
}

#[cfg(test)]
mod tests;
