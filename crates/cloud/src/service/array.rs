//! The array: who joined which content, and who may meet whom.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use dolab_directory::JoinError;
use dolab_wire::cloud::{CONTENT_TYPE, Join, Leave};
use http_body_util::BodyExt;
use hyper::{Request, StatusCode, body::Incoming};
use tokio::time::timeout;

use super::{Asked, Reply};
use crate::{cloud::Shared, registrations::Unregistered};

/// Bytes of a body that is too long which are read and dropped.
const DISCARDED: usize = 4 << 20;

pub(super) async fn join(
    shared: &Arc<Shared>,
    asked: &Asked,
    request: Request<Incoming>,
) -> Result<Reply, Reply> {
    let body = body(shared, request).await?;
    let join = Join::parse(&body).map_err(Reply::bad)?;
    let registered = shared.registrations.join(asked.external, join).await;
    match registered {
        Ok(joined) => Ok(Reply::typed(CONTENT_TYPE, joined.to_json())),
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
    match timeout(limits.body, collect(request.into_body(), limits.body_bytes)).await {
        Ok(Ok(Some(whole))) => Ok(whole.freeze()),
        Ok(Ok(None)) => {
            let what = format!("the body is longer than {} bytes", limits.body_bytes);
            Err(Reply::error(StatusCode::PAYLOAD_TOO_LARGE, what))
        }
        Ok(Err(error)) => Err(Reply::bad(format!("the body ended early: {error}"))),
        Err(_) => {
            let what = format!("the body took longer than {} s", limits.body.as_secs());
            Err(Reply::error(StatusCode::REQUEST_TIMEOUT, what))
        }
    }
}

/// The body; `None` when it has more than `most` bytes. What is too much is still read for a while:
/// a caller whose sending fails does not read why.
async fn collect(mut body: Incoming, most: usize) -> Result<Option<BytesMut>, hyper::Error> {
    let (mut whole, mut len) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        len += data.len();
        if len <= most {
            whole.extend_from_slice(&data);
        } else if len > most + DISCARDED {
            break;
        }
    }
    Ok((len <= most).then_some(whole))
}
