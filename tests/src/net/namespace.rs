//! One host, or what stands between hosts: a network namespace.

use std::{
    fs,
    io::Write as _,
    net::IpAddr,
    process::{Command, Stdio},
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
};

use rustix::process::{Pid, Signal, kill_process};

/// One namespace.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    /// Its address; of the one in the middle, the address on the side of `here`.
    pub address: IpAddr,
    /// What the program takes for the host's name.
    pub host_name: String,
}

/// A number that no network of this process has had.
pub(super) fn next_network() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    remove_stale();
    COUNT.fetch_add(1, Ordering::Relaxed)
}

impl Namespace {
    /// Removes all that this process has made, with every process in them: for a program that has
    /// to end at once.
    pub fn remove_all_of_this_process() {
        let own = std::process::id().to_string();
        remove_of(|pid| pid == own);
    }

    /// Makes one, with its loopback interface up.
    pub(super) fn add(network: u32, role: &str, address: &str) -> Result<Self, String> {
        let name = format!("{PREFIX}{}-{network}-{role}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Self {
            name,
            address: address.parse().expect("a literal address"),
            host_name: format!("e2e-{role}"),
        };
        // Without duplicate address detection, which takes seconds.
        namespace.sysctl("net.ipv6.conf.all.accept_dad", "0")?;
        namespace.sysctl("net.ipv6.conf.default.accept_dad", "0")?;
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Joins an interface of its own and one of another by a cable.
    pub(super) fn cable(&self, name: &str, to: &Self, name_there: &str) -> Result<(), String> {
        self.ip(&[
            "link", "add", name, "type", "veth", "peer", "name", name_there, "netns", &to.name,
        ])
    }

    /// Makes a switch of it, with these ports.
    pub(super) fn bridge(&self, ports: &[&str]) -> Result<(), String> {
        let add = "link add br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0";
        self.ip(&add.split(' ').collect::<Vec<_>>())?;
        self.ip(&["link", "set", "br0", "up"])?;
        ports
            .iter()
            .try_for_each(|port| self.ip(&["link", "set", port, "master", "br0", "up"]))
    }

    /// Gives `eth0` its address.
    pub(super) fn plug_in(&self) -> Result<(), String> {
        let (address, subnet) = (self.address, format!("{}/24", self.address));
        self.ip(&["addr", "add", &subnet, "dev", "eth0"])?;
        self.ip(&["link", "set", "eth0", "up"])?;
        let [a, b, c, _] = match address {
            IpAddr::V4(address) => address.octets(),
            IpAddr::V6(_) => return Err(format!("{address}: not an IPv4 address")),
        };
        self.use_cubic(&format!(
            "{a}.{b}.{c}.0/24 dev eth0 proto kernel scope link src {address}"
        ));
        Ok(())
    }

    /// Adds the default route.
    pub(super) fn route_all(&self, gateway: &str) -> Result<(), String> {
        self.ip(&["route", "add", "default", "via", gateway])?;
        self.use_cubic(&format!("default via {gateway}"));
        Ok(())
    }

    /// Chooses, for a route, the congestion control that most systems use, where the kernel has
    /// it. A namespace's own default can be set only to those that the host allows to everyone.
    fn use_cubic(&self, route: &str) {
        let change = format!("route change {route} congctl cubic");
        let _ = self.ip(&change.split(' ').collect::<Vec<_>>());
    }

    /// Bounds what it sends out of an interface: a root queueing discipline in the words of `tc`,
    /// such as `tbf rate 1gbit burst 256kb latency 10ms`.
    ///
    /// # Panics
    /// When tc does not take it.
    pub fn shape(&self, interface: &str, discipline: &str) {
        let mut tc = self.command("tc");
        tc.args(["qdisc", "replace", "dev", interface, "root"])
            .args(discipline.split(' '));
        run(tc).expect("an interface can be shaped");
    }

    /// The processes in it.
    pub fn processes(&self) -> Vec<u32> {
        processes_in(&self.name)
    }

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
    pub(super) fn bytes_sent(&self) -> u64 {
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

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

const PREFIX: &str = "dolab-e2e-";

/// Removes what test processes left that were killed before they could clean up.
fn remove_stale() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| remove_of(|pid| !fs::exists(format!("/proc/{pid}")).unwrap_or(true)));
}

/// Removes the namespaces of the processes that are `unwanted`, by the id.
fn remove_of(unwanted: impl Fn(&str) -> bool) {
    let names = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        if owner.is_some_and(&unwanted) {
            remove(&name);
        }
    }
}

/// Removes a namespace and every process in it.
fn remove(name: &str) {
    for pid in processes_in(name) {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
    }
    let _ = ip(&["netns", "del", name]);
}

fn processes_in(name: &str) -> Vec<u32> {
    let mut pids = Command::new("ip");
    pids.args(["netns", "pids", name]);
    // Where it is not there, nothing is in it.
    let pids = run(pids).unwrap_or_default();
    pids.lines().filter_map(|pid| pid.parse().ok()).collect()
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
