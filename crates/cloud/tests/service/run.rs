//! What an operator has of it: metrics, the access log, whose address counts, and a stop in order.

use std::{
    fs,
    io::{Read, Write},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    common::{LENGTH, Lab, connect, raw},
    curl::join,
};

/// A sample of the metrics, by the beginning of its line.
fn sample(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("{name} is missing in\n{metrics}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn curl_reads_metrics_that_count_what_was_asked() {
    let lab = Lab::with(|config| config.ports.metrics = Some(0));
    let url = format!(
        "http://127.0.0.1:{}/metrics",
        lab.cloud().ports().metrics.unwrap()
    );
    let read = || {
        let answer = lab.curl(&[&url]);
        assert_eq!(answer.status, 200);
        let kind = answer.header("content-type").to_owned();
        assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
        answer.text()
    };
    let before = read();
    assert!(before.trim_end().ends_with("# EOF"), "{before}");
    lab.curl(&["--range", "0-99", &lab.url()]);
    lab.curl(&[&(lab.https() + "/geo")]);
    lab.curl(&[&(lab.https() + "/no-such-thing")]);
    let joined = lab.curl(&["--data", &join("c", 'a', "0"), &(lab.https() + "/join/")]);
    assert_eq!(joined.status, 200, "{}", joined.text());
    // An answer counts once the last of it was handed over, which its reader may see first.
    let counted = |metrics: &str, status: &str| {
        let requests = |line: &&str| line.starts_with("dolab_cloud_requests");
        let status = format!("\"{status}\"");
        metrics
            .lines()
            .filter(requests)
            .any(|it| it.contains(&status))
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let after = loop {
        let after = read();
        let statuses = ["206", "200", "404"];
        if statuses.iter().all(|status| counted(&after, status)) {
            break after;
        }
        assert!(Instant::now() < deadline, "{after}");
    };
    assert_eq!(sample(&after, "dolab_cloud_registrations"), 1.0, "{after}");
    // The metrics are on their own port, and not among the contents.
    let elsewhere = lab.curl(&[&(lab.http() + "/metrics")]);
    assert_eq!(elsewhere.status, 404);
}

#[test]
fn every_request_is_a_line_of_the_access_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.jsonl");
    let earlier = "{\"earlier\":true}\n";
    fs::write(&path, earlier).unwrap();
    let to = path.clone();
    let lab = Lab::with(|config| config.access_log = Some(to));
    // The one character that HTTP lets through to begin a terminal's command.
    let steering = "\u{9b}31mtest";
    let range = ["--range", "0-99", "--user-agent", steering];
    lab.curl(&[&range[..], &[&lab.url()]].concat());
    lab.curl(&["--http2", &(lab.https() + "/geo?callId=7")]);
    let long = format!("{}/no-such-{steering}-{}", lab.https(), "g".repeat(4000));
    lab.curl(&[&long]);
    let nameless = "GET /geo HTTP/1.1\r\nHost: <x>\r\nConnection: close\r\n\r\n";
    raw(lab.http_addr(), nameless.as_bytes());
    // The stop waits until the disk has it.
    drop(lab);
    let text = fs::read_to_string(&path).unwrap();
    let rest = text.strip_prefix(earlier).expect("what was there stays");
    assert!(!rest.contains('\u{9b}'), "a terminal is steered: {rest}");
    let lines: Vec<Value> = rest
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4, "{rest}");
    let by_status = |status: u16| {
        let line = lines.iter().find(|line| line["status"] == status);
        line.unwrap_or_else(|| panic!("{status} is missing in\n{rest}"))
    };
    let [range, geo, missing, nameless] = [206, 200, 404, 400].map(by_status);
    assert_eq!(range["bytes"], 100);
    assert_eq!(
        (&range["tls"], &range["whole"]),
        (&false.into(), &true.into())
    );
    assert_eq!(geo["target"], "/geo?callId=7");
    assert_eq!(
        (&geo["tls"], &geo["version"]),
        (&true.into(), &"HTTP/2.0".into())
    );
    assert_eq!(range["agent"], "\\u{9b}31mtest");
    assert_eq!(missing["target"].as_str().unwrap().chars().count(), 2049);
    assert_eq!(nameless["host"], "127.0.0.1");
    for line in &lines {
        assert_eq!(line["external"], "127.0.0.1");
        humantime::parse_rfc3339(line["time"].as_str().unwrap()).unwrap();
    }
}

#[test]
fn a_forwarded_address_counts_only_where_it_is_trusted() {
    let forwarded = ["--header", "X-Forwarded-For: 198.51.100.7, 10.0.0.1"];
    for (trust, expected) in [(false, "127.0.0.1"), (true, "198.51.100.7")] {
        let lab = Lab::with(|config| config.trust_forwarded = trust);
        let geo = lab.https() + "/geo";
        let seen = lab.curl(&[&forwarded[..], &[&geo]].concat()).json();
        assert_eq!(seen["ExternalIpAddress"], expected, "trust: {trust}");
        // Who is seen elsewhere than before has to ask geo again: its version tells.
        let version = lab.https() + "/geoversion";
        let elsewhere = lab.curl(&[&forwarded[..], &[&version]].concat()).json();
        assert_eq!(elsewhere["Version"], seen["Version"]);
        let here = lab.curl(&[&version]).json();
        assert_eq!(here["Version"] == seen["Version"], !trust, "{here}");
        // What is no address is nobody's.
        let seen = lab
            .curl(&["--header", "X-Forwarded-For: nobody", &geo])
            .json();
        assert_eq!(seen["ExternalIpAddress"], "127.0.0.1");
    }
}

#[test]
fn a_stop_lets_answers_end_and_nobody_in() {
    let mut lab = Lab::with(|config| config.limits.drain = Duration::from_secs(100));
    lab.fault("path=/filestreamingservice/*,slow=2m");
    let (addr, url) = (lab.http_addr(), lab.url());
    let mut curl = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", &url])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answer = curl.stdout.take().unwrap();
    let mut first = [0; 1];
    answer.read_exact(&mut first).unwrap();
    // Somebody has to take the answer while the cloud stops.
    let taking = std::thread::spawn(move || {
        let mut rest = Vec::new();
        answer.read_to_end(&mut rest).map(|_| rest.len() as u64 + 1)
    });
    // One that waits with nothing asked is not waited for.
    let mut idle = connect(addr);
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    idle.read_exact(&mut first).unwrap();

    lab.stop();
    assert!(
        std::net::TcpStream::connect(addr).is_err(),
        "nobody comes in any more"
    );
    let taken = taking.join().unwrap().unwrap();
    assert_eq!(taken, LENGTH, "the answer under way ends");
    assert!(curl.wait().unwrap().success());
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest);
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let mut lab = Lab::with(|config| {
        config.limits.drain = Duration::from_millis(100);
    });
    lab.fault("path=/filestreamingservice/*,slow=1k");
    let mut stream = connect(lab.http_addr());
    let get = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", lab.content.path());
    stream.write_all(get.as_bytes()).unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).unwrap();
    lab.stop();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!((rest.len() as u64) < LENGTH, "it was cut");
}
