//! The other side of a benchmark, as the side that runs it sees it.

use std::{net::SocketAddr, time::Duration};

use dolab_check::{Key, SessionError, Target, bench::BenchClient};
use dolab_wire::{
    preface::BENCH_NAME,
    session::{Digest, Refusal},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    error::BenchError,
    flow::State,
    proto::{About, Reply, Request, Spec, Totals},
    report::Host,
    server::WELCOME,
    window::Offer,
};

/// Time that an answer has. Preparing hashes 64 MiB, and a slow processor does 50 MiB a second.
const PATIENCE: Duration = Duration::from_secs(15);

/// Time that a connection has, from its first packet until it is taken.
const DIAL: Duration = Duration::from_secs(10);

/// A peer that serves benchmarks.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) addr: SocketAddr,
    pub(crate) about: About,
    client: BenchClient,
}

/// A flow that the peer has prepared.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) flow: u64,
    pub(crate) token: Digest,
    pub(crate) offer: Option<Offer>,
}

impl Remote {
    /// Opens a session with the first of its addresses that has one.
    pub(crate) async fn connect(target: &Target, key: Option<&Key>) -> Result<Self, BenchError> {
        let mut last = BenchError::Local(format!("{} has no address", target.name));
        for &addr in &target.addrs {
            match BenchClient::connect(addr, key).await {
                Ok(client) => return Self::meet(addr, client).await,
                Err(error) => last = BenchError::session(addr, error),
            }
        }
        Err(last)
    }

    async fn meet(addr: SocketAddr, client: BenchClient) -> Result<Self, BenchError> {
        let Reply::About { about } = ask(addr, &client, &Request::About).await? else {
            return Err(confused(addr, "what it is"));
        };
        Ok(Self {
            addr,
            about,
            client,
        })
    }

    /// What is written about it in a report.
    pub(crate) fn host(&self) -> Host {
        let hello = self.client.hello();
        Host {
            address: Some(self.addr.to_string()),
            host: hello.host.clone(),
            os: Some(hello.os.clone()),
            version: Some(hello.software.clone()),
            cores: self.about.cores,
            sha_instructions: self.about.sha_instructions,
        }
    }

    /// A round trip over the session, in milliseconds.
    pub(crate) async fn echo(&self) -> Option<f64> {
        let took = self.client.echo(PATIENCE).await.ok()?;
        Some(took.as_secs_f64() * 1e3)
    }

    pub(crate) async fn prepare(&self, spec: Spec) -> Result<Prepared, BenchError> {
        let spec = Box::new(spec);
        let reply = self.ask(&Request::Prepare { spec }).await?;
        let Reply::Prepared { flow, token, offer } = reply else {
            return Err(confused(self.addr, "that a flow is prepared"));
        };
        Ok(Prepared { flow, token, offer })
    }

    pub(crate) async fn start(&self, flow: u64) -> Result<(), BenchError> {
        self.ask(&Request::Start { flow }).await.map(drop)
    }

    pub(crate) async fn read(&self, flow: u64, from: usize) -> Result<State, BenchError> {
        let reply = self.ask(&Request::Read { flow, from }).await?;
        let Reply::State {
            slices,
            bytes,
            ended,
        } = reply
        else {
            return Err(confused(self.addr, "how a flow goes"));
        };
        Ok(State {
            began: None,
            slices,
            bytes,
            ended,
        })
    }

    pub(crate) async fn stop(&self, flow: u64) -> Result<(), BenchError> {
        self.ask(&Request::Stop { flow }).await.map(drop)
    }

    pub(crate) async fn finish(&self, flow: u64, from: usize) -> Result<Totals, BenchError> {
        let reply = self.ask(&Request::Finish { flow, from }).await?;
        let Reply::Finished { totals } = reply else {
            return Err(confused(self.addr, "how a flow ended"));
        };
        Ok(totals)
    }

    /// Opens a connection for a flow.
    pub(crate) async fn dial(&self, spec: &Spec, token: Digest) -> Result<TcpStream, BenchError> {
        let unreachable = |error| BenchError::Unreachable {
            addr: self.addr,
            error,
        };
        let mut stream = dolab_peer::connect(self.addr, DIAL, &spec.sockets())
            .await
            .map_err(unreachable)?;
        let mut first = vec![BENCH_NAME.len() as u8];
        first.extend_from_slice(BENCH_NAME);
        first.extend_from_slice(&token.0);
        let opening = async {
            stream.write_all(&first).await?;
            stream.read_u8().await
        };
        match timeout(DIAL, opening).await {
            Ok(Ok(WELCOME)) => Ok(stream),
            Ok(Ok(_)) => Err(BenchError::Confused {
                addr: self.addr,
                what: "a connection was not welcomed".into(),
            }),
            Ok(Err(error)) => Err(unreachable(error)),
            Err(_) => Err(unreachable(std::io::ErrorKind::TimedOut.into())),
        }
    }

    pub(crate) async fn bye(self) {
        self.client.bye().await;
    }

    async fn ask(&self, request: &Request) -> Result<Reply, BenchError> {
        ask(self.addr, &self.client, request).await
    }
}

async fn ask(
    addr: SocketAddr,
    client: &BenchClient,
    request: &Request,
) -> Result<Reply, BenchError> {
    let unreadable = |error: serde_json::Error| BenchError::Confused {
        addr,
        what: error.to_string(),
    };
    let body = serde_json::to_value(request).map_err(unreadable)?;
    let reply = match client.ask(body, PATIENCE).await {
        Ok(reply) => reply,
        Err(SessionError::Declined(why)) => return Err(BenchError::Declined { addr, why }),
        // The address was reached: this is no matter of connecting any more.
        Err(error) => return Err(BenchError::Session { addr, error }),
    };
    let reply = serde_json::from_value(reply).map_err(unreadable)?;
    if matches!(reply, Reply::Unknown) {
        let why = Refusal::Unsupported;
        return Err(BenchError::Declined { addr, why });
    }
    Ok(reply)
}

fn confused(addr: SocketAddr, asked: &str) -> BenchError {
    BenchError::Confused {
        addr,
        what: format!("it was asked {asked}"),
    }
}
