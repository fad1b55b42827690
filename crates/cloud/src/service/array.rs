//! The array: who joined which content, and who may meet whom.

use std::sync::Arc;

use bytes::Bytes;
use dolab_directory::JoinError;
use dolab_wire::cloud::{Join, Leave};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{Request, StatusCode, body::Incoming};
use tokio::time::timeout;

use super::{Asked, Reply};
use crate::{cloud::Shared, registrations::Unregistered};

pub(super) async fn join(
    shared: &Arc<Shared>,
    asked: &Asked,
    request: Request<Incoming>,
) -> Result<Reply, Reply> {
    let body = body(shared, request).await?;
    let join = Join::parse(&body).map_err(Reply::bad)?;
    let registered = shared.registrations.join(asked.external, &join).await;
    match registered {
        Ok(joined) => Ok(Reply::json(&joined)),
        Err(error @ Unregistered::Directory(JoinError::Name { .. })) => Err(Reply::bad(error)),
        Err(error) => Err(Reply::error(StatusCode::SERVICE_UNAVAILABLE, error)),
    }
}

pub(super) async fn leave(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Reply, Reply> {
    let body = body(shared, request).await?;
    let leave = Leave::parse(&body).map_err(Reply::bad)?;
    let left = shared.registrations.leave(&leave).await;
    if left.map_err(|error| Reply::error(StatusCode::SERVICE_UNAVAILABLE, error))? {
        Ok(Reply::json(&serde_json::json!({ "Left": true })))
    } else {
        let what = "this device has not joined this content, or its registration has run out";
        Err(Reply::error(StatusCode::NOT_FOUND, what))
    }
}

/// The whole body, as long as it may be, in the time that it may take.
async fn body(shared: &Shared, request: Request<Incoming>) -> Result<Bytes, Reply> {
    let limits = &shared.gate.limits;
    let too_long = || {
        let what = format!("the body is longer than {} bytes", limits.body_bytes);
        Reply::error(StatusCode::PAYLOAD_TOO_LARGE, what)
    };
    let body = request.into_body();
    let stated = hyper::body::Body::size_hint(&body).lower();
    if stated > limits.body_bytes as u64 {
        return Err(too_long());
    }
    let whole = Limited::new(body, limits.body_bytes).collect();
    match timeout(limits.body, whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(error)) => Err(Reply::bad(format!("the body ended early: {error}"))),
        Err(_) => {
            let what = format!("the body took longer than {} s", limits.body.as_secs());
            Err(Reply::error(StatusCode::REQUEST_TIMEOUT, what))
        }
    }
}
