use std::ops::Range;

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Uri,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, RANGE},
};
use serde::Serialize;

use crate::Error;

/// A request: what, with which headers and body.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The range of bytes that was asked for.
    pub(crate) range: Option<Range<u64>>,
    pub(crate) background: bool,
}

/// What is asked, and whom.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    pub(crate) secure: bool,
    /// In lower case, without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Request {
    /// A `GET`.
    ///
    /// # Errors
    /// [`Error::Url`] when it is not an absolute `http` or `https` URL.
    pub fn get(url: &str) -> Result<Self, Error> {
        Self::new(Method::GET, url, Bytes::new())
    }

    /// A `HEAD`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn head(url: &str) -> Result<Self, Error> {
        Self::new(Method::HEAD, url, Bytes::new())
    }

    /// A `POST` of bytes. Say their type with [`Self::header`].
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn post(url: &str, body: impl Into<Bytes>) -> Result<Self, Error> {
        Self::new(Method::POST, url, body.into())
    }

    /// A `POST` of a value as JSON.
    ///
    /// # Errors
    /// As [`Self::get`], and [`Error::Json`] when the value has no form in JSON.
    pub fn post_json(url: &str, value: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(value).map_err(|source| Error::Json {
            host: "this host".into(),
            source,
        })?;
        Self::post(url, body)?.header(CONTENT_TYPE.as_str(), "application/json")
    }

    fn new(method: Method, url: &str, body: Bytes) -> Result<Self, Error> {
        Ok(Self {
            method,
            target: Target::parse(url)?,
            headers: HeaderMap::new(),
            body,
            range: None,
            background: false,
        })
    }

    /// The same, with one more header.
    ///
    /// # Errors
    /// [`Error::Header`] when the name or the value can not stand in a header.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let bad = || Error::Header(format!("{name:?}: {value:?}"));
        let header = HeaderName::try_from(name).map_err(|_| bad())?;
        let value = HeaderValue::try_from(value).map_err(|_| bad())?;
        self.headers.append(header, value);
        Ok(self)
    }

    /// The same, for a range of the bytes only, which must not be empty. The answer is checked by
    /// [`Response::ranged`](crate::Response::ranged).
    #[must_use]
    pub fn range(mut self, range: Range<u64>) -> Self {
        let last = range.end.saturating_sub(1);
        let value = HeaderValue::try_from(format!("bytes={}-{last}", range.start));
        self.headers
            .insert(RANGE, value.expect("digits stand in a header"));
        self.range = Some(range);
        self
    }

    /// The same, for a transfer that holds back what comes: over a connection that only such requests
    /// use, for it may be left with a narrow window, and whose socket
    /// [`Body::socket`](crate::Body::socket) shows.
    #[must_use]
    pub fn background(self) -> Self {
        Self {
            background: true,
            ..self
        }
    }

    /// Whom it asks: scheme, host and port, without a path.
    pub fn origin(&self) -> String {
        let scheme = if self.target.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.target.authority())
    }

    /// Whether it may be sent again when nobody knows whether it arrived.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.method != Method::POST
    }
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let bad = |why| Error::Url {
            url: url.to_owned(),
            why,
        };
        let uri: Uri = url.parse().map_err(|_| bad("it does not parse"))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(bad("it has to begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("names and passwords are not sent"));
        }
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(bad("it names no host"));
        }
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let host = host.to_ascii_lowercase();
        Ok(Self {
            secure,
            host,
            port,
            uri,
        })
    }

    /// Where a redirection leads.
    pub(crate) fn follow(&self, location: &str) -> Result<Self, Error> {
        if location.starts_with("http://") || location.starts_with("https://") {
            return Self::parse(location);
        }
        let scheme = if self.secure { "https" } else { "http" };
        let authority = self
            .uri
            .authority()
            .map_or("", |authority| authority.as_str());
        if let Some(elsewhere) = location.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{elsewhere}"));
        }
        if location.starts_with('/') {
            return Self::parse(&format!("{scheme}://{authority}{location}"));
        }
        let folder = self.uri.path().rsplit_once('/').map_or("", |(it, _)| it);
        Self::parse(&format!("{scheme}://{authority}{folder}/{location}"))
    }

    /// Path and query, as they stand in the request.
    pub(crate) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// What stands in the `Host` header.
    pub(crate) fn authority(&self) -> &str {
        self.uri
            .authority()
            .map_or("", |authority| authority.as_str())
    }
}
