//! Bad input at every endpoint: the right status, and nothing is lost for the others.

use std::io::{Read, Write};

use crate::common::{Answer, LENGTH, Lab, connect, raw};

/// The service still answers, and has lost nothing.
fn sound(lab: &Lab) {
    assert_eq!(lab.curl(&[&(lab.https() + "/geo")]).status, 200);
    let head = lab.curl(&["--head", &lab.url()]);
    assert_eq!(head.header("content-length"), LENGTH.to_string());
}

#[test]
fn wrong_bodies_of_a_join() {
    let lab = Lab::new();
    let url = lab.https() + "/join/";
    let post = |body: &str| lab.curl(&["--data-binary", body, &url]);
    for (body, why) in [
        ("", "empty"),
        ("{", "not valid"),
        ("[]", "empty"),
        ("[1]", "no object"),
        ("null", "empty"),
        ("<html>", "not valid"),
        ("{\"ContentId\":\"x\"}", "`PeerId`"),
        ("{\"ContentId\":\"x\",\"PeerId\":\"short\"}", "`PeerId`"),
        ("{\"ContentId\":{},\"PeerId\":1}", "`ContentId`"),
        (
            "{\"ContentId\":\"x\",\"PeerId\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa00000000\",\"Scope\":\"17\"}",
            "`Scope`",
        ),
        (
            "{\"ContentId\":\"x\",\"PeerId\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa00000000\",\"Scope\":\"1\",\"SubnetMask\":\"no\"}",
            "`SubnetMask`",
        ),
    ] {
        let answer = post(body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        assert!(answer.text().contains(why), "{body}: {}", answer.text());
    }
    let huge = lab.dir.path().join("huge");
    std::fs::write(&huge, vec![b' '; 1 << 20]).unwrap();
    for chunked in [
        &["--http1.1", "-H", "Transfer-Encoding: chunked"][..],
        &["--http2"],
    ] {
        let data = format!("@{}", huge.display());
        let args = [chunked, &["--data-binary", &data, &url]].concat();
        assert_eq!(lab.curl(&args).status, 413, "{chunked:?}");
    }
    sound(&lab);
}

#[test]
fn wrong_methods_paths_and_ids() {
    let lab = Lab::new();
    let https = lab.https();
    for (method, path, status) in [
        ("GET", "/", 404),
        ("GET", "/nothing/here", 404),
        ("POST", "/geo", 405),
        ("DELETE", "/all", 405),
        ("GET", "/join/", 405),
        ("PUT", "/leave/", 405),
        ("GET", "/content/unknown/contentpolicy", 404),
        ("GET", "/content/DO-AAAA/contentpolicy", 404),
        ("GET", "/content/%ff%00/contentpolicy?altCatalogId=%ff", 404),
        ("GET", "/content//contentpolicy", 404),
        ("GET", "/filestreamingservice/files/none", 404),
        (
            "GET",
            "/filestreamingservice/files/../../../etc/passwd",
            404,
        ),
        ("GET", "/x?cacheHostOrigin=www.example.org", 403),
        ("GET", "/x?cacheHostOrigin=127.0.0.1:1", 403),
        (
            "GET",
            "/x?cacheHostOrigin=dl.delivery.mp.microsoft.com",
            404,
        ),
    ] {
        let args = ["--path-as-is", "--request", method, &(https.clone() + path)];
        let answer = lab.curl(&args);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    }
    let post = lab.curl(&["--request", "POST", &lab.url()]);
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"));
    let plain = lab.curl(&[&(lab.http() + "/geo")]);
    assert_eq!(plain.status, 404);
    assert!(plain.text().contains("TLS"), "{}", plain.text());
    sound(&lab);
}

#[test]
fn what_is_no_http() {
    let lab = Lab::new();
    let addr = lab.http_addr();
    for (request, status) in [
        (
            &b"GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n"[..],
            Some(400),
        ),
        (
            b"GET / HTTP/1.1\r\nHost: <x>\r\nConnection: close\r\n\r\n",
            Some(400),
        ),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Some(400)),
        (b"GET / HTTP/9.9\r\n\r\n", Some(400)),
        (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", Some(400)),
        (
            b"POST /join/ HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            Some(400),
        ),
        (b"\r\n\r\n\r\n\r\nhello\r\n\r\n", Some(400)),
    ] {
        let answer = raw(addr, request);
        let shown = String::from_utf8_lossy(request);
        if let Some(status) = status {
            assert!(!answer.is_empty(), "{shown:?}");
            assert_eq!(Answer::read(&answer).status, status, "{shown:?}");
        }
    }
    // HTTP/1.0 without a name is still answered, and closed.
    let path = lab.content.path();
    let answer = raw(addr, format!("HEAD {path} HTTP/1.0\r\n\r\n").as_bytes());
    assert_eq!(Answer::read(&answer).status, 200);
    sound(&lab);
}

#[test]
fn floods_of_headers() {
    let lab = Lab::new();
    let addr = lab.http_addr();
    let many: String = (0..10_000).map(|n| format!("X-{n}: 1\r\n")).collect();
    let long = format!("X: {}\r\n", "y".repeat(1 << 20));
    let path = format!("/{}", "z".repeat(1 << 20));
    for request in [
        format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{long}\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ] {
        let mut stream = connect(addr);
        // The other side closes before all of it is sent.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        if !answer.is_empty() {
            let status = Answer::read(&answer).status;
            assert!([431, 414, 400].contains(&status), "{status}");
        }
    }
    let value = "v".repeat(60_000);
    let args = [
        "--http2",
        "-H",
        &format!("X-Long: {value}"),
        &(lab.https() + "/geo"),
    ];
    let answer = lab.curl_output(&args);
    if answer.status.success() {
        assert_eq!(Answer::read(&answer.stdout).status, 431);
    }
    sound(&lab);
}

#[test]
fn slow_clients_lose_their_place_and_nobody_elses() {
    let lab = Lab::with(|config| {
        let second = std::time::Duration::from_secs(1);
        config.limits.headers = second;
        config.limits.body = second;
        config.limits.handshake = second;
        config.limits.connections_of_one = 20;
    });
    let mut slow: Vec<_> = (0..10).map(|_| connect(lab.http_addr())).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
    }
    let mut silent = connect(lab.https_addr());
    sound(&lab);
    // Each of them is let go by the other side.
    for stream in &mut slow {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest);
    assert!(rest.is_empty());
    sound(&lab);
    // A body that does not come is answered.
    let join = b"POST /join/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{";
    let answer = openssl(&lab, join);
    assert!(answer.contains("408"), "{answer}");
    sound(&lab);
}

/// What comes back over TLS for a request that is never finished.
fn openssl(lab: &Lab, request: &[u8]) -> String {
    use std::process::{Command, Stdio};

    let mut child = Command::new("openssl")
        .args(["s_client", "-quiet", "-no_ign_eof", "-connect"])
        .arg(lab.https_addr().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(request).unwrap();
    let mut said = [0; 512];
    let read = child.stdout.take().unwrap().read(&mut said).unwrap();
    drop(stdin);
    let _ = child.kill();
    let _ = child.wait();
    String::from_utf8_lossy(&said[..read]).into_owned()
}

#[test]
fn who_asks_and_never_reads_is_let_go() {
    let lab = Lab::with(|config| {
        config.limits.stalled = std::time::Duration::from_secs(1);
        config.contents.push(crate::common::synthetic(8, 64 << 20));
    });
    let contents = lab.cloud().contents();
    let large = contents.iter().find(|it| it.name == "synthetic-8").unwrap();
    let mut stream = connect(lab.http_addr());
    let get = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", large.path());
    stream.write_all(get.as_bytes()).unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(100);
    while !lab
        .cloud()
        .metrics()
        .contains("dolab_cloud_connections 0\n")
    {
        assert!(std::time::Instant::now() < deadline, "it keeps its place");
        std::thread::yield_now();
    }
    sound(&lab);
}

#[test]
fn a_crowd_of_connections_is_turned_away_and_passes() {
    let lab = Lab::with(|config| config.limits.connections_of_one = 8);
    let held: Vec<_> = (0..8).map(|_| connect(lab.http_addr())).collect();
    // Whether a held one was counted already shows by asking over it.
    for stream in &held {
        let mut stream = stream.try_clone().unwrap();
        let head = format!("HEAD {} HTTP/1.1\r\nHost: x\r\n\r\n", lab.content.path());
        stream.write_all(head.as_bytes()).unwrap();
        let mut one = [0; 12];
        stream.read_exact(&mut one).unwrap();
        assert_eq!(&one, b"HTTP/1.1 200");
    }
    let refused = raw(lab.http_addr(), b"");
    assert!(refused.is_empty());
    drop(held);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !lab.curl_output(&["--head", &lab.url()]).status.success() {
        assert!(
            std::time::Instant::now() < deadline,
            "the places stay taken"
        );
    }
}
