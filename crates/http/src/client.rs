use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, StatusCode,
    body::Incoming,
    header::{AGE, CONNECTION, DATE, HOST, HeaderMap, HeaderValue, LOCATION, UPGRADE, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::{
    ClientConfig, Error, Request, Response, Timing,
    connect::{Connection, Wire, connect},
    pool::{Place, Pool, Server},
    response::Body,
};

/// A connection that has changed to another protocol.
pub type Upgraded = TokioIo<hyper::upgrade::Upgraded>;

/// An HTTP client. Clones share their connections, which end with the last of them.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: ClientConfig,
    tls: Option<Arc<rustls::ClientConfig>>,
    pool: Arc<Pool>,
    total: Arc<Wire>,
}

impl Client {
    /// A client without connections.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            inner: Arc::new(Inner {
                tls: config.trust.tls(&config.clock),
                pool: Arc::new(Pool::new(config.max_idle, config.idle_timeout)),
                total: Arc::default(),
                config,
            }),
        }
    }

    /// How it behaves.
    pub fn config(&self) -> &ClientConfig {
        &self.inner.config
    }

    /// Bytes that were received and sent over all connections, TLS and headers included.
    pub fn wire_bytes(&self) -> (u64, u64) {
        let total = &self.inner.total;
        (
            total.received.load(Ordering::Relaxed),
            total.sent.load(Ordering::Relaxed),
        )
    }

    /// Sends a request and waits for the head of the answer, whatever its status. Redirections of
    /// a `GET` or `HEAD` are followed.
    ///
    /// # Errors
    /// When no answer came: see [`Error`]. A refusal by the server is an answer:
    /// [`Response::ok`] makes an error of it.
    pub async fn send(&self, mut request: Request) -> Result<Response, Error> {
        let mut redirects = self.inner.config.max_redirects;
        loop {
            let response = self.send_once(&request).await?;
            let follows = matches!(request.method, Method::GET | Method::HEAD)
                && matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308);
            let location = response.headers.get(LOCATION);
            let Some(location) = location
                .and_then(|it| it.to_str().ok())
                .filter(|_| follows && redirects > 0)
            else {
                return Ok(response);
            };
            let next = request.target.follow(location)?;
            if request.target.secure && !next.secure {
                return Err(Error::Url {
                    url: location.to_owned(),
                    why: "a redirection must not lead from https to http",
                });
            }
            redirects -= 1;
            request.target = next;
        }
    }

    /// Sends a request over a connection of its own that is to change to another protocol, and yields
    /// the connection, which from then on is the caller's.
    ///
    /// # Errors
    /// [`Error::Status`] and [`Error::OddSuccess`] when the server does not change, and as
    /// [`Self::send`].
    pub async fn upgrade(&self, request: Request, protocol: &str) -> Result<Upgraded, Error> {
        let request = request
            .header(CONNECTION.as_str(), "upgrade")?
            .header(UPGRADE.as_str(), protocol)?;
        let (config, total) = (&self.inner.config, &self.inner.total);
        let host = &request.target.host;
        let broken = |error: hyper::Error| Error::from_hyper(host, 0, &error);
        let changed = async {
            let tls = self.inner.tls.as_ref();
            let mut connection = connect(config, tls, &request, total).await?;
            let message = self.message(&request);
            let answer = connection.sender.send_request(message).await;
            let answer = answer.map_err(broken)?;
            let (host, status) = (host.clone(), answer.status());
            match status {
                StatusCode::SWITCHING_PROTOCOLS => hyper::upgrade::on(answer).await.map_err(broken),
                _ if status.is_success() => Err(Error::OddSuccess { host, status }),
                _ => Err(Error::Status { host, status }),
            }
        };
        let waited = config.connect_timeout + config.response_timeout;
        let upgraded = timeout(waited, changed).await.unwrap_or_else(|_| {
            let host = host.clone();
            Err(Error::ResponseTimeout { host, waited })
        });
        upgraded.map(TokioIo::new)
    }

    async fn send_once(&self, request: &Request) -> Result<Response, Error> {
        let began = Instant::now();
        let server = Server::from(request);
        if let Some(connection) = self.inner.pool.take(&server) {
            match self.exchange(connection, request, began, None).await {
                Err(Lost {
                    unsent: true,
                    error,
                }) => {
                    tracing::debug!(target: "dolab_http", %error, "an idle connection was gone");
                }
                answer => return answer.map_err(|lost| lost.error),
            }
        }
        let (config, total) = (&self.inner.config, &self.inner.total);
        let connection = connect(config, self.inner.tls.as_ref(), request, total).await?;
        let connected = Some(began.elapsed());
        self.exchange(connection, request, began, connected)
            .await
            .map_err(|lost| lost.error)
    }

    /// Sends a request over a connection.
    async fn exchange(
        &self,
        mut connection: Connection,
        request: &Request,
        began: Instant,
        connected: Option<std::time::Duration>,
    ) -> Result<Response, Lost> {
        let host = &request.target.host;
        let reused = connected.is_none();
        let before = connection.wire.received.load(Ordering::Relaxed);
        let limit = self.inner.config.response_timeout;
        let lost = |error: &hyper::Error, sent: bool| Lost {
            unsent: reused && (!sent || request.is_repeatable()),
            error: Error::from_hyper(host, 0, error),
        };
        let sent = async {
            connection
                .sender
                .ready()
                .await
                .map_err(|error| lost(&error, false))?;
            connection
                .sender
                .try_send_request(self.message(request))
                .await
                .map_err(|mut error| {
                    let unsent = error.take_message().is_some();
                    lost(&error.into_error(), !unsent)
                })
        };
        let answer = timeout(limit, sent).await.unwrap_or_else(|_| {
            Err(Lost {
                unsent: false,
                error: Error::ResponseTimeout {
                    host: host.clone(),
                    waited: limit,
                },
            })
        })?;
        let timing = Timing {
            connected,
            first_byte: began.elapsed(),
        };
        Ok(self.response(connection, request, answer, timing, before))
    }

    fn message(&self, request: &Request) -> hyper::Request<Full<Bytes>> {
        let mut message = hyper::Request::new(Full::new(request.body.clone()));
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = request
            .target
            .path()
            .parse()
            .expect("it was parsed as a part of the whole");
        let headers = message.headers_mut();
        *headers = request.headers.clone();
        if let Ok(host) = HeaderValue::try_from(request.target.authority()) {
            headers.insert(HOST, host);
        }
        if !headers.contains_key(USER_AGENT)
            && let Ok(agent) = HeaderValue::try_from(&self.inner.config.user_agent)
        {
            headers.insert(USER_AGENT, agent);
        }
        message
    }

    /// Tells the clock how late it is at a server. What comes out of a cache was said before.
    fn hear(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        if let Some(date) = date.filter(|_| !headers.contains_key(AGE)) {
            self.inner.config.clock.heard(date);
        }
    }

    fn response(
        &self,
        connection: Connection,
        request: &Request,
        answer: hyper::Response<Incoming>,
        timing: Timing,
        before: u64,
    ) -> Response {
        let (head, incoming) = answer.into_parts();
        self.hear(&head.headers);
        let remote = connection.remote;
        let place = Place {
            pool: self.inner.pool.clone(),
            server: Server::from(request),
            connection,
        };
        Response {
            status: head.status,
            headers: head.headers,
            remote,
            timing,
            host: request.target.host.clone(),
            asked: request.range.clone(),
            body: Body::new(
                incoming,
                place,
                request.target.host.clone(),
                self.inner.config.stall_timeout,
                before,
            ),
        }
    }
}

/// Why a connection brought no answer.
struct Lost {
    /// Whether the request may be sent again over another.
    unsent: bool,
    error: Error,
}
