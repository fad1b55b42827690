//! Two hosts and what lies between them, made of network namespaces.

use std::{
    fs,
    io::Write as _,
    net::IpAddr,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{PATIENCE, not_run, slots::Slot};

/// What lies between the two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// A switch: both hosts are on one link and in one subnet.
    Switch,
    /// A router between two subnets.
    Router,
}

/// One namespace.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    /// Its address; of the one in the middle, the address on the side of `here`.
    pub address: IpAddr,
    /// What the program takes for the host's name.
    pub host_name: String,
}

/// Two hosts and what lies between them. Dropped, all of it is gone, with every process in it.
#[derive(Debug)]
pub struct Net {
    /// The host that runs the check.
    pub here: Namespace,
    /// The other host.
    pub there: Namespace,
    /// The switch or the router.
    pub middle: Namespace,
    _slot: Slot,
}

impl Net {
    /// Builds one. `None`, said aloud, where this user may not.
    ///
    /// # Panics
    /// Where `DOLAB_REQUIRE_NETNS` is `1` and it can not be built.
    pub fn new(topology: Topology) -> Option<Self> {
        let slot = Slot::take();
        remove_stale();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (there, between) = match topology {
            Topology::Switch => ("10.50.0.2", "10.50.0.254"),
            Topology::Router => ("10.50.1.2", "10.50.0.254"),
        };
        let namespace = |role: &str, address: &str| Namespace {
            name: format!("{PREFIX}{}-{number}-{role}", std::process::id()),
            address: address.parse().expect("a literal address"),
            host_name: format!("e2e-{role}"),
        };
        // Built up in place, so that a failure on the way removes what is there.
        let net = Self {
            here: namespace("here", "10.50.0.1"),
            there: namespace("there", there),
            middle: namespace("middle", between),
            _slot: slot,
        };
        if let Err(error) = ip(&["netns", "add", &net.middle.name]) {
            not_run(&format!("it needs root and network namespaces: {error}"));
            return None;
        }
        net.build(topology)
            .expect("a namespace is at hand, so the rest is allowed too");
        Some(net)
    }

    fn build(&self, topology: Topology) -> Result<(), String> {
        let [here, there, middle] = [&self.here, &self.there, &self.middle];
        for host in [here, there] {
            ip(&["netns", "add", &host.name])?;
        }
        for namespace in [here, there, middle] {
            // Without duplicate address detection, which takes seconds, and with the congestion
            // control that most systems use, where a namespace may choose it.
            namespace.sysctl("net.ipv6.conf.all.accept_dad", "0")?;
            namespace.sysctl("net.ipv6.conf.default.accept_dad", "0")?;
            let _ = namespace.sysctl("net.ipv4.tcp_congestion_control", "cubic");
            namespace.ip(&["link", "set", "lo", "up"])?;
        }
        for (host, side) in [(here, "here"), (there, "there")] {
            let name = &middle.name;
            host.ip(&[
                "link", "add", "eth0", "type", "veth", "peer", "name", side, "netns", name,
            ])?;
        }
        match topology {
            Topology::Switch => {
                let bridge = "type bridge forward_delay 0 stp_state 0 mcast_snooping 0";
                let add = format!("link add br0 {bridge}");
                middle.ip(&add.split(' ').collect::<Vec<_>>())?;
                middle.ip(&["addr", "add", "10.50.0.254/24", "dev", "br0"])?;
                middle.ip(&["link", "set", "br0", "up"])?;
                for side in ["here", "there"] {
                    middle.ip(&["link", "set", side, "master", "br0", "up"])?;
                }
            }
            Topology::Router => {
                middle.sysctl("net.ipv4.ip_forward", "1")?;
                for (side, address) in [("here", "10.50.0.254/24"), ("there", "10.50.1.254/24")] {
                    middle.ip(&["addr", "add", address, "dev", side])?;
                    middle.ip(&["link", "set", side, "up"])?;
                }
            }
        }
        for (host, gateway) in [(here, "10.50.0.254"), (there, "10.50.1.254")] {
            host.ip(&[
                "addr",
                "add",
                &format!("{}/24", host.address),
                "dev",
                "eth0",
            ])?;
            host.ip(&["link", "set", "eth0", "up"])?;
            match topology {
                // Without a route for them, groups can not be joined or sent to.
                Topology::Switch => host.ip(&["route", "add", "224.0.0.0/4", "dev", "eth0"])?,
                Topology::Router => host.ip(&["route", "add", "default", "via", gateway])?,
            }
        }
        Ok(())
    }

    /// Bounds what the middle sends towards a side, `here` or `there`, in the words of `tc` for a
    /// token bucket.
    ///
    /// # Panics
    /// When tc does not take it.
    pub fn shape(&self, side: &str, bucket: &str) {
        let mut tc = self.middle.command("tc");
        tc.args(["qdisc", "add", "dev", side, "root", "tbf"])
            .args(bucket.split(' '));
        run(tc).expect("a port can be shaped");
    }

    /// Waits until the two hosts have sent each other so many bytes, all in all.
    ///
    /// # Panics
    /// When they do not in time.
    pub fn wait_until_sent(&self, bytes: u64) {
        let deadline = Instant::now() + PATIENCE;
        // Every look costs a process, so this loop does not spin.
        while self.here.bytes_sent() + self.there.bytes_sent() < bytes {
            assert!(
                Instant::now() < deadline,
                "{bytes} bytes did not go over the wire in time"
            );
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for namespace in [&self.here, &self.there, &self.middle] {
            remove(&namespace.name);
        }
    }
}

impl Namespace {
    /// A command that runs in it. The process that it starts is the program itself.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// The program under test, in it, on a host of its name.
    pub fn dolab(&self) -> Command {
        let mut command = self.command("unshare");
        let script = r#"hostname "$0" && exec "$@""#;
        command.args(["--uts", "sh", "-c", script, &self.host_name]);
        command.arg(crate::dolab().get_program());
        command
    }

    /// Gives a script to `nft`.
    ///
    /// # Panics
    /// When nft does not take it.
    pub fn nft(&self, script: &str) {
        let mut command = self.command("nft");
        command.args(["-f", "-"]);
        if let Err(error) = run_with_input(command, script) {
            panic!(
                "{}: nft does not take this script: {error}\n{script}",
                self.name
            );
        }
    }

    /// Sets a kernel parameter of this namespace.
    ///
    /// # Errors
    /// When the kernel has none of that name here, or does not take the value.
    pub fn sysctl(&self, key: &str, value: &str) -> Result<(), String> {
        let mut command = self.command("sysctl");
        command.args(["-q", "-w", &format!("{key}={value}")]);
        run(command).map(drop)
    }

    /// Bytes that have left a host since its network was built.
    fn bytes_sent(&self) -> u64 {
        let mut cat = self.command("cat");
        cat.arg("/sys/class/net/eth0/statistics/tx_bytes");
        let text = run(cat).expect("the kernel counts bytes");
        text.trim().parse().expect("a counter is a number")
    }

    /// Runs `ip` for it.
    ///
    /// # Errors
    /// When `ip` fails, with what it says.
    pub fn ip(&self, arguments: &[&str]) -> Result<(), String> {
        ip(&[&["-n", &self.name], arguments].concat())
    }
}

const PREFIX: &str = "dolab-e2e-";

/// Removes what test processes left that were killed before they could clean up.
fn remove_stale() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let Ok(names) = fs::read_dir("/run/netns") else {
            return;
        };
        for name in names
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
        {
            let owner = name
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.split('-').next());
            if owner.is_some_and(|pid| !fs::exists(format!("/proc/{pid}")).unwrap_or(true)) {
                remove(&name);
            }
        }
    });
}

/// Removes a namespace and every process in it.
fn remove(name: &str) {
    let mut pids = Command::new("ip");
    pids.args(["netns", "pids", name]);
    // Where it is not there, there is nothing to end.
    for pid in run(pids)
        .unwrap_or_default()
        .lines()
        .filter_map(|pid| pid.parse().ok())
    {
        let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
    }
    let _ = ip(&["netns", "del", name]);
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("ip");
    command.args(arguments);
    run(command).map(drop)
}

fn run(command: Command) -> Result<String, String> {
    run_with_input(command, "")
}

fn run_with_input(mut command: Command, input: &str) -> Result<String, String> {
    let name = format!("{command:?}");
    let failed = |why: String| format!("{name}: {why}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    // A program that ended without reading says by its status what was wrong.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ))
    }
}
