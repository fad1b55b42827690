use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};

use dolab_cloud::{Cloud, CloudConfig, CloudPorts, Content, ContentRules};
use dolab_content::{Layout, Source, Synthetic, hash_source};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Bytes of the content that every test's cloud has.
pub(crate) const LENGTH: u64 = (5 << 20) + 77;

/// A cloud on loopback, with its authority's certificate in a file.
pub(crate) struct Lab {
    runtime: Runtime,
    cloud: Option<Cloud>,
    pub(crate) dir: TempDir,
    pub(crate) content: Arc<Content>,
}

pub(crate) fn synthetic(seed: u64, length: u64) -> Content {
    let source = Synthetic::new(seed, length);
    let layout = Layout::new(length, 1 << 20).unwrap();
    let hashes = hash_source(&source, layout, 1, &|_| {}).unwrap();
    Content {
        name: format!("synthetic-{seed}"),
        source: Arc::new(source),
        hashes: Arc::new(hashes),
        modified: None,
        rules: ContentRules::default(),
    }
}

/// Bytes of the content.
pub(crate) fn bytes(from: u64, to: u64) -> Vec<u8> {
    let mut buf = vec![0; (to - from) as usize];
    Synthetic::new(7, LENGTH).read_at(from, &mut buf).unwrap();
    buf
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut CloudConfig)) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut config = CloudConfig {
            listen: vec![Ipv4Addr::LOCALHOST.into()],
            ports: CloudPorts::free(),
            contents: vec![synthetic(7, LENGTH)],
            ..CloudConfig::default()
        };
        change(&mut config);
        let cloud = runtime.block_on(Cloud::start(config)).unwrap();
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("ca.pem"), cloud.authority_pem()).unwrap();
        let content = cloud
            .contents()
            .into_iter()
            .find(|it| it.name == "synthetic-7");
        Self {
            runtime,
            content: content.unwrap(),
            cloud: Some(cloud),
            dir,
        }
    }

    pub(crate) fn cloud(&self) -> &Cloud {
        self.cloud.as_ref().unwrap()
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub(crate) fn https(&self) -> String {
        format!("https://127.0.0.1:{}", self.cloud().ports().https.unwrap())
    }

    pub(crate) fn http(&self) -> String {
        format!("http://{}", self.http_addr())
    }

    pub(crate) fn http_addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.cloud().ports().http.unwrap()).into()
    }

    pub(crate) fn https_addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.cloud().ports().https.unwrap()).into()
    }

    /// The content over plain HTTP.
    pub(crate) fn url(&self) -> String {
        self.http() + &self.content.path()
    }

    pub(crate) fn fault(&self, fault: &str) {
        self.cloud().faults().set(fault.parse().unwrap()).unwrap();
    }

    /// Runs curl, which trusts this cloud, and takes what it wrote apart.
    pub(crate) fn curl(&self, args: &[&str]) -> Answer {
        let output = self.curl_output(args);
        assert!(
            output.status.success(),
            "curl {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Answer::read(&output.stdout)
    }

    /// The same, whether it succeeds or not.
    pub(crate) fn curl_output(&self, args: &[&str]) -> Output {
        Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--max-time", "60"])
            .args(["--noproxy", "*", "--cacert"])
            .arg(self.dir.path().join("ca.pem"))
            .args(args)
            .output()
            .expect("curl is installed")
    }
}

impl Lab {
    /// Stops the cloud, in order.
    pub(crate) fn stop(&mut self) {
        if let Some(cloud) = self.cloud.take() {
            self.runtime.block_on(cloud.stop());
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An answer as curl prints it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) version: String,
    pub(crate) status: u16,
    head: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let mut first = lines.next().unwrap().split(' ');
        Self {
            version: first.next().unwrap().to_owned(),
            status: first.next().unwrap().parse().unwrap(),
            head: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.head.iter().find(|(it, _)| it == name);
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// Sends bytes as they are, and returns what comes until the other side closes.
pub(crate) fn raw(addr: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(addr);
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is an answer too.
    let _ = stream.read_to_end(&mut answer);
    answer
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    let patience = Some(Duration::from_secs(120));
    stream.set_read_timeout(patience).unwrap();
    stream
}
