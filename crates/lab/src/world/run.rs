//! Steps, done.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write as _},
    net::IpAddr,
    os::unix::fs::MetadataExt as _,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{ifaddrs::getifaddrs, net::if_::InterfaceFlags};

use super::{World, WorldError};
use crate::plan::{Act, Step};

/// What has to stand before what: parameters, cables, the rest.
fn phase(act: &Act) -> u8 {
    match act {
        Act::Sysctl { .. } => 0,
        Act::Cable { .. } => 1,
        Act::Ip(_) | Act::Tc(_) | Act::Nft(_) | Act::Hosts(_) | Act::HostsEntry { .. } => 2,
        // Done by the world itself, not by its namespaces.
        Act::Shaper { .. } | Act::Reshape { .. } | Act::Carrier(_) | Act::Resolve { .. } => 3,
    }
}

/// Does all steps; those of different namespaces at the same time, those of one in order.
pub(super) fn execute(world: &World, steps: &[Step]) -> Result<(), WorldError> {
    for number in 0..=2 {
        let mut by_node: BTreeMap<&str, Vec<Order>> = BTreeMap::new();
        for step in steps.iter().filter(|step| phase(&step.act) == number) {
            if let Some(order) = Order::of(world, step)? {
                by_node.entry(&step.at).or_default().push(order);
            }
        }
        let mut running = Vec::new();
        for (node, orders) in by_node {
            let cell = world.cell(node)?;
            running.push((node, cell.start(move || carry_out(orders))));
        }
        let mut result = Ok(());
        for (node, done) in running {
            let done = done.recv().map_err(|_| super::Gone)?;
            // All of them are waited for, whatever one says.
            let done = done.map_err(|refused| refused.at(node));
            result = result.and(done);
        }
        result?;
    }
    let mut own = steps.iter().filter(|step| phase(&step.act) == 3);
    own.try_for_each(|step| world.act(step))
}

/// A step that needs nothing but the namespace that it is done in.
enum Order {
    Parameter {
        key: String,
        value: String,
        must: bool,
    },
    Lines {
        tool: &'static str,
        text: String,
    },
    Hosts(String),
    HostsEntry {
        name: String,
        address: Option<IpAddr>,
    },
}

impl Order {
    fn of(world: &World, step: &Step) -> Result<Option<Self>, WorldError> {
        Ok(Some(match &step.act {
            Act::Sysctl { key, value, must } => Self::Parameter {
                key: key.clone(),
                value: value.clone(),
                must: *must,
            },
            Act::Cable {
                port,
                index,
                node,
                adapter,
            } => {
                let path = world.cell(node)?.network().map_err(WorldError::Namespace)?;
                let path = path.display();
                let text = format!(
                    "link add name {port} index {index} type veth peer name {adapter} netns {path}\n"
                );
                Self::Lines { tool: "ip", text }
            }
            Act::Ip(line) => Self::Lines {
                tool: "ip",
                text: format!("{line}\n"),
            },
            Act::Tc(line) => Self::Lines {
                tool: "tc",
                text: format!("{line}\n"),
            },
            Act::Nft(script) => Self::Lines {
                tool: "nft",
                text: script.clone(),
            },
            Act::Hosts(text) => Self::Hosts(text.clone()),
            Act::HostsEntry { name, address } => Self::HostsEntry {
                name: name.clone(),
                address: *address,
            },
            Act::Shaper { .. } | Act::Reshape { .. } | Act::Carrier(_) | Act::Resolve { .. } => {
                return Ok(None);
            }
        }))
    }
}

/// Why an order was not carried out.
enum Refused {
    Parameter(String, io::Error),
    File(io::Error),
    Tool(ToolError, String),
}

impl Refused {
    fn at(self, node: &str) -> WorldError {
        let node = node.to_owned();
        match self {
            Self::Parameter(key, error) => WorldError::Parameter { key, node, error },
            Self::File(error) => WorldError::File { node, error },
            Self::Tool(error, lines) => error.at(&node, &lines),
        }
    }
}

fn carry_out(orders: Vec<Order>) -> Result<(), Refused> {
    let mut orders = orders.into_iter().peekable();
    while let Some(order) = orders.next() {
        match order {
            Order::Parameter { key, value, must } => {
                let path = format!("/proc/sys/{}", key.replace('.', "/"));
                match fs::write(path, value) {
                    Err(error) if must => return Err(Refused::Parameter(key, error)),
                    Ok(()) | Err(_) => {}
                }
            }
            Order::Lines { tool, mut text } => {
                // One process for as many lines as follow each other.
                while let Some(Order::Lines { text: more, .. }) = orders
                    .next_if(|next| matches!(next, Order::Lines { tool: t, .. } if *t == tool))
                {
                    text.push_str(&more);
                }
                let how = if tool == "nft" {
                    ["-f", "-"]
                } else {
                    ["-batch", "-"]
                };
                self::tool(tool, &how, &text).map_err(|error| Refused::Tool(error, text))?;
            }
            Order::Hosts(text) => fs::write("/etc/hosts", text).map_err(Refused::File)?,
            Order::HostsEntry { name, address } => {
                hosts_entry(&name, address).map_err(Refused::File)?;
            }
        }
    }
    Ok(())
}

fn hosts_entry(name: &str, address: Option<IpAddr>) -> io::Result<()> {
    let text = fs::read_to_string("/etc/hosts")?;
    let others = text
        .lines()
        .filter(|line| line.split_whitespace().nth(1) != Some(name));
    let entry = address.map(|address| format!("{address} {name}"));
    let lines: Vec<&str> = others.chain(entry.as_deref()).collect();
    fs::write("/etc/hosts", lines.join("\n") + "\n")
}

/// Lets the C library ask the hosts file first, and then a resolver in the same namespace.
pub(super) fn resolver_files() {
    // Where they are not there, the C library has the same as defaults.
    let _ = fs::write(
        "/etc/resolv.conf",
        "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n",
    );
    let _ = fs::write(
        "/etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files dns\n",
    );
}

/// Why a tool did not do it.
pub(super) enum ToolError {
    Missing(&'static str),
    Said(&'static str, String),
}

impl ToolError {
    pub(super) fn at(self, node: &str, lines: &str) -> WorldError {
        match self {
            Self::Missing(tool) => WorldError::NoTool(tool),
            Self::Said(tool, said) => WorldError::Refused {
                tool,
                node: node.to_owned(),
                said,
                lines: lines.to_owned(),
            },
        }
    }
}

/// Runs a tool here, with this on its standard input.
pub(super) fn tool(name: &'static str, arguments: &[&str], input: &str) -> Result<(), ToolError> {
    let failed = |error: io::Error| {
        if error.kind() == io::ErrorKind::NotFound {
            ToolError::Missing(name)
        } else {
            ToolError::Said(name, error.to_string())
        }
    };
    let mut child = command(name)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that ended without reading says by its status what was wrong.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ToolError::Said(name, said))
}

/// The tool where administrators have it: an ordinary user's path often lacks these.
fn command(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin:/usr/bin:/bin"));
    command
}

/// Waits until the kernel has noticed that the cables of this namespace, or that of one adapter, are
/// plugged in; not for those that have not been by then.
pub(super) fn settle(adapter: Option<&str>) {
    let patience = Instant::now() + Duration::from_secs(5);
    let running = || {
        let mut all = getifaddrs().into_iter().flatten();
        all.all(|one| {
            let asked = adapter.is_none_or(|adapter| one.interface_name == adapter);
            let up = one.flags.contains(InterfaceFlags::IFF_UP);
            !asked || !up || one.flags.contains(InterfaceFlags::IFF_RUNNING)
        })
    };
    while !running() && Instant::now() < patience {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Bytes that have left by all interfaces of this namespace but loopback.
pub(super) fn bytes_sent() -> u64 {
    let table = fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
    let sent = |line: &str| {
        let (name, counters) = line.split_once(':')?;
        // The ninth column.
        let sent: u64 = counters.split_whitespace().nth(8)?.parse().ok()?;
        (name.trim() != "lo").then_some(sent)
    };
    table.lines().filter_map(sent).sum()
}

/// Processes whose network namespace is one of these.
pub(super) fn processes_in(inodes: &BTreeSet<u64>) -> Vec<i32> {
    let own = fs::read_link("/proc/self").unwrap_or_default();
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let others = all.filter(|entry| Some(entry.file_name().as_os_str()) != Some(own.as_os_str()));
    others
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let namespace = fs::metadata(entry.path().join("ns/net")).ok()?;
            inodes.contains(&namespace.ino()).then_some(pid)
        })
        .collect()
}
