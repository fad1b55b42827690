//! nginx as a foreign origin behind the Connected Cache.

use std::{
    fs,
    io::ErrorKind,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use dolab_tests::{PATIENCE, Process, not_run};

use super::{Cloud, output};

/// Longer than three slices of the cache, and no multiple of one.
const LENGTH: usize = (3 << 20) + 4321;

/// nginx, serving a folder on loopback.
pub(crate) struct Nginx {
    process: Process,
    pub(crate) port: u16,
}

impl Nginx {
    /// `None`, and said so, where nginx is not installed.
    pub(crate) fn start(folder: &Path, more: &str) -> Option<Self> {
        let there = Command::new("nginx")
            .arg("-v")
            .stderr(Stdio::null())
            .status();
        if there.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            not_run("nginx is not installed");
            return None;
        }
        // Free a moment ago, which is as good as it gets: nginx takes no port 0.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let port = port.expect("a free port").port();
        let at = folder.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {at}/{name};\n"))
            .concat();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\n\
             http {{\naccess_log {at}/access.log;\n{temporary}\
             server {{ listen 127.0.0.1:{port}; root {at}/root; {more} }}\n}}\n"
        );
        let path = folder.join("nginx.conf");
        fs::write(&path, config).expect("a file can be written");
        let mut nginx = Command::new("nginx");
        nginx
            .arg("-e")
            .arg(folder.join("start.log"))
            .arg("-c")
            .arg(path);
        let process = Process::start(nginx);
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
        }
        Some(Self { process, port })
    }
}

/// The folder that nginx serves, with one file in it.
fn folder() -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"));
    let folder = folder.expect("a folder can be made");
    fs::create_dir(folder.path().join("root")).expect("a folder can be made");
    let bytes: Vec<u8> = (0..LENGTH).map(|n| (n * n % 253) as u8).collect();
    fs::write(folder.path().join("root/update.cab"), &bytes).expect("a file can be written");
    (folder, bytes)
}

fn ask(cloud: &Cloud, args: &[&str]) -> (String, Vec<u8>) {
    let url = cloud.http() + "/update.cab?cacheHostOrigin=update.example.org";
    let mut curl = cloud.curl();
    curl.arg("--include").args(args).arg(url);
    let answer = output(curl);
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n");
    let end = end.expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    (head, answer[end + 4..].to_vec())
}

#[test]
fn the_cache_fills_from_nginx_and_does_without_it() {
    let (folder, bytes) = folder();
    let Some(nginx) = Nginx::start(folder.path(), "") else {
        return;
    };
    let origin = format!("update.example.org=127.0.0.1:{}", nginx.port);
    let cloud = Cloud::start(&["--cache-origin", &origin]);

    let (head, part) = ask(&cloud, &["--range", "1048570-2097170"]);
    assert!(
        head.contains(&format!("content-range: bytes 1048570-2097170/{LENGTH}")),
        "{head}"
    );
    assert!(head.contains("x-cache: miss"), "{head}");
    assert!(part == bytes[1_048_570..=2_097_170]);
    let (_, whole) = ask(&cloud, &[]);
    assert!(whole == bytes);

    // nginx was asked for each slice once.
    let log = fs::read_to_string(folder.path().join("access.log")).expect("nginx writes a log");
    assert_eq!(log.matches("\" 206 ").count(), 4, "{log}");

    let (head, _) = ask(&cloud, &["--head"]);
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: "));
    let tag = format!("If-None-Match: {}", tag.expect("a tag"));
    let (head, _) = ask(&cloud, &["--header", &tag]);
    assert!(head.starts_with("http/1.1 304"), "{head}");

    nginx.process.kill();
    let (head, again) = ask(&cloud, &[]);
    assert!(head.contains("x-cache: hit"), "{head}");
    assert!(again == bytes);
    let mut curl = cloud.curl();
    let other = cloud.http() + "/other?cacheHostOrigin=update.example.org";
    curl.args([
        "--write-out",
        "%{http_code}",
        "--output",
        "/dev/null",
        &other,
    ]);
    assert_eq!(output(curl), b"502");
}

#[test]
fn an_nginx_without_ranges_is_passed_through() {
    let (folder, bytes) = folder();
    let Some(nginx) = Nginx::start(folder.path(), "max_ranges 0;") else {
        return;
    };
    let origin = format!("update.example.org=127.0.0.1:{}", nginx.port);
    let cloud = Cloud::start(&["--cache-origin", &origin]);
    let (head, whole) = ask(&cloud, &["--range", "5-9"]);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("x-cache: bypass"), "{head}");
    assert!(whole == bytes);
}
