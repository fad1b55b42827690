//! A service that answers each path with what a test says, over TLS, and notes what it was asked.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use dolab_content::{Layout, PiecesHashFile};
use dolab_discovery::cloud::{CloudClient, CloudClientConfig, ContentName, Endpoints};
use dolab_http::{ClientConfig, Trust};
use dolab_wire::cloud::{ContentPolicy, GEO_HOST, GEO_VERSION_HOST};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

/// The names that the stand-in answers to, each on port 443 as the client sees it.
pub(crate) const HOSTS: [&str; 6] = [
    GEO_HOST,
    GEO_VERSION_HOST,
    "kv601.prod.do.dsp.mp.microsoft.com",
    "cp601.prod.do.dsp.mp.microsoft.com",
    "disc601.prod.do.dsp.mp.microsoft.com",
    "array601.prod.do.dsp.mp.microsoft.com",
];

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Method, host and path, without the query.
    pub(crate) what: String,
    pub(crate) query: String,
    pub(crate) body: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(value: &Value) -> Self {
        Self {
            status: 200,
            kind: "text/json",
            body: serde_json::to_vec(value).unwrap(),
        }
    }

    pub(crate) fn page() -> Self {
        Self {
            status: 200,
            kind: "text/html; charset=utf-8",
            body: b"<html><body>Please sign in</body></html>".to_vec(),
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        let body = json!({ "error": "as the test wants" });
        Self {
            status,
            ..Self::json(&body)
        }
    }
}

type Answers = Arc<Mutex<BTreeMap<String, Answer>>>;

pub(crate) struct StandIn {
    addr: SocketAddr,
    authority: Vec<u8>,
    answers: Answers,
    asked: mpsc::UnboundedReceiver<Asked>,
    pub(crate) hashes: PiecesHashFile,
}

impl StandIn {
    /// Starts with right answers to everything.
    pub(crate) async fn start() -> Self {
        let names: Vec<String> = HOSTS.map(str::to_owned).to_vec();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (sender, asked) = mpsc::unbounded_channel();
        let layout = Layout::new(2_000_000, 1 << 20).unwrap();
        let hashes = PiecesHashFile::from_hashes(layout, vec![[1; 32], [2; 32]]).unwrap();
        let answers: Answers = Arc::new(Mutex::new(right_answers(&hashes)));
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        tokio::spawn({
            let answers = answers.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (acceptor, sender) = (acceptor.clone(), sender.clone());
                    let answers = answers.clone();
                    tokio::spawn(async move {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            let _ = serve(stream, answers, sender).await;
                        }
                    });
                }
            }
        });
        Self {
            addr,
            authority: made.cert.der().to_vec(),
            answers,
            asked,
            hashes,
        }
    }

    /// Answers `what` (method, host, path) otherwise from now on.
    pub(crate) fn set(&self, what: &str, answer: Answer) {
        let known = self.answers.lock().unwrap().insert(what.into(), answer);
        assert!(known.is_some(), "{what} is never asked");
    }

    /// What a client needs to find it, and it alone.
    pub(crate) fn config(&self) -> CloudClientConfig {
        let names = HOSTS.map(|host| ((host.to_owned(), 443), self.addr));
        CloudClientConfig {
            http: ClientConfig {
                trust: Trust::authorities_from_der([self.authority.clone()]).unwrap(),
                names: names.into(),
                ..ClientConfig::default()
            },
            ..CloudClientConfig::default()
        }
    }

    pub(crate) fn client(&self) -> CloudClient {
        CloudClient::new(self.config())
    }

    pub(crate) fn content(&self) -> ContentName {
        ContentName::of(self.hashes.id())
    }

    pub(crate) async fn learned(&self) -> (CloudClient, Endpoints) {
        let client = self.client();
        let endpoints = client.learn().await.unwrap();
        (client, endpoints)
    }

    /// The next request that came.
    pub(crate) async fn next(&mut self) -> Asked {
        let limit = std::time::Duration::from_secs(30);
        let asked = tokio::time::timeout(limit, self.asked.recv()).await;
        asked.expect("a request within 30 s").unwrap()
    }

    /// The next request of this kind; others are passed over.
    pub(crate) async fn next_of(&mut self, what: &str) -> Asked {
        loop {
            let asked = self.next().await;
            if asked.what == what {
                return asked;
            }
        }
    }

    /// Every request so far.
    pub(crate) fn all(&mut self) -> Vec<Asked> {
        std::iter::from_fn(|| self.asked.try_recv().ok()).collect()
    }
}

pub(crate) const GEO: &str = "GET geo.prod.do.dsp.mp.microsoft.com /geo";
pub(crate) const GEO_VERSION: &str = "GET geover.prod.do.dsp.mp.microsoft.com /geoversion";
pub(crate) const KEY_VALUE: &str = "GET kv601.prod.do.dsp.mp.microsoft.com /all";
pub(crate) const POLICY: &str = "GET cp601.prod.do.dsp.mp.microsoft.com /content/*/contentpolicy";
pub(crate) const PHF: &str = "GET cp601.prod.do.dsp.mp.microsoft.com /files/a.phf";
pub(crate) const SECOND_PHF: &str = "GET cp601.prod.do.dsp.mp.microsoft.com /files/b.phf";
pub(crate) const DISCOVERY: &str = "GET disc601.prod.do.dsp.mp.microsoft.com /find/*";
pub(crate) const JOIN: &str = "POST array601.prod.do.dsp.mp.microsoft.com /array/7/join/";
pub(crate) const LEAVE: &str = "POST array601.prod.do.dsp.mp.microsoft.com /array/7/leave/";

pub(crate) fn key_value() -> Value {
    json!({
        "ContentPolicy_EndpointFullUri":
            "https://cp601.prod.do.dsp.mp.microsoft.com/content/{contentId}/contentpolicy",
        "Discovery_EndpointFullUri": "https://disc601.prod.do.dsp.mp.microsoft.com/find/{contentId}",
        "Client_RegisteredCallersFilterList": ["WU Client Download", ".*Job"],
        "More": "values"
    })
}

pub(crate) fn policy(hashes: &PiecesHashFile) -> Value {
    let policy = ContentPolicy {
        content_id: ContentPolicy::content_id_of(&hashes.id().0),
        hash_of_hashes: Some(hashes.id().0),
        pieces_hash_file_cdn_urls: vec![
            "https://cp601.prod.do.dsp.mp.microsoft.com/files/a.phf".into(),
        ],
        content_cdn_urls: Vec::new(),
        is_secure: false,
        is_internal: false,
        policies: Default::default(),
        rank: 0,
    };
    serde_json::to_value(policy).unwrap()
}

pub(crate) fn joined(interval: u64, peers: &[(u8, u16)]) -> Value {
    let peer = |&(id, port): &(u8, u16)| {
        json!({
            "PeerId": format!("{id:02x}").repeat(20),
            "Addresses": [format!("10.0.0.{id}:{port}")],
            "PeerType": 1
        })
    };
    let peers: Vec<Value> = peers.iter().map(peer).collect();
    json!({ "IntervalSecs": interval, "Peers": peers })
}

/// The version of the geo answer.
pub(crate) const VERSION: &str = "26A6D4D6994E8DA5";

/// A geo answer that tells where the client is seen.
pub(crate) fn geo(external: &str, version: &str) -> Value {
    json!({
        "ExternalIpAddress": external, "CountryCode": "DE", "CacheId": "7",
        "KeyValue_EndpointFullUri": "https://kv601.prod.do.dsp.mp.microsoft.com/all",
        "Version": version
    })
}

fn right_answers(hashes: &PiecesHashFile) -> BTreeMap<String, Answer> {
    let geo = geo("203.0.113.7", VERSION);
    let version = json!({ "Version": VERSION });
    let array = "https://array601.prod.do.dsp.mp.microsoft.com/array/7/";
    let phf = Answer {
        status: 200,
        kind: "application/octet-stream",
        body: hashes.to_json(),
    };
    [
        (GEO, Answer::json(&geo)),
        (GEO_VERSION, Answer::json(&version)),
        (KEY_VALUE, Answer::json(&key_value())),
        (POLICY, Answer::json(&policy(hashes))),
        (PHF, phf.clone()),
        (SECOND_PHF, phf),
        (
            DISCOVERY,
            Answer::json(&json!([{ "CollectiveArray": array }])),
        ),
        (JOIN, Answer::json(&joined(900, &[(1, 7680), (2, 7680)]))),
        (LEAVE, Answer::json(&json!({ "Left": true }))),
    ]
    .map(|(what, answer)| (what.to_owned(), answer))
    .into()
}

/// HTTP/1.1 as far as our client speaks it.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: Answers,
    sender: mpsc::UnboundedSender<Asked>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let original = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let header = |name: &str| {
            let mut lines = head.lines();
            let value = lines.find_map(|line| line.strip_prefix(&format!("{name}: ")));
            value.unwrap_or_default().trim().to_owned()
        };
        let length: usize = header("content-length").parse().unwrap_or(0);
        while bytes.len() < end + length {
            stream.read_buf(&mut bytes).await?;
        }
        let body = String::from_utf8_lossy(&bytes[end..end + length]).into_owned();
        bytes.drain(..end + length);

        let mut first = original.split_whitespace();
        let (method, target) = (first.next().unwrap(), first.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = match path.split('/').collect::<Vec<_>>()[..] {
            ["", "content", _, last] => format!("/content/*/{last}"),
            ["", "find", _] => "/find/*".into(),
            _ => path.to_owned(),
        };
        let host = header("host");
        let what = format!("{method} {} {path}", host.trim_end_matches(":443"));
        let answer = answers.lock().unwrap().get(&what).cloned();
        let Answer {
            status,
            kind,
            body: reply,
        } = answer.unwrap_or_else(|| Answer::status(400));
        let asked = Asked {
            what,
            query: query.into(),
            body,
        };
        let _ = sender.send(asked);
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            reply.len()
        );
        stream
            .write_all(&[head.as_bytes(), &reply].concat())
            .await?;
    }
}
