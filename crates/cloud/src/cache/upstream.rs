//! Asking an origin.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use dolab_http::{Client, ContentRange, Request, Response, StatusCode, header};

use super::object::Description;

/// Longest text of an origin's error that is passed on, in bytes.
const MOST_TEXT: usize = 64 << 10;

/// An object at its origin.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    client: Client,
    url: String,
}

/// Why an object, or a part of it, could not be had. Cloned to everybody who waited for it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum FillError {
    /// The origin refused or could not.
    #[error("the origin answered {status}")]
    Status {
        status: StatusCode,
        content_type: Option<String>,
        body: Bytes,
    },
    /// No answer, or none that makes sense.
    #[error("the origin: {0}")]
    Http(Arc<dolab_http::Error>),
    /// The object is not what it was, or a part came that was not asked for.
    #[error("the origin's object changed while it was fetched")]
    Changed,
}

impl From<dolab_http::Error> for FillError {
    fn from(error: dolab_http::Error) -> Self {
        Self::Http(Arc::new(error))
    }
}

impl FillError {
    /// What the caller is told.
    pub(crate) fn status(&self) -> StatusCode {
        use dolab_http::Error;

        match self {
            // What is the caller's own business, and what passes, is passed on.
            Self::Status { status, .. } if status.is_client_error() => *status,
            Self::Status { status, .. } if *status == StatusCode::SERVICE_UNAVAILABLE => *status,
            Self::Status { .. } | Self::Changed => StatusCode::BAD_GATEWAY,
            Self::Http(error) => {
                let silent = matches!(
                    **error,
                    Error::ConnectTimeout { .. }
                        | Error::ResponseTimeout { .. }
                        | Error::Stalled { .. }
                );
                match silent {
                    true => StatusCode::GATEWAY_TIMEOUT,
                    false => StatusCode::BAD_GATEWAY,
                }
            }
        }
    }
}

/// What an origin says to a request for a range.
pub(super) enum Part {
    /// These bytes of the object that it describes.
    Bytes(Description, Range<u64>, Bytes),
    /// It has no such range; it may say how long the object is.
    Beyond,
    /// It knows no ranges.
    NoRanges,
}

impl Upstream {
    pub(super) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Fetches a part of the object, as far as there is one.
    pub(super) async fn part(&self, range: Range<u64>) -> Result<Part, FillError> {
        let most = range.end - range.start;
        let response = self.client.send(self.get()?.range(range.clone())).await?;
        match response.status {
            StatusCode::PARTIAL_CONTENT => {}
            StatusCode::OK => return Ok(Part::NoRanges),
            StatusCode::RANGE_NOT_SATISFIABLE => return Ok(Part::Beyond),
            _ => return Err(refused(response).await),
        }
        let stated = response.header(&header::CONTENT_RANGE);
        let stated = stated.and_then(ContentRange::parse);
        let Some((bytes, length)) = stated.and_then(|it| it.bytes.zip(it.of)) else {
            return Err(FillError::Changed);
        };
        let description = Description::of(&response, length);
        let body = response.body.collect(most as usize).await?;
        let end = range.end.min(length);
        if bytes != (range.start..end) || body.len() as u64 != end - range.start {
            return Err(FillError::Changed);
        }
        Ok(Part::Bytes(description, bytes, body))
    }

    /// What the object is now; `None` when the origin says nothing of use.
    pub(super) async fn head(&self) -> Result<Option<Description>, FillError> {
        let response = self.client.send(Request::head(&self.url)?).await?;
        if response.status != StatusCode::OK {
            return Err(refused(response).await);
        }
        let length = response
            .header(&header::CONTENT_LENGTH)
            .and_then(|it| it.parse().ok());
        Ok(length.map(|length| Description::of(&response, length)))
    }

    /// The whole object, as it comes.
    pub(super) async fn whole(&self) -> Result<Response, FillError> {
        let response = self.client.send(self.get()?).await?;
        match response.status {
            StatusCode::OK => Ok(response),
            _ => Err(refused(response).await),
        }
    }

    fn get(&self) -> Result<Request, FillError> {
        Ok(Request::get(&self.url)?)
    }
}

async fn refused(response: Response) -> FillError {
    let status = response.status;
    let content_type = response.header(&header::CONTENT_TYPE).map(Into::into);
    // An error's text that can not be had is none.
    let body = response.body.collect(MOST_TEXT).await.unwrap_or_default();
    FillError::Status {
        status,
        content_type,
        body,
    }
}
