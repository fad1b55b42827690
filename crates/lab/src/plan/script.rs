//! Steps as a shell script that does the same by hand, in namespaces of `ip netns`.

use std::fmt::Write as _;

use super::{Act, Kernel, Step, changes, network};
use crate::{Fault, Topology, topology::Link};

/// The whole network.
pub(crate) fn network_script(topology: &Topology, kernel: Kernel) -> String {
    let mut text = String::from("set -e\n");
    let nodes = topology.nodes().map(|(name, _)| name);
    for name in topology.switches.keys().map(String::as_str).chain(nodes) {
        let _ = writeln!(text, "ip netns add {name}");
    }
    text + &lines(&network(topology, kernel, &|_, _| false))
}

/// A fault: what applies it, and, as comments, what lifts it.
pub(crate) fn fault_script(fault: &Fault, topology: &Topology) -> String {
    let changes = changes(fault, topology, Kernel::WHOLE, 1, &|_, _| false);
    let mut text = lines(&changes.apply);
    text.push_str("# lifted by:\n");
    for line in lines(&changes.lift).lines() {
        let _ = writeln!(text, "# {line}");
    }
    text
}

pub(crate) fn lines(steps: &[Step]) -> String {
    steps.iter().map(line).collect()
}

fn line(Step { at, act }: &Step) -> String {
    match act {
        Act::Sysctl { key, value, must } => {
            let or = if *must { "" } else { " || true" };
            format!("ip netns exec {at} sysctl -q -w {key}={value}{or}\n")
        }
        Act::Cable {
            port,
            index,
            node,
            adapter,
        } => format!(
            "ip -n {at} link add name {port} index {index} type veth peer name {adapter} netns {node}\n"
        ),
        Act::Shaper {
            ends: [near, far],
            link,
            ..
        } => format!(
            "# a shaper in user space joins {near} and {far} of {at}: {}\n",
            describe(link)
        ),
        Act::Reshape { adapter, link } => {
            format!(
                "# the shaper at {adapter} of {at} from now on: {}\n",
                describe(link)
            )
        }
        Act::Carrier(adapter) => format!(
            "until ip -n {at} -br link show dev {adapter} | grep -q LOWER_UP; do sleep 0.1; done\n"
        ),
        Act::Ip(line) => format!("ip -n {at} {line}\n"),
        Act::Tc(line) => format!("tc -n {at} {line}\n"),
        Act::Nft(script) => format!("ip netns exec {at} nft -f - <<'END'\n{script}END\n"),
        Act::Hosts(text) => {
            format!("mkdir -p /etc/netns/{at} && cat >/etc/netns/{at}/hosts <<'END'\n{text}END\n")
        }
        Act::Resolve { name, answer } => match answer {
            Some(answer) => format!("# the resolver of {at} answers for {name}: {answer:?}\n"),
            None => format!("# the resolver of {at} answers for {name} as before\n"),
        },
        Act::HostsEntry { name, address } => match address {
            Some(address) => format!("echo '{address} {name}' >>/etc/netns/{at}/hosts\n"),
            None => format!("sed -i '/ {name}$/d' /etc/netns/{at}/hosts\n"),
        },
    }
}

fn describe(link: &Link) -> String {
    let mut said = vec![
        format!("delay {}", link.delay),
        format!("jitter {}", link.jitter),
        format!("loss {}", link.loss),
        format!("reorder {}", link.reorder),
    ];
    said.extend(link.rate.map(|rate| format!("rate {rate}")));
    said.join(", ")
}
