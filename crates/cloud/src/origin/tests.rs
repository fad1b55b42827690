use std::{sync::Arc, time::SystemTime};

use dolab_content::{Source as _, Synthetic};
use http_body_util::BodyExt;
use hyper::header::HeaderName;

use super::*;

const LENGTH: u64 = 700_000;

fn resource() -> Resource {
    Resource {
        feed: Feed::Content(Arc::new(Synthetic::new(1, LENGTH))),
        length: LENGTH,
        content_type: "application/octet-stream".into(),
        validators: Validators {
            tag: "\"tag\"".into(),
            modified: SystemTime::UNIX_EPOCH,
        },
    }
}

fn bytes(range: Range<u64>) -> Vec<u8> {
    let mut buf = vec![0; (range.end - range.start) as usize];
    Synthetic::new(1, LENGTH)
        .read_at(range.start, &mut buf)
        .unwrap();
    buf
}

async fn ask(
    method: Method,
    headers: &[(HeaderName, &str)],
    flaws: Flaws,
) -> (Response<()>, Bytes) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    let patience = Duration::from_secs(60);
    let (head, body) = serve(&resource(), &method, &map, flaws, patience).into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (Response::from_parts(head, ()), body)
}

async fn get(range: &str) -> (Response<()>, Bytes) {
    ask(Method::GET, &[(RANGE, range)], Flaws::default()).await
}

fn header(response: &Response<()>, name: HeaderName) -> &str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_whole_and_its_head_say_the_same() {
    let (get, body) = ask(Method::GET, &[], Flaws::default()).await;
    let (head, none) = ask(Method::HEAD, &[], Flaws::default()).await;
    assert_eq!(get.status(), 200);
    assert_eq!(get.headers(), head.headers());
    assert_eq!(header(&get, CONTENT_LENGTH), LENGTH.to_string());
    assert_eq!(header(&get, ACCEPT_RANGES), "bytes");
    assert_eq!(header(&get, LAST_MODIFIED), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(body, bytes(0..LENGTH));
    assert!(none.is_empty());
}

#[tokio::test]
async fn one_range() {
    let (response, body) = get("bytes=100000-599999").await;
    assert_eq!(response.status(), 206);
    assert_eq!(
        header(&response, CONTENT_RANGE),
        "bytes 100000-599999/700000"
    );
    assert_eq!(header(&response, CONTENT_LENGTH), "500000");
    assert_eq!(body, bytes(100_000..600_000));
}

#[tokio::test]
async fn several_ranges_come_in_parts_of_the_stated_length() {
    let (response, body) = get("bytes=0-1,-2,300000-600000").await;
    assert_eq!(response.status(), 206);
    assert_eq!(
        header(&response, CONTENT_TYPE),
        format!("multipart/byteranges; boundary={BOUNDARY}")
    );
    assert_eq!(header(&response, CONTENT_LENGTH), body.len().to_string());
    let mut expected = Vec::new();
    for (range, name) in [
        (0..2, "0-1"),
        (699_998..LENGTH, "699998-699999"),
        (300_000..600_001, "300000-600000"),
    ] {
        expected.extend(
            format!(
                "\r\n--{BOUNDARY}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {name}/700000\r\n\r\n"
            )
            .bytes(),
        );
        expected.extend(bytes(range));
    }
    expected.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    assert!(body == expected);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_no_range() {
    let (response, body) = get("bytes=700000-").await;
    assert_eq!(response.status(), 416);
    assert_eq!(header(&response, CONTENT_RANGE), "bytes */700000");
    assert!(body.is_empty());
    let (response, body) = get("bytes=9-3").await;
    assert_eq!((response.status().as_u16(), body.len()), (200, 700_000));
    let twice = [(RANGE, "bytes=0-1"), (RANGE, "bytes=2-3")];
    let (response, _) = ask(Method::GET, &twice, Flaws::default()).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn more_ranges_than_may_be_get_the_whole() {
    let ranges = |count: usize| {
        let ranges: Vec<_> = (0..count)
            .map(|n| format!("{}-{}", n * 10, n * 10))
            .collect();
        format!("bytes={}", ranges.join(","))
    };
    let (response, _) = get(&ranges(range::AT_MOST)).await;
    assert_eq!(response.status(), 206);
    let (response, body) = get(&ranges(range::AT_MOST + 1)).await;
    assert_eq!((response.status().as_u16(), body.len()), (200, 700_000));
}

#[tokio::test]
async fn conditions_come_before_ranges() {
    use hyper::header::{IF_NONE_MATCH, IF_RANGE};

    let same = [(RANGE, "bytes=0-1"), (IF_NONE_MATCH, "\"tag\"")];
    let (response, body) = ask(Method::GET, &same, Flaws::default()).await;
    assert_eq!((response.status().as_u16(), body.len()), (304, 0));
    assert_eq!(header(&response, ETAG), "\"tag\"");
    for (tag, status) in [("\"tag\"", 206), ("\"other\"", 200)] {
        let headers = [(RANGE, "bytes=0-1"), (IF_RANGE, tag)];
        let (response, _) = ask(Method::GET, &headers, Flaws::default()).await;
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn other_methods_are_not_for_contents() {
    let (response, _) = ask(Method::POST, &[], Flaws::default()).await;
    assert_eq!(response.status(), 405);
    assert_eq!(header(&response, ALLOW), "GET, HEAD");
}

#[tokio::test]
async fn flaws_show_where_they_should() {
    let flaws = Flaws {
        no_ranges: true,
        oversize: 0,
    };
    let (response, body) = ask(Method::GET, &[(RANGE, "bytes=0-1")], flaws).await;
    assert_eq!((response.status().as_u16(), body.len()), (200, 700_000));
    assert_eq!(header(&response, ACCEPT_RANGES), "none");
    let flaws = Flaws {
        no_ranges: false,
        oversize: 1,
    };
    let (response, _) = ask(Method::GET, &[(RANGE, "bytes=0-1")], flaws).await;
    assert_eq!(header(&response, CONTENT_RANGE), "bytes 0-1/700001");
}
