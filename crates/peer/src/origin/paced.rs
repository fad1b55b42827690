use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use dolab_http::{Body, Error, Request};
use tokio::time::{Instant, sleep_until};

use crate::{
    net::Gauge,
    throttle::{Flow, Throttle},
};

/// How fast answers over HTTP are read: as they come, or in the background by the same rule as what
/// peers send (see [`dolab_engine::ledbat`]), which all of a device's background transfers share.
#[derive(Clone, Debug, Default)]
pub struct Pacer {
    throttle: Option<Arc<Throttle>>,
}

/// The body of an answer, read as fast as its [`Pacer`] lets it.
#[derive(Debug)]
pub struct PacedBody {
    body: Body,
    flow: Option<Flow>,
    /// When what came is paid for.
    paid: Instant,
}

impl Pacer {
    pub(crate) fn new(throttle: Option<Arc<Throttle>>) -> Self {
        Self { throttle }
    }

    /// The request by which such an answer is to be asked for.
    #[must_use]
    pub fn request(&self, request: Request) -> Request {
        match self.throttle {
            Some(_) => request.background(),
            None => request,
        }
    }

    /// Paces the body of an answer of this server.
    pub fn body(&self, body: Body, server: SocketAddr) -> PacedBody {
        let gauge = || {
            body.socket()
                .map_or(Gauge::None, |it| Gauge::Socket(it.clone()))
        };
        let throttle = self.throttle.as_ref();
        PacedBody {
            flow: throttle.map(|throttle| throttle.answer(gauge(), server)),
            body,
            paid: Instant::now(),
        }
    }
}

impl PacedBody {
    /// The next bytes, when it is time for them; `None` at the end. May be called again when it was
    /// dropped while it waited.
    ///
    /// # Errors
    /// As [`Body::chunk`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(flow) = &self.flow else {
            return self.body.chunk().await;
        };
        sleep_until(self.paid).await;
        self.body.portion(flow.portion(usize::MAX));
        let chunk = self.body.chunk().await?;
        match &chunk {
            Some(bytes) => self.paid = Instant::now() + flow.take(bytes.len()),
            None => self.flow = None,
        }
        Ok(chunk)
    }

    /// As [`Body::size_error`].
    pub fn size_error(&self) -> Error {
        self.body.size_error()
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use dolab_http::{Client, ClientConfig};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const LEN: usize = 2 << 20;

    /// Answers two requests on one connection, and returns how many connections it took for them.
    async fn serve(listener: TcpListener) -> usize {
        let (mut accepted, mut answered) = (0, 0);
        while answered < 2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            accepted += 1;
            let mut request = Vec::new();
            while let Ok(1..) = stream.read_buf(&mut request).await {
                if request.ends_with(b"\r\n\r\n") {
                    request.clear();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LEN}\r\n\r\n");
                    stream.write_all(head.as_bytes()).await.unwrap();
                    stream.write_all(&vec![7; LEN]).await.unwrap();
                    answered += 1;
                }
                if answered == 2 {
                    break;
                }
            }
        }
        accepted
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_answer_comes_in_the_portions_that_the_rule_allows() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(serve(listener));
        let client = Client::new(ClientConfig::default());
        let throttle = Throttle::new();
        let pacer = Pacer::new(Some(throttle.clone()));
        for answer in 1..=2 {
            let request = pacer.request(Request::get(&url).unwrap());
            let response = client.send(request).await.unwrap();
            let mut body = pacer.body(response.body, response.remote);
            let allowed = |body: &PacedBody| {
                let flow = body.flow.as_ref();
                flow.map_or(0, |flow| flow.portion(usize::MAX))
            };
            // What came with the head, and what was read while that was looked at.
            let mut got: usize = 0;
            for _ in 0..2 {
                got += body.chunk().await.unwrap().unwrap().len();
            }
            let mut before = allowed(&body);
            loop {
                let now = allowed(&body);
                let Some(chunk) = body.chunk().await.unwrap() else {
                    break;
                };
                got += chunk.len();
                // The next chunk is read while one is looked at, by what was allowed then.
                let most = before.max(now);
                assert!(chunk.len() <= most, "{} of {most}", chunk.len());
                before = now;
                let view = throttle.view().unwrap();
                assert_eq!(
                    (view.connections, view.received),
                    (1, ((answer - 1) * LEN + got) as u64)
                );
            }
            assert_eq!(got, LEN);
            assert_eq!(throttle.view(), None, "nothing is under way any more");
        }
        assert_eq!(server.await.unwrap(), 1, "the connection is used again");
        let base = throttle.base();
        assert!(
            base.is_some(),
            "the round trip was measured, and is remembered"
        );
    }
}
