//! What is ours: the authority's certificate, and the go-between of lab peers.

use dolab_wire::{
    relay::{CALL_PATH, PROTOCOL, STATIONS_PATH, Station, WAIT_PATH},
    swarm::PeerId,
};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONNECTION, HeaderValue, UPGRADE},
};

use super::{Asked, Reply};
use crate::{
    body::{self, Body},
    cloud::Shared,
    relay::NoRelay,
};

/// Where the authority's certificate is, over plain HTTP and TLS. Microsoft's is in Windows.
pub const AUTHORITY_PATH: &str = "/dolab/ca.pem";

/// Answers what is asked below `/dolab/`; `None` when it is something else.
pub(super) fn serve(
    shared: &Shared,
    asked: &Asked,
    request: &mut Request<Incoming>,
) -> Option<Response<Body>> {
    if !asked.path.starts_with("/dolab/") {
        return None;
    }
    if request.method() != Method::GET {
        return Some(Reply::not_allowed("GET").into());
    }
    let answer = match asked.path.as_str() {
        AUTHORITY_PATH => Ok(authority(shared)),
        STATIONS_PATH => Ok(Reply::json(&shared.relay.stations()).into()),
        WAIT_PATH => wait(shared, asked, request),
        CALL_PATH => call(shared, asked, request),
        _ => return None,
    };
    Some(answer.unwrap_or_else(Into::into))
}

fn authority(shared: &Shared) -> Response<Body> {
    Reply::typed("application/x-pem-file", shared.authority_pem.clone()).into()
}

fn wait(
    shared: &Shared,
    asked: &Asked,
    request: &mut Request<Incoming>,
) -> Result<Response<Body>, Reply> {
    let value = |name| asked.query.value(name).unwrap_or_default();
    let addresses = value("addresses")
        .split(',')
        .filter(|text| !text.is_empty());
    let addresses = addresses.map(|text| {
        let wrong =
            || Reply::bad("`addresses` are IP addresses with ports and commas between them");
        text.parse().map_err(|_| wrong())
    });
    let station = Station {
        id: station(asked)?,
        name: value("name").to_owned(),
        addresses: addresses.collect::<Result<_, _>>()?,
        external: asked.external,
    };
    demand_upgrade(request)?;
    let upgrade = hyper::upgrade::on(request);
    let waits = shared.relay.wait(station.bounded(), upgrade, &shared.gate);
    waits.map_err(refused)?;
    Ok(switching())
}

fn call(
    shared: &Shared,
    asked: &Asked,
    request: &mut Request<Incoming>,
) -> Result<Response<Body>, Reply> {
    let station = station(asked)?;
    demand_upgrade(request)?;
    let upgrade = hyper::upgrade::on(request);
    let called = shared.relay.call(&station, asked.external, upgrade);
    called.map_err(refused)?;
    Ok(switching())
}

/// The station that a request is about.
fn station(asked: &Asked) -> Result<String, Reply> {
    let id = asked.query.value("station").unwrap_or_default();
    let id: PeerId = id
        .parse()
        .map_err(|_| Reply::bad("`station` is a peer id of 40 hex digits"))?;
    Ok(id.to_string())
}

fn demand_upgrade(request: &Request<Incoming>) -> Result<(), Reply> {
    let wanted = request.headers().get(UPGRADE);
    let wanted = wanted.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(PROTOCOL.as_bytes()));
    if wanted && request.version() == hyper::Version::HTTP_11 {
        return Ok(());
    }
    let what = format!("this wants HTTP/1.1 and `Upgrade: {PROTOCOL}`");
    Err(Reply::error(StatusCode::UPGRADE_REQUIRED, what))
}

fn switching() -> Response<Body> {
    let mut response = Response::new(body::full(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(PROTOCOL));
    response
}

fn refused(error: NoRelay) -> Reply {
    let status = match error {
        NoRelay::Unknown => StatusCode::NOT_FOUND,
        NoRelay::Full => StatusCode::SERVICE_UNAVAILABLE,
    };
    Reply::error(status, error)
}
