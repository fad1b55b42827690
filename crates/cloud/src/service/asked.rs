use std::{
    net::{IpAddr, SocketAddr},
    time::SystemTime,
};

use dolab_wire::{cloud::Query, text::printable};
use hyper::{
    Request, StatusCode,
    header::{HOST, USER_AGENT},
    http::uri::Authority,
};

use super::{Endpoint, Reply, cached};
use crate::{
    access::Record,
    cloud::Shared,
    hosts::{self, Role},
    net::Caller,
};

/// Characters of a path with its parameters that are written down.
const MAX_TARGET: usize = 2048;

/// The same of what a caller calls itself.
const MAX_AGENT: usize = 256;

/// What a request asks, as far as its head says.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    /// The address that the service sees: of the connection, unless it was told to trust a header.
    pub(crate) external: IpAddr,
    /// The name or address that the caller used, without the port.
    pub(crate) host: String,
    /// The path as it came.
    pub(crate) path: String,
    pub(crate) query: Query,
    /// Ports as the caller reaches them.
    https: u16,
    http: u16,
}

impl Asked {
    /// And the answer already, when the head is too long, or the name that it asks for is none: it
    /// counts as unnamed then.
    pub(crate) fn new<B>(
        request: &Request<B>,
        caller: Caller,
        shared: &Shared,
    ) -> (Self, Option<Reply>) {
        let (named, mut refused) = match host(request) {
            Ok(named) => (named, None),
            Err(reply) => (None, Some(reply)),
        };
        // What reads from the socket stops only some way beyond the limit.
        let most = shared.gate.limits.header_bytes;
        if head_len(request) > most {
            let what = format!("the line and the headers have more than {most} bytes");
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            refused = Some(Reply::error(status, what));
        }
        let (host, port) = named.unwrap_or_else(|| {
            let own = caller.local;
            (own.ip().to_string(), Some(own.port()))
        });
        let ports = shared.ports;
        // Whoever came over TLS by a port of its own (through a NAT) is sent there again.
        let https = port.filter(|_| caller.tls);
        let http = port.filter(|_| !caller.tls);
        let asked = Self {
            external: external(request, caller, shared.trust_forwarded),
            caller,
            host,
            path: request.uri().path().to_owned(),
            query: Query::parse(request.uri().query().unwrap_or_default()),
            https: https.or(ports.https).unwrap_or(443),
            http: http.or(ports.http).unwrap_or(80),
        };
        (asked, refused)
    }

    /// What is written down of it, as far as that is known yet.
    pub(super) fn record<B>(&self, request: &Request<B>) -> Record {
        let agent = request.headers().get(USER_AGENT);
        let agent = agent.map_or_else(String::new, |agent| {
            printable(&String::from_utf8_lossy(agent.as_bytes()), MAX_AGENT)
        });
        let part = match Endpoint::of(&self.path) {
            Some(endpoint) => endpoint.name(),
            None if self.path.starts_with("/dolab/") => "lab",
            None if self.query.value(cached::ORIGIN).is_some() => "cache",
            None => "content",
        };
        let target = request.uri().path_and_query();
        Record {
            time: SystemTime::now(),
            remote: self.caller.remote,
            external: self.external,
            tls: self.caller.tls,
            version: request.version(),
            method: request.method().to_string(),
            host: self.host.clone(),
            target: target.map_or_else(String::new, |it| printable(it.as_str(), MAX_TARGET)),
            agent,
            part,
            status: 0,
            bytes: 0,
            whole: false,
            seconds: 0.0,
        }
    }

    /// The URL of `path` at a part of the service, for this caller: by its name for who came by a
    /// name, else at the address that the caller used.
    pub(crate) fn url(&self, role: Role, path: &str) -> String {
        let host = match hosts::is_own(&self.host) {
            true => hosts::name_of(role),
            false => &self.host,
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let host = match bare.parse() {
            Ok(IpAddr::V6(addr)) => format!("[{addr}]"),
            _ => host.to_owned(),
        };
        let (scheme, usual, port) = match role == Role::Content {
            true => ("http", 80, self.http),
            false => ("https", 443, self.https),
        };
        if port == usual {
            format!("{scheme}://{host}{path}")
        } else {
            format!("{scheme}://{host}:{port}{path}")
        }
    }
}

/// Bytes of a request's line and headers, as HTTP/1.1 writes them.
fn head_len<B>(request: &Request<B>) -> usize {
    let target = request.uri().path_and_query();
    let line = request.method().as_str().len() + target.map_or(0, |it| it.as_str().len());
    let headers = request.headers().iter();
    let headers: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    // Two spaces, the version, the end of the line, and that of the head.
    line + headers + 14
}

/// The name and port of a request. A name that is none could break what is built from it.
fn host<B>(request: &Request<B>) -> Result<Option<(String, Option<u16>)>, Reply> {
    let wrong = || Reply::bad("the request's host is no name and no address");
    let authority = match request.uri().authority() {
        Some(authority) => authority.to_string(),
        None => match request.headers().get(HOST) {
            Some(host) => host.to_str().map_err(|_| wrong())?.to_owned(),
            None => return Ok(None),
        },
    };
    if authority.is_empty() {
        return Ok(None);
    }
    let authority: Authority = authority.parse().map_err(|_| wrong())?;
    let host = authority.host().to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_[]:".contains(c);
    if host.len() > 255 || !host.chars().all(plain) || authority.as_str().contains('@') {
        return Err(wrong());
    }
    Ok(Some((host, authority.port_u16())))
}

fn external<B>(request: &Request<B>, caller: Caller, trust_forwarded: bool) -> IpAddr {
    let claimed = request.headers().get("x-forwarded-for");
    claimed
        .filter(|_| trust_forwarded)
        .and_then(|value| first_address(value.to_str().ok()?))
        .unwrap_or_else(|| caller.remote.ip())
}

/// The first of a list of addresses, each with a port or without.
fn first_address(list: &str) -> Option<IpAddr> {
    let first = list.split(',').next()?.trim();
    let addr = first.parse().ok();
    let addr = addr.or_else(|| Some(first.parse::<SocketAddr>().ok()?.ip()));
    addr.map(|it: IpAddr| it.to_canonical())
}

/// A part of a path without its escapes; what is no text is left as it is.
pub(super) fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of(value: &str) -> Result<Option<(String, Option<u16>)>, Reply> {
        host(&Request::get("/geo").header(HOST, value).body(()).unwrap())
    }

    #[test]
    fn the_host_of_a_request() {
        for (value, name, port) in [
            ("Geo.Example", "geo.example", None),
            ("geo.example:81", "geo.example", Some(81)),
            ("10.0.0.1:81", "10.0.0.1", Some(81)),
            ("[::1]:81", "[::1]", Some(81)),
        ] {
            assert_eq!(
                host_of(value).unwrap(),
                Some((name.into(), port)),
                "{value}"
            );
        }
        assert_eq!(host_of("").unwrap(), None);
        let bare = Request::get("/geo").body(()).unwrap();
        assert_eq!(host(&bare).unwrap(), None);
        for value in [
            "a b",
            "a/b",
            "a:b:c",
            "a@b",
            "a\"b",
            "a<b>",
            &"a".repeat(300),
        ] {
            assert!(host_of(value).is_err(), "{value}");
        }
    }

    #[test]
    fn a_forwarded_address_is_the_first_of_the_list() {
        for (list, addr) in [
            ("203.0.113.9", "203.0.113.9"),
            ("203.0.113.9, 10.0.0.1", "203.0.113.9"),
            ("203.0.113.9:5000", "203.0.113.9"),
            ("[2001:db8::1]:5000", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(first_address(list), addr.parse().ok(), "{list}");
        }
        assert_eq!(first_address("unknown"), None);
        assert_eq!(first_address(""), None);
    }
}
