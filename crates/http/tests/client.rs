//! The client against servers that do what a test says, byte for byte.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what a test did not expect shall fail it"
)]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dolab_host::ClockSetting;
use dolab_http::{Client, ClientConfig, Error, Fault, Request, Response, StatusCode, Trust};
use dolab_wire::DoCode;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// What a server does with a request.
struct Answer {
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Keep,
    Close,
    Hang,
}

impl Answer {
    fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }
}

/// An answer with these lines of a head and this body, whose length is said.
fn answer(status: &str, lines: &[&str], body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for line in lines {
        head += &format!("{line}\r\n");
    }
    head += "\r\n";
    raw([head.as_bytes(), body].concat())
}

fn raw(bytes: impl Into<Vec<u8>>) -> Answer {
    Answer {
        bytes: bytes.into(),
        then: Then::Keep,
    }
}

/// A server on loopback.
struct Server {
    addr: SocketAddr,
    /// Connections that came.
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn new(script: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(None, script).await
    }

    async fn start(
        tls: Option<TlsAcceptor>,
        script: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counted, script) = (connections.clone(), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (tls, script) = (tls.clone(), script.clone());
                tokio::spawn(async move {
                    match tls {
                        None => converse(stream, &*script).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                converse(stream, &*script).await;
                            }
                        }
                    }
                });
            }
        });
        Self { addr, connections }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn get(&self, path: &str) -> Result<Response, Error> {
        client(|_| {}).send(Request::get(&self.url(path))?).await
    }

    /// Asks for the bytes 10 to 19 of something.
    async fn ten(&self, of: Option<u64>) -> Result<Response, Error> {
        let request = Request::get(&self.url("/it"))?.range(10..20);
        client(|_| {}).send(request).await?.ranged(of)
    }
}

/// Answers requests without a body until told to end.
async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &(dyn Fn(&str) -> Answer + Send + Sync),
) {
    let mut request = Vec::new();
    loop {
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte).await {
                Ok(1) => request.push(byte[0]),
                _ => return,
            }
        }
        let head = String::from_utf8(std::mem::take(&mut request)).unwrap();
        let body = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; body.map_or(0, |len| len.parse().unwrap())];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let answer = script(&(head + &String::from_utf8_lossy(&body)));
        if stream.write_all(&answer.bytes).await.is_err() {
            return;
        }
        match answer.then {
            Then::Keep => {}
            Then::Close => return drop(stream.shutdown().await),
            Then::Hang => std::future::pending().await,
        }
    }
}

fn client(change: impl FnOnce(&mut ClientConfig)) -> Client {
    let mut config = ClientConfig::default();
    change(&mut config);
    Client::new(config)
}

#[tokio::test]
async fn a_name_leads_where_it_is_told_and_connections_are_used_again() {
    let server = Server::new(|request| {
        assert!(request.contains("host: Geo.example:8080\r\n"), "{request}");
        assert!(request.contains("user-agent: dolab/"), "{request}");
        answer("200 OK", &["content-type: text/json"], r#"{"a":[1,2]}"#)
    })
    .await;
    let client = client(|config| {
        config.names = [(("geo.example".into(), 8080), server.addr)].into();
    });
    for turn in 0..3 {
        let request = Request::get("http://Geo.example:8080/geo?x=1").unwrap();
        let response = client.send(request).await.unwrap();
        assert_eq!(response.remote, server.addr);
        assert_eq!(response.timing.connected.is_none(), turn > 0);
        let json: serde_json::Value = response.json().await.unwrap();
        assert_eq!(json["a"][1], 2);
    }
    assert_eq!(server.connections(), 1);
    let (received, sent) = client.wire_bytes();
    assert!(received > 150 && sent > 150, "{received} {sent}");
}

#[tokio::test]
async fn what_is_posted_arrives() {
    let server = Server::new(|request| {
        assert!(request.starts_with("POST /join/ HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("content-type: application/json\r\n"));
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        answer("200 OK", &[], body)
    })
    .await;
    let request = Request::post_json(&server.url("/join/"), &["x"]).unwrap();
    let answer: Vec<String> = client(|_| {})
        .send(request)
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer, ["x"]);
}

#[tokio::test]
async fn a_connection_that_went_away_meanwhile_is_replaced() {
    let server = Server::new(|_| answer("200 OK", &[], "x").then(Then::Close)).await;
    let client = client(|_| {});
    for _ in 0..4 {
        let request = Request::get(&server.url("/")).unwrap();
        let response = client.send(request).await.unwrap();
        assert_eq!(response.body.collect(10).await.unwrap(), "x");
    }
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn a_body_that_nobody_reads_ends_its_connection() {
    let server = Server::new(|_| answer("200 OK", &[], vec![0; 1 << 20])).await;
    let client = client(|_| {});
    for _ in 0..2 {
        let request = Request::get(&server.url("/")).unwrap();
        drop(client.send(request).await.unwrap());
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_range_is_what_was_asked_for_or_an_error_with_its_code() {
    let right = Server::new(|request| {
        assert!(request.contains("range: bytes=10-19\r\n"), "{request}");
        answer(
            "206 Partial Content",
            &["content-range: bytes 10-19/100"],
            "0123456789",
        )
    })
    .await;
    let response = right.ten(Some(100)).await.unwrap();
    let body = response.body;
    assert_eq!(body.collect(10).await.unwrap(), "0123456789");
    let error = right.ten(Some(101)).await.unwrap_err();
    assert_eq!(error.do_code(), Some(DoCode::SIZE_MISMATCH), "{error}");
    let cases: [(&str, &[&str], &str, DoCode); 5] = [
        (
            "206 Partial Content",
            &["content-range: bytes 11-20/100"],
            "0123456789",
            DoCode::BAD_RANGE,
        ),
        ("206 Partial Content", &[], "0123456789", DoCode::BAD_RANGE),
        (
            "206 Partial Content",
            &["content-range: bytes 10-19/100"],
            "0123",
            DoCode::SIZE_MISMATCH,
        ),
        (
            "416 Range Not Satisfiable",
            &["content-range: bytes */5"],
            "",
            DoCode::BAD_RANGE,
        ),
        (
            "200 OK",
            &[],
            "the whole of it, which is longer",
            DoCode::NO_RANGE_SUPPORT,
        ),
    ];
    for (status, lines, body, code) in cases {
        let (status, body) = (status.to_owned(), body.to_owned());
        let lines: Vec<String> = lines.iter().map(|&line| line.into()).collect();
        let server = Server::new(move |_| {
            let lines: Vec<&str> = lines.iter().map(|line| &**line).collect();
            answer(&status, &lines, &body)
        })
        .await;
        let error = server.ten(None).await.unwrap_err();
        assert_eq!(error.do_code(), Some(code), "{error}");
        assert_eq!(error.fault(), Fault::Server);
    }
}

#[tokio::test]
async fn the_whole_will_do_where_the_whole_was_asked_for() {
    let server = Server::new(|_| answer("200 OK", &[], "0123456789")).await;
    let request = Request::get(&server.url("/")).unwrap().range(0..10);
    let response = client(|_| {}).send(request).await.unwrap();
    let response = response.ranged(Some(10)).unwrap();
    assert_eq!(response.body.collect(10).await.unwrap(), "0123456789");
}

#[tokio::test]
async fn what_is_no_success_says_so() {
    let server = Server::new(|request| {
        let status = request.split([' ', '/']).nth(2).unwrap();
        answer(&format!("{status} Whatever"), &[], "")
    })
    .await;
    for status in [203, 204, 206] {
        let error = server.get(&format!("/{status}")).await.unwrap().ok();
        let error = error.unwrap_err();
        assert_eq!(error.do_code(), Some(DoCode::ODD_SUCCESS), "{error}");
    }
    for status in [304, 403, 404, 500, 503] {
        let error = server.get(&format!("/{status}")).await.unwrap().ok();
        let Err(Error::Status { status: got, .. }) = error else {
            panic!("{error:?}");
        };
        assert_eq!(got.as_u16(), status);
    }
}

#[tokio::test]
async fn a_captive_portal_is_told_from_bad_json() {
    let page = ["content-type: text/html; charset=utf-8"];
    let server = Server::new(move |request| {
        if request.starts_with("GET /page") {
            answer("200 OK", &page, "<html>")
        } else {
            answer("200 OK", &["content-type: application/json"], "{]")
        }
    })
    .await;
    let json = async |path| {
        let response = server.get(path).await.unwrap();
        response.json::<serde_json::Value>().await.unwrap_err()
    };
    assert!(matches!(json("/page").await, Error::WebPage { .. }));
    assert!(matches!(json("/json").await, Error::Json { .. }));
}

#[tokio::test]
async fn who_says_nothing_or_stops_is_not_waited_for() {
    let server = Server::new(|request| {
        if request.starts_with("GET /silent") {
            return raw("").then(Then::Hang);
        }
        raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").then(Then::Hang)
    })
    .await;
    let client = client(|config| {
        config.response_timeout = Duration::from_millis(50);
        config.stall_timeout = Duration::from_millis(50);
    });
    let get = |path: &str| client.send(Request::get(&server.url(path)).unwrap());
    let error = get("/silent").await.unwrap_err();
    assert!(matches!(error, Error::ResponseTimeout { .. }), "{error}");
    // The server may be slow on a busy machine: then it is the answer that is late.
    if let Ok(response) = get("/stops").await {
        let error = response.body.collect(100).await.unwrap_err();
        assert!(matches!(error, Error::Stalled { got: 3, .. }), "{error}");
        assert_eq!(error.do_code(), Some(DoCode::NO_PROGRESS));
    }
}

#[tokio::test]
async fn what_breaks_off_is_never_taken_for_whole() {
    let server = Server::new(|request| {
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";
        let bytes = match request.split(' ').nth(1).unwrap() {
            "/cut" => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
            "/chunked" => chunked,
            "/none" => "",
            _ => "HTTP/1.1 200 OK\r\n\r\nabc",
        };
        raw(bytes).then(Then::Close)
    })
    .await;
    for path in ["/cut", "/chunked"] {
        let response = server.get(path).await.unwrap();
        let error = response.body.collect(100).await.unwrap_err();
        assert!(matches!(error, Error::Broken { got: 3, .. }), "{error}");
        assert_eq!(error.fault(), Fault::Network);
    }
    let error = server.get("/none").await.unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error}");
    // Without a length, the end of the connection is the end; one who knows better is told.
    for (expected, good) in [(3, true), (2, false), (4, false)] {
        let response = server.get("/old").await.unwrap().whole(expected).unwrap();
        let body = response.body.collect(100).await;
        match body {
            Ok(body) => assert!(good && body == "abc"),
            Err(error) => {
                assert!(!good);
                assert_eq!(error.do_code(), Some(DoCode::SIZE_MISMATCH), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_makes_this_side_hold_more_than_it_wants() {
    let server = Server::new(|request| {
        if request.starts_with("GET /headers") {
            return raw(format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(1 << 20))).then(Then::Hang);
        }
        if request.starts_with("GET /many") {
            let many = "x: y\r\n".repeat(5000);
            return raw(format!("HTTP/1.1 200 OK\r\n{many}\r\n")).then(Then::Hang);
        }
        if request.starts_with("GET /nonsense") {
            return raw("220 smtp.example ready\r\n").then(Then::Hang);
        }
        let chunk = format!("400\r\n{}\r\n", "z".repeat(0x400));
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        raw(head.to_owned() + &chunk.repeat(64)).then(Then::Hang)
    })
    .await;
    for path in ["/headers", "/many", "/nonsense"] {
        let error = server.get(path).await.unwrap_err();
        assert!(matches!(error, Error::NotHttp { .. }), "{path}: {error}");
    }
    let response = server.get("/body").await.unwrap();
    let error = response.body.collect(10_000).await.unwrap_err();
    assert!(
        matches!(error, Error::TooLong { most: 10_000, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn public_addresses_are_refused_whatever_leads_there() {
    let client = client(|config| {
        config.names = [(("near.example".into(), 80), "192.0.2.1:80".parse().unwrap())].into();
    });
    for url in [
        "http://near.example/",
        "http://192.0.2.1/",
        "http://[2001:db8::1]/",
    ] {
        let error = client.send(Request::get(url).unwrap()).await.unwrap_err();
        assert!(matches!(error, Error::Public { .. }), "{error}");
        assert_eq!(error.fault(), Fault::Caller);
    }
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let request = Request::get(&format!("http://{closed}/")).unwrap();
    let error = client(|_| {}).send(request).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
}

#[tokio::test]
async fn redirections_are_followed_a_few_times() {
    let server = Server::new(|request| match request.split(' ').nth(1).unwrap() {
        "/a/start" => answer("302 Found", &["location: next?x"], ""),
        "/a/next?x" => answer("307 Temporary Redirect", &["location: /end"], ""),
        "/end" => answer("200 OK", &[], "there"),
        _ => answer("301 Moved Permanently", &["location: /round"], ""),
    })
    .await;
    let response = server.get("/a/start").await.unwrap();
    assert_eq!(response.body.collect(10).await.unwrap(), "there");
    let response = server.get("/round").await.unwrap();
    assert_eq!(response.status, StatusCode::MOVED_PERMANENTLY);
}

/// An authority, and a server's TLS for a name, which holds from 2020 to 2049.
fn authority(name: &str) -> (Vec<u8>, TlsAcceptor) {
    let mut params = rcgen::CertificateParams::new(vec![name.into()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    params.is_ca = rcgen::IsCa::NoCa;
    let key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::default();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let ca_cert = ca.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let cert = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (
        ca_cert.pem().into_bytes(),
        TlsAcceptor::from(Arc::new(config)),
    )
}

#[tokio::test]
async fn a_certificate_holds_or_not_by_the_clock_that_was_handed_in() {
    let (pem, tls) = authority("kv.example");
    let server = Server::start(Some(tls), |_| answer("200 OK", &[], "secret")).await;
    for (clock, holds) in [
        ("+0s", true),
        ("2020-01-03", true),
        ("2049-12-29", true),
        ("2019-12-29", false),
        ("2050-01-02", false),
        ("-20years", false),
    ] {
        let client = client(|config| {
            config.names = [(("kv.example".to_owned(), 443), server.addr)].into();
            config.trust = Trust::authorities_from_pem(&pem).unwrap();
            config.clock = clock.parse::<ClockSetting>().unwrap().clock();
        });
        let request = Request::get("https://kv.example/").unwrap();
        match client.send(request).await {
            Ok(_) => assert!(holds, "{clock}"),
            Err(error) => {
                let of_the_date = matches!(error, Error::CertificateDate { .. });
                assert!(of_the_date && !holds, "{clock}: {error}");
                assert_eq!(error.do_code(), Some(DoCode::CERTIFICATE));
                assert_eq!(error.fault(), Fault::Caller);
            }
        }
    }
}

#[tokio::test]
async fn the_clock_is_told_of_the_dates_of_servers() {
    let server = Server::new(|request| {
        let date = "date: Tue, 01 Jan 2030 00:00:00 GMT";
        match request.split(' ').nth(1).unwrap() {
            "/cached" => answer("200 OK", &[date, "age: 5"], ""),
            "/nonsense" => answer("200 OK", &["date: yesterday"], ""),
            "/dated" => answer("404 Not Found", &[date], ""),
            _ => answer("200 OK", &[], ""),
        }
    })
    .await;
    let setting: ClockSetting = "2030-01-03".parse().unwrap();
    let client = client(|config| config.clock = setting.clock());
    let clock = client.config().clock.clone();
    let get = async |path: &str| {
        let url = format!("http://{}{path}", server.addr);
        client.send(Request::get(&url).unwrap()).await.unwrap()
    };
    for path in ["/none", "/cached", "/nonsense"] {
        get(path).await;
        assert_eq!(clock.off(), None, "{path}");
    }
    get("/dated").await;
    let hours = clock.off().unwrap().as_hours();
    // Two days, and what this machine's time zone is away from Greenwich.
    assert!((48 - 14..=48 + 14).contains(&hours), "{hours}");
}

#[tokio::test]
async fn only_named_authorities_are_believed() {
    let (pem, tls) = authority("kv.example");
    let (other, _) = authority("kv.example");
    let server = Server::start(Some(tls), |request| {
        if request.starts_with("GET /down") {
            return answer("302 Found", &["location: http://kv.example/"], "");
        }
        answer("200 OK", &[], "secret")
    })
    .await;
    let get = async |pem: Option<&[u8]>, host: &str, path: &str| {
        let client = client(|config| {
            config.names = [((host.to_owned(), 443), server.addr)].into();
            if let Some(pem) = pem {
                config.trust = Trust::authorities_from_pem(pem).unwrap();
            }
        });
        let request = Request::get(&format!("https://{host}{path}")).unwrap();
        client.send(request).await
    };
    let response = get(Some(&pem), "kv.example", "/").await.unwrap();
    assert_eq!(response.body.collect(10).await.unwrap(), "secret");
    for (pem, host) in [(&other, "kv.example"), (&pem, "cp.example")] {
        let error = get(Some(pem), host, "/").await.unwrap_err();
        assert_eq!(error.do_code(), Some(DoCode::CERTIFICATE), "{error}");
    }
    let error = get(None, "kv.example", "/").await.unwrap_err();
    assert!(matches!(error, Error::NoAuthority { .. }), "{error}");
    let error = get(Some(&pem), "kv.example", "/down").await.unwrap_err();
    assert!(matches!(error, Error::Url { .. }), "{error}");
    assert!(Trust::authorities_from_pem(b"nothing").is_err());
}
