//! Hosts on a switch, each a network namespace.

use std::{
    fs::File,
    future::Future,
    os::fd::AsFd,
    process::{self, Command, Output},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use dolab_discovery::{
    Announcement, Call, Candidate, Candidates, Discovery, DiscoveryConfig, DiscoveryError, Event,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

/// Fails a test that would wait forever. Nothing is measured with it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

static LABS: AtomicU32 = AtomicU32::new(0);

/// A switch and its hosts. Removed when dropped.
pub(crate) struct Lab {
    pub(crate) hosts: Vec<Host>,
    namespaces: Vec<String>,
}

/// A host: what its runtime and that one's threads do happens in its namespace.
pub(crate) struct Host {
    pub(crate) namespace: String,
    runtime: Runtime,
}

impl Lab {
    /// A lab with hosts 10.50.0.1 and fd00:50::1, and so on; `None` where that is not possible
    /// here, which it says, and which fails the test when `DOLAB_REQUIRE_NETNS` is 1.
    pub(crate) fn new(hosts: usize) -> Option<Self> {
        if !rustix::process::geteuid().is_root() || !works("ip", &["netns", "list"]) {
            return skip("network namespaces need root and iproute2");
        }
        let id = format!("{}-{}", process::id(), LABS.fetch_add(1, Ordering::Relaxed));
        let switch = format!("dl{id}s");
        let mut lab = Self {
            hosts: Vec::new(),
            namespaces: vec![switch.clone()],
        };
        ip(&format!("netns add {switch}"));
        ip(&format!(
            "-n {switch} link add br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0"
        ));
        ip(&format!("-n {switch} link set br0 up"));
        for n in 1..=hosts {
            let namespace = format!("dl{id}h{n}");
            lab.namespaces.push(namespace.clone());
            ip(&format!("netns add {namespace}"));
            // Duplicate address detection would keep IPv6 addresses from being used for a second.
            for conf in ["all", "default"] {
                let dad = format!("net.ipv6.conf.{conf}.accept_dad=0");
                run("ip", &["netns", "exec", &namespace, "sysctl", "-qw", &dad]);
            }
            ip(&format!("-n {namespace} link set lo up"));
            ip(&format!(
                "-n {namespace} link add eth0 type veth peer name h{n} netns {switch}"
            ));
            ip(&format!("-n {switch} link set h{n} master br0 up"));
            ip(&format!("-n {namespace} addr add 10.50.0.{n}/24 dev eth0"));
            ip(&format!(
                "-n {namespace} addr add fd00:50::{n}/64 dev eth0 nodad"
            ));
            ip(&format!("-n {namespace} link set eth0 up"));
            ip(&format!("-n {namespace} route add 224.0.0.0/4 dev eth0"));
            lab.hosts.push(Host::new(namespace));
        }
        Some(lab)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The threads in them keep namespaces alive.
        self.hosts.clear();
        for namespace in &self.namespaces {
            let _ = Command::new("ip")
                .args(["netns", "del", namespace])
                .output();
        }
    }
}

impl Host {
    fn new(namespace: String) -> Self {
        let file = File::open(format!("/run/netns/{namespace}")).expect("ip made it");
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .on_thread_start(move || {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("root may enter the namespace");
            })
            .build()
            .expect("a runtime can be built");
        Self { namespace, runtime }
    }

    /// Runs something in the namespace.
    pub(crate) fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        // Only the workers are in the namespace; this thread is not.
        let task = self.runtime.spawn(future);
        self.runtime.block_on(task).expect("it does not panic")
    }

    pub(crate) fn try_discover(
        &self,
        config: DiscoveryConfig,
    ) -> Result<Discovery, DiscoveryError> {
        self.run(async move { Discovery::start(config) })
    }

    /// Announces, and waits until that went out: a thing that the daemon does once it listens.
    pub(crate) fn announce(&self, discovery: &Discovery, announcement: Announcement) {
        discovery.announce(announcement).expect("it runs");
        let mut events = discovery.candidates();
        self.run(async move {
            wait_announced(&mut events).await;
        });
    }

    pub(crate) fn discover(&self, host: &str) -> Discovery {
        let config = DiscoveryConfig {
            host: host.into(),
            ..DiscoveryConfig::default()
        };
        self.try_discover(config)
            .expect("the namespace has its mdns port free")
    }
}

/// Waits for an event, and fails when it does not come.
pub(crate) async fn wait<T>(
    events: &mut Candidates,
    mut wanted: impl FnMut(&Event) -> Option<T>,
) -> T {
    let mut seen = Vec::new();
    let found = timeout(DEADLINE, async {
        while let Some(event) = events.next().await {
            if let Some(found) = wanted(&event) {
                return found;
            }
            seen.push(event);
        }
        panic!("discovery ended after {seen:#?}");
    });
    match found.await {
        Ok(found) => found,
        Err(_) => panic!("it did not come, but {seen:#?}"),
    }
}

/// Waits for a candidate that is found, or changes, so that it is as wanted.
pub(crate) async fn wait_for(
    events: &mut Candidates,
    wanted: impl Fn(&Candidate) -> bool,
) -> Candidate {
    wait(events, |event| {
        event.candidate().filter(|c| wanted(c)).cloned()
    })
    .await
}

/// Waits until a candidate is lost, and returns its name.
pub(crate) async fn wait_lost(events: &mut Candidates) -> String {
    wait(events, |event| {
        if let Event::Lost(candidate) = event {
            Some(candidate.name.clone())
        } else {
            None
        }
    })
    .await
}

/// Waits until this host is called.
pub(crate) async fn wait_called(events: &mut Candidates) -> Call {
    wait(events, |event| {
        if let Event::Called(call) = event {
            Some(call.clone())
        } else {
            None
        }
    })
    .await
}

/// Waits until our announcement went out, and returns the instance.
pub(crate) async fn wait_announced(events: &mut Candidates) -> String {
    wait(events, |event| {
        if let Event::Announced { instance } = event {
            Some(instance.clone())
        } else {
            None
        }
    })
    .await
}

/// Says that a test did not run, or fails where it has to.
pub(crate) fn skip<T>(why: &str) -> Option<T> {
    let required = std::env::var_os("DOLAB_REQUIRE_NETNS").is_some_and(|value| value == "1");
    assert!(!required, "DOLAB_REQUIRE_NETNS is set, but {why}");
    eprintln!("SKIPPED: {why}");
    None
}

pub(crate) fn works(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .output()
        .is_ok_and(|output| output.status.success())
}

pub(crate) fn run(program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    output
}

fn ip(args: &str) {
    run("ip", &args.split(' ').collect::<Vec<_>>());
}
