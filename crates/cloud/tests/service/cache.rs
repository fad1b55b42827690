//! The Connected Cache before origins of its own and of others.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::common::{LENGTH, Lab, bytes};

const OWN: &str = "?cacheHostOrigin=dl.delivery.mp.microsoft.com";

#[test]
fn ranges_come_from_the_cache_while_it_fills() {
    let lab = Lab::new();
    let url = lab.url() + OWN;
    for range in ["3000000-3000009", "0-0", "-7", "1048570-2097160"] {
        let cached = lab.curl(&["--range", range, &url]);
        let direct = lab.curl(&["--range", range, &lab.url()]);
        assert_eq!(cached.status, 206, "{}", cached.text());
        assert_eq!(
            cached.header("content-range"),
            direct.header("content-range")
        );
        assert_eq!(cached.header("etag"), direct.header("etag"));
        assert!(cached.body == direct.body, "{range}");
    }
    let whole = lab.curl(&[&url]);
    assert_eq!(whole.header("x-cache"), "HIT");
    assert!(whole.body == bytes(0, LENGTH));
    let beyond = lab.curl(&["--range", "99999999999-", &url]);
    assert_eq!(beyond.status, 416);
    let tag = format!("If-None-Match: {}", whole.header("etag"));
    assert_eq!(lab.curl(&["-H", &tag, &url]).status, 304);
}

#[test]
fn what_is_cached_needs_no_origin_and_a_small_cache_forgets() {
    let lab = Lab::with(|config| config.cache.bytes = 2 << 20);
    let url = lab.url() + OWN;
    assert!(lab.curl(&[&url]).body == bytes(0, LENGTH));
    // The last slices are kept, the first are not.
    lab.fault("host=dl.delivery.mp.microsoft.com,status=500");
    assert!(lab.curl(&["--range", "-100", &url]).body == bytes(LENGTH - 100, LENGTH));
    let first = lab.curl_output(&["--range", "0-9", &url]);
    assert!(!first.status.success());
    lab.cloud().faults().clear();
    assert!(lab.curl(&["--range", "0-9", &url]).body == bytes(0, 10));
}

#[test]
fn an_origins_refusal_is_passed_on() {
    let lab = Lab::new();
    let url = lab.url() + OWN;
    for (status, seen) in [(404, 404), (403, 403), (503, 503), (500, 502), (302, 502)] {
        lab.fault(&format!("host=dl.*,status={status},times=1"));
        let answer = lab.curl(&[&url]);
        assert_eq!(answer.status, seen, "{}", answer.text());
    }
    assert_eq!(lab.curl(&["--head", &url]).status, 200);
}

#[test]
fn an_origin_without_ranges_is_passed_through() {
    let lab = Lab::new();
    lab.fault("host=dl.*,no-ranges");
    let answer = lab.curl(&["--range", "5-9", &(lab.url() + OWN)]);
    assert_eq!((answer.status, answer.header("x-cache")), (200, "BYPASS"));
    assert!(answer.body == bytes(0, LENGTH));
}

/// An origin that counts its requests, and answers each only when `wanted` callers can have come.
fn counting_origin(length: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (addr, count) = (
        listener.local_addr().unwrap(),
        Arc::new(AtomicUsize::new(0)),
    );
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, counted) = (stream.unwrap(), Arc::clone(&counted));
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while stream.read(&mut byte).is_ok_and(|read| read == 1) {
                    head.push(byte[0]);
                    if !head.ends_with(b"\r\n\r\n") {
                        continue;
                    }
                    counted.fetch_add(1, Ordering::SeqCst);
                    head.clear();
                    let end = length - 1;
                    let answer = format!(
                        "HTTP/1.1 206 Partial Content\r\nContent-Length: {length}\r\n\
                         Content-Range: bytes 0-{end}/{length}\r\nETag: \"x\"\r\n\r\n"
                    );
                    let body = vec![b'x'; length];
                    if stream
                        .write_all(answer.as_bytes())
                        .and_then(|()| stream.write_all(&body))
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    (addr, count)
}

#[test]
fn who_asks_at_once_is_served_by_one_request() {
    let (addr, count) = counting_origin(900_000);
    let lab = Lab::with(|config| {
        config.cache.origins.insert("origin.example".into(), addr);
    });
    let url = lab.http() + "/file?cacheHostOrigin=origin.example";
    thread::scope(|scope| {
        let callers: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| lab.curl(&[&url]).body.len()))
            .collect();
        for caller in callers {
            assert_eq!(caller.join().unwrap(), 900_000);
        }
    });
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn an_origin_that_is_not_there() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let lab = Lab::with(|config| {
        config.cache.origins.insert("gone.example".into(), gone);
    });
    let answer = lab.curl(&[&(lab.http() + "/x?cacheHostOrigin=gone.example")]);
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("connect"), "{}", answer.text());
}
