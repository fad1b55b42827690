//! Everything that goes wrong on purpose, as a device would see it.

use std::time::{Duration, Instant};

use dolab_content::{HashFileError, PiecesHashFile};

use crate::common::{LENGTH, Lab, bytes};

#[test]
fn statuses_pages_and_empty_documents() {
    let lab = Lab::new();
    let geo = || lab.curl(&[&(lab.https() + "/geo")]);
    lab.fault("path=/geo,status=503,times=1");
    assert_eq!([geo().status, geo().status], [503, 200]);
    lab.fault("path=/geo,status=203,times=1");
    let odd = geo();
    assert_eq!(odd.status, 203);
    assert_eq!(odd.json()["ExternalIpAddress"], "127.0.0.1");
    lab.fault("path=/geo,html,times=1");
    let page = geo();
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    lab.fault("path=/geo,empty-json,times=1");
    assert_eq!(geo().text(), "{}");
    lab.fault("path=/geo,drop,times=1");
    // 52: nothing came. 56: the connection was reset, which a drop can look like.
    let none = lab.curl_output(&["--http1.1", &(lab.https() + "/geo")]);
    assert!(
        [Some(52), Some(56)].contains(&none.status.code()),
        "{none:?}"
    );
    assert_eq!(geo().status, 200);
}

#[test]
fn a_delay_is_at_least_that_long() {
    let lab = Lab::new();
    lab.fault("path=/geo,delay=300ms");
    let began = Instant::now();
    assert_eq!(lab.curl(&[&(lab.https() + "/geo")]).status, 200);
    // Not how fast it is, but that it waited at all.
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[test]
fn ranges_sizes_and_bodies() {
    let lab = Lab::new();
    let part = || lab.curl(&["--range", "0-9", &lab.url()]);
    lab.fault("path=/filestreamingservice/*,no-ranges,times=1");
    assert_eq!((part().status, part().status), (200, 206));
    lab.fault("path=/filestreamingservice/*,wrong-size,times=1");
    assert_eq!(
        part().header("content-range"),
        format!("bytes 0-9/{}", LENGTH + 1)
    );
    lab.fault("path=/filestreamingservice/*,slow=200000,times=1");
    let began = Instant::now();
    let slow = lab.curl(&["--range", "0-99999", &lab.url()]);
    assert!(slow.body == bytes(0, 100_000));
    assert!(began.elapsed() >= Duration::from_millis(400));
    lab.fault("path=/filestreamingservice/*,cut=10,times=2");
    let cut = lab.curl_output(&[&lab.url()]);
    assert_eq!(cut.status.code(), Some(18), "{cut:?}");
    let cut = lab.curl_output(&["--http2", &(lab.https() + &lab.content.path())]);
    assert!(!cut.status.success(), "{cut:?}");
    assert_eq!(part().status, 206);
}

#[test]
fn wrong_piece_hashes_are_told_by_who_reads_them() {
    let lab = Lab::new();
    let id = lab.content.hashes.id();
    let path = lab.content.pieces_hash_path();
    let read = || {
        let answer = lab.curl(&[&(lab.http() + &path)]);
        PiecesHashFile::from_json_of(id, &answer.body)
    };
    read().unwrap();
    for (fault, told) in [
        ("wrong-piece-hash", "0x80D0681C"),
        ("wrong-hash-of-hashes", "0x80D0681B"),
        ("html", "0x80D06809"),
        ("empty-json", "0x80D06809"),
    ] {
        lab.fault(&format!("path={path},{fault},times=1"));
        let code = read().map_err(|error: HashFileError| error.do_code().to_string());
        assert_eq!(code.unwrap_err(), told, "{fault}");
        read().unwrap();
    }
    lab.fault("path=/content/*,wrong-hash-of-hashes");
    let policy = lab.curl(&[&format!("{}/content/{id}/contentpolicy", lab.https())]);
    assert_ne!(policy.json()["HashOfHashes"], serde_json::Value::Null);
    let hashes = lab.curl(&[&(lab.http() + &path)]).json();
    assert_ne!(policy.json()["HashOfHashes"], hashes["HashOfHashes"]);
}
