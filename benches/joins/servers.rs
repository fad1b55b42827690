//! The two servers, each in a process of its own.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use dolab_cloud::{Cloud, CloudConfig, CloudPorts};
use dolab_tests::Process;

use crate::load::{CONTENTS, info_hash};

/// The word by which this program starts itself again.
pub(super) const INSIDE: &str = "cloud-inside";

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const STARTING: Duration = Duration::from_secs(10);

pub(super) struct OurCloud {
    _process: Process,
    pub(super) addr: SocketAddr,
    pub(super) authority: Vec<u8>,
}

impl OurCloud {
    pub(super) fn start(folder: &Path) -> Self {
        let me = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(me);
        command.arg(INSIDE).arg(folder);
        let process = Process::start(command);
        let line = process.error_line(|line| line.starts_with("ready "));
        let port = line.split_whitespace().nth(1);
        let port = port.and_then(|port| port.parse().ok());
        Self {
            _process: process,
            addr: SocketAddr::new(HERE, port.expect("it says its port")),
            authority: fs::read(folder.join("ca.pem")).expect("it wrote its authority"),
        }
    }
}

/// The inner process: a cloud until it is killed.
pub(super) fn inside(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let cloud = Cloud::start(CloudConfig {
            listen: vec![HERE],
            ports: CloudPorts {
                https: Some(0),
                ..CloudPorts::free()
            },
            ..CloudConfig::default()
        });
        let cloud = cloud.await.expect("a cloud on free ports");
        fs::write(folder.join("ca.pem"), cloud.authority_pem()).expect("a folder to write to");
        let port = cloud.ports().https.expect("the port was asked for");
        dolab_tests::note(&format!("ready {port}"));
        std::future::pending::<()>().await;
    });
}

pub(super) struct Tracker {
    _process: Process,
    pub(super) addr: SocketAddr,
}

impl Tracker {
    /// Starts opentracker, or says why it can not.
    pub(super) fn start(folder: &Path) -> Result<Self, String> {
        let free = TcpListener::bind((HERE, 0)).and_then(|socket| socket.local_addr());
        let addr = free.map_err(|error| error.to_string())?;
        // Debian's build serves what is on its list, and nothing else. It reads that as another
        // user, and with the folder as its root.
        let open = fs::set_permissions(folder, fs::Permissions::from_mode(0o755));
        open.map_err(|error| error.to_string())?;
        let list: String = (0..CONTENTS).map(|n| hex(&info_hash(n)) + "\n").collect();
        let config = format!(
            "listen.tcp {addr}\naccess.whitelist /list\ntracker.rootdir {}\n",
            folder.display()
        );
        for (name, text) in [("list", list), ("config", config)] {
            fs::write(folder.join(name), text).map_err(|error| error.to_string())?;
        }
        let mut command = Command::new("opentracker");
        command.arg("-f").arg(folder.join("config"));
        if Command::new("opentracker").arg("-h").output().is_err() {
            return Err("it is not installed (apt-get install opentracker)".into());
        }
        let process = Process::start(command);
        let began = Instant::now();
        while TcpStream::connect(addr).is_err() {
            if began.elapsed() > STARTING {
                return Err(format!("it does not listen on {addr}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self {
            _process: process,
            addr,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
