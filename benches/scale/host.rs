//! The peer that is looked at, in a process of its own.

use std::{fs, net::SocketAddr, process::Command, sync::Arc, thread, time::Duration};

use dolab_content::{Layout, Synthetic, hash_source};
use dolab_engine::Config;
use dolab_peer::{Peer, PeerConfig, Shared};
use dolab_tests::Process;
use dolab_wire::swarm::{PIECE_SIZE, SwarmHash};

/// The word by which this program starts itself again.
pub(super) const INSIDE: &str = "peer-inside";

/// More than any row needs.
const MOST_CONNECTIONS: usize = 4_096;

const SETTLING: Duration = Duration::from_millis(500);
const IDLING: Duration = Duration::from_secs(2);

/// Kernel ticks per second, in which processor time is told.
const TICKS: f64 = 100.0;

pub(super) struct Host {
    process: Process,
    pub(super) addr: SocketAddr,
    /// The content that was shared first.
    pub(super) swarm: SwarmHash,
}

impl Host {
    /// A peer that shares so many contents of one piece.
    pub(super) fn start(contents: usize) -> Self {
        let me = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(me);
        command.args([INSIDE, &contents.to_string()]);
        let process = Process::start(command);
        let line = process.line(|line| line.starts_with("ready "));
        let mut words = line.split_whitespace().skip(1);
        let addr = words.next().and_then(|word| word.parse().ok());
        let content: Option<dolab_content::ContentId> =
            words.next().and_then(|word| word.parse().ok());
        Self {
            process,
            addr: addr.expect("it says where it listens"),
            swarm: SwarmHash(content.map_or([0; 32], |content| content.0)),
        }
    }

    /// KiB, once everything that was started has come to rest.
    pub(super) fn resident_after_settling(&self) -> u64 {
        thread::sleep(SETTLING);
        self.status("VmRSS:")
    }

    /// The most that it ever had, in KiB.
    pub(super) fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Seconds of processor time until now.
    pub(super) fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()));
        let stat = stat.unwrap_or_default();
        // Behind the name, which may have blanks in it.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2);
        ticks
            .filter_map(|word| word.parse::<f64>().ok())
            .sum::<f64>()
            / TICKS
    }

    /// Milliseconds of processor time in each second in which nothing happens.
    pub(super) fn idle_cpu(&self) -> f64 {
        let before = self.cpu();
        thread::sleep(IDLING);
        (self.cpu() - before) * 1e3 / IDLING.as_secs_f64()
    }

    fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

/// What runs in the other process.
#[expect(clippy::print_stdout, reason = "this is what the caller reads")]
pub(super) fn inside(contents: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        let engine = Config {
            max_connections: MOST_CONNECTIONS,
            max_connections_per_address: MOST_CONNECTIONS,
            unchoked_per_content: MOST_CONNECTIONS,
            ..Config::default()
        };
        let config = PeerConfig {
            listen: vec![(std::net::Ipv4Addr::LOCALHOST, 0).into()],
            engine,
            ..PeerConfig::default()
        };
        let peer = Peer::start(config).await.expect("loopback has free ports");
        let mut first = None;
        for seed in 0..contents as u64 {
            let id = share(&peer, seed).await;
            first = first.or(Some(id));
        }
        let first = first.map_or_else(String::new, |id| id.to_string());
        println!("ready {} {first}", peer.local_addrs()[0]);
        std::future::pending::<()>().await;
    });
}

async fn share(peer: &Peer, seed: u64) -> dolab_content::ContentId {
    let length = u64::from(PIECE_SIZE);
    let layout = Layout::new(length, PIECE_SIZE).expect("the sizes are in range");
    let source = Synthetic::new(seed, length);
    let hashes = hash_source(&source, layout, 1, &|_| {}).expect("nothing can fail here");
    let shared = Shared {
        name: format!("content {seed}"),
        hashes: Arc::new(hashes),
        source: Arc::new(source),
    };
    peer.share(shared).await.expect("it is not there yet")
}
