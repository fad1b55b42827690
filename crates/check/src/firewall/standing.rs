//! What a host's own list of firewall rules says of a port: read where a request was swallowed on the
//! host, to tell a rule that is missing from one that is narrowed or overruled.
//!
//! Only rules that name the port and are understood whole count. A rule with a condition that is not
//! known here says nothing, so that what is claimed of the list holds.

use std::{
    collections::BTreeSet,
    io::Read,
    net::IpAddr,
    process::{Command, Stdio},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Cidr;

/// What the rules of a host say of requests to a TCP port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// A rule lets the caller in.
    Admits {
        /// Where the rule stands, such as `inet filter, chain input`.
        rule: String,
    },
    /// Rules let others in, and none lets the caller in.
    AdmitsOthers {
        /// Where the first of them stands.
        rule: String,
        /// Whom they let in, at most [`MOST_NETWORKS`].
        from: Vec<String>,
    },
}

/// Networks that are told.
pub const MOST_NETWORKS: usize = 16;

/// Longest list of rules that is read, in bytes of JSON.
const LONGEST: u64 = 4 << 20;

/// How long the list may take: `nft` takes some milliseconds, and far more on a busy host. The side
/// that asks waits longer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Longest complaint of `nft` that is told, in characters.
const LONGEST_COMPLAINT: usize = 160;

/// Why the list of rules of a host could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Only Linux has one that is read.
    #[error("they are read only on linux")]
    OtherSystem,
    /// There is no `nft`, or it can not be started.
    #[error("nft can not be started: {0}")]
    NoProgram(String),
    /// `nft` refused; that it does to everybody without CAP_NET_ADMIN.
    #[error("nft says: {0}")]
    Refused(String),
    /// It took longer than a second and a half.
    #[error("nft takes too long")]
    Slow,
    /// The list is longer than 4 MiB, or none.
    #[error("the list is too long, or not as nft writes it")]
    Strange,
}

/// Reads what this host's rules say of calls from `remote` to a TCP port; `None` where no rule names
/// the port.
///
/// # Errors
///
/// Where the rules can not be read: that takes Linux, `nft`, and the privilege to use it
/// (CAP_NET_ADMIN).
pub(crate) async fn read(port: u16, remote: IpAddr) -> Result<Option<Standing>, Unread> {
    if !cfg!(target_os = "linux") {
        return Err(Unread::OtherSystem);
    }
    let reading = tokio::task::spawn_blocking(ruleset);
    let rules = tokio::time::timeout(PATIENCE, reading).await;
    let rules = rules.map_err(|_| Unread::Slow)?;
    // A reader that panicked has read nothing.
    let rules = rules.map_err(|_| Unread::Refused("nothing".to_owned()))??;
    Ok(in_ruleset(&rules, port, remote.to_canonical()))
}

fn ruleset() -> Result<Value, Unread> {
    let mut command = Command::new("nft");
    command.args(["-j", "list", "ruleset"]).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut nft = command
        .spawn()
        .map_err(|error| Unread::NoProgram(error.to_string()))?;
    let text = read_some(nft.stdout.take(), LONGEST);
    // Of a longer list the rest is not waited for. An error says that it has ended.
    let _ = nft.kill();
    let _ = nft.wait();
    if text.is_empty() {
        let complaint = read_some(nft.stderr.take(), 4096);
        return Err(Unread::Refused(first_line(&complaint)));
    }
    serde_json::from_slice(&text).map_err(|_| Unread::Strange)
}

/// What a program has said, as far as it could be read.
fn read_some(said: Option<impl Read>, longest: u64) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(said) = said {
        // What came before an error is all that there is.
        let _ = said.take(longest).read_to_end(&mut text);
    }
    text
}

fn first_line(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let line = text.lines().find(|line| !line.trim().is_empty());
    dolab_wire::text::printable(line.unwrap_or("nothing"), LONGEST_COMPLAINT)
}

/// As [`read`], from the JSON of `nft -j list ruleset`.
fn in_ruleset(ruleset: &Value, port: u16, remote: IpAddr) -> Option<Standing> {
    let all = ruleset["nftables"].as_array()?;
    let input = reached_from_input(all);
    let admitting: Vec<(String, Option<Vec<Cidr>>)> = all
        .iter()
        .map(|it| &it["rule"])
        .filter_map(|rule| Some((rule, chain_of(rule)?)))
        .filter(|(_, chain)| input.contains(chain))
        .filter_map(|(rule, chain)| {
            let from = admitted(rule["expr"].as_array()?, port)?;
            Some((
                format!("{} {}, chain {}", chain.family, chain.table, chain.chain),
                from,
            ))
        })
        .collect();
    let admits = |from: &Option<Vec<Cidr>>| {
        from.as_ref()
            .is_none_or(|from| from.iter().any(|network| network.contains(remote)))
    };
    if let Some((rule, _)) = admitting.iter().find(|(_, from)| admits(from)) {
        return Some(Standing::Admits { rule: rule.clone() });
    }
    let (rule, _) = admitting.first()?;
    let networks = admitting.iter().filter_map(|(_, from)| from.as_ref());
    let mut from: Vec<String> = Vec::new();
    for network in networks.flatten().map(Cidr::to_string) {
        if !from.contains(&network) && from.len() < MOST_NETWORKS {
            from.push(network);
        }
    }
    Some(Standing::AdmitsOthers {
        rule: rule.clone(),
        from,
    })
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Chain<'a> {
    family: &'a str,
    table: &'a str,
    chain: &'a str,
}

fn chain_of(rule: &Value) -> Option<Chain<'_>> {
    Some(Chain {
        family: rule["family"].as_str()?,
        table: rule["table"].as_str()?,
        chain: rule["chain"].as_str()?,
    })
}

/// The chains that packets for this host pass, those that are jumped to included.
fn reached_from_input(all: &[Value]) -> BTreeSet<Chain<'_>> {
    let base = all.iter().map(|it| &it["chain"]).filter_map(|chain| {
        (chain["hook"] == "input" && chain["type"] == "filter").then_some(())?;
        Some(Chain {
            family: chain["family"].as_str()?,
            table: chain["table"].as_str()?,
            chain: chain["name"].as_str()?,
        })
    });
    let mut reached: BTreeSet<Chain<'_>> = base.collect();
    let jumps: Vec<(Chain<'_>, Chain<'_>)> = all
        .iter()
        .map(|it| &it["rule"])
        .filter_map(|rule| {
            let from = chain_of(rule)?;
            let expressions = rule["expr"].as_array()?;
            let target = expressions.iter().find_map(|it| {
                let jump = it.get("jump").or_else(|| it.get("goto"))?;
                jump["target"].as_str()
            })?;
            Some((
                from,
                Chain {
                    chain: target,
                    ..from
                },
            ))
        })
        .collect();
    loop {
        let further: Vec<_> = jumps
            .iter()
            .filter(|(from, to)| reached.contains(from) && !reached.contains(to))
            .map(|(_, to)| *to)
            .collect();
        if further.is_empty() {
            return reached;
        }
        reached.extend(further);
    }
}

/// Whom a rule lets in to a TCP port that it names: `Some(None)` for all, `None` where it does not.
fn admitted(expressions: &[Value], port: u16) -> Option<Option<Vec<Cidr>>> {
    let mut names_port = false;
    let mut from = None;
    let mut accepts = false;
    for expression in expressions {
        let (kind, value) = expression.as_object()?.iter().next()?;
        match kind.as_str() {
            "accept" => accepts = true,
            "counter" | "log" | "comment" => {}
            "match" => match fits(value, port)? {
                Fits::Port => names_port = true,
                Fits::From(networks) => from = Some(networks),
                Fits::Always => {}
            },
            _ => return None,
        }
    }
    (accepts && names_port).then_some(from)
}

/// What a condition of a rule means for a new connection to the port.
enum Fits {
    Port,
    From(Vec<Cidr>),
    Always,
}

/// `None` where it does not fit, or is not known here.
fn fits(condition: &Value, port: u16) -> Option<Fits> {
    if !matches!(condition["op"].as_str()?, "==" | "in") {
        return None;
    }
    let right = &condition["right"];
    let one = std::slice::from_ref(right);
    let several = right.as_array().or_else(|| right["set"].as_array());
    let values = several.map_or(one, Vec::as_slice);
    let any_is = |word: &str| values.iter().any(|value| value == word);
    let left = &condition["left"];
    let field = (
        left["payload"]["protocol"].as_str(),
        left["payload"]["field"].as_str(),
    );
    match field {
        (Some("tcp" | "th"), Some("dport")) => values
            .iter()
            .any(|value| holds_port(value, port))
            .then_some(Fits::Port),
        (Some("ip" | "ip6"), Some("saddr")) => {
            let networks: Option<Vec<Cidr>> = values.iter().map(network).collect();
            networks.map(Fits::From)
        }
        (Some("ip"), Some("protocol")) | (Some("ip6"), Some("nexthdr")) => {
            any_is("tcp").then_some(Fits::Always)
        }
        _ if left["meta"]["key"] == "l4proto" => any_is("tcp").then_some(Fits::Always),
        _ if left["ct"]["key"] == "state" => any_is("new").then_some(Fits::Always),
        _ => None,
    }
}

fn holds_port(value: &Value, port: u16) -> bool {
    let port = u64::from(port);
    let ends = value["range"].as_array().map(Vec::as_slice);
    let Some([first, last]) = ends else {
        return value.as_u64() == Some(port);
    };
    let (first, last) = (first.as_u64(), last.as_u64());
    first.is_some_and(|first| first <= port) && last.is_some_and(|last| port <= last)
}

fn network(value: &Value) -> Option<Cidr> {
    if let Some(address) = value.as_str() {
        return address.parse().ok();
    }
    let prefix = &value["prefix"];
    let length = u8::try_from(prefix["len"].as_u64()?).ok()?;
    Cidr::containing(prefix["addr"].as_str()?.parse().ok()?, length).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CALLER: &str = "10.50.0.1";

    fn standing(ruleset: &Value) -> Option<Standing> {
        in_ruleset(ruleset, 7680, CALLER.parse().unwrap())
    }

    fn base(hook: &str) -> Value {
        json!({"chain": {"family": "inet", "table": "f", "name": hook, "type": "filter", "hook": hook}})
    }

    fn rule(chain: &str, expressions: &[Value]) -> Value {
        json!({"rule": {"family": "inet", "table": "f", "chain": chain, "expr": expressions}})
    }

    fn with(left: Value, op: &str, right: Value) -> Value {
        json!({"match": {"op": op, "left": left, "right": right}})
    }

    fn port(right: Value) -> Value {
        let left = json!({"payload": {"protocol": "tcp", "field": "dport"}});
        with(left, "==", right)
    }

    fn from(right: Value) -> Value {
        let left = json!({"payload": {"protocol": "ip", "field": "saddr"}});
        with(left, "==", right)
    }

    fn accept() -> Value {
        json!({"accept": null})
    }

    /// One rule in the chain input.
    fn of_rule(expressions: &[Value]) -> Option<Standing> {
        standing(&json!({"nftables": [base("input"), rule("input", expressions)]}))
    }

    fn admits() -> Option<Standing> {
        let rule = "inet f, chain input".to_owned();
        Some(Standing::Admits { rule })
    }

    fn others(from: &[&str]) -> Option<Standing> {
        Some(Standing::AdmitsOthers {
            rule: "inet f, chain input".to_owned(),
            from: from.iter().map(|it| (*it).to_owned()).collect(),
        })
    }

    #[test]
    fn a_rule_that_names_the_port_counts() {
        let protocols = json!({"set": ["tcp", "udp"]});
        let protocol = with(json!({"meta": {"key": "l4proto"}}), "==", protocols);
        let state = with(json!({"ct": {"key": "state"}}), "in", json!(["new"]));
        for expressions in [
            vec![port(json!(7680)), accept()],
            vec![
                port(json!({"set": [443, {"range": [7000, 8000]}]})),
                accept(),
            ],
            vec![protocol, state, port(json!(7680)), accept()],
            vec![
                from(json!({"prefix": {"addr": "10.0.0.0", "len": 8}})),
                port(json!(7680)),
                json!({"counter": {}}),
                accept(),
            ],
        ] {
            assert_eq!(of_rule(&expressions), admits(), "{expressions:?}");
        }
    }

    #[test]
    fn a_narrowed_rule_tells_whom_it_admits() {
        let subnet = json!({"prefix": {"addr": "10.50.1.0", "len": 24}});
        let narrowed = [
            from(json!({"set": [subnet, "10.9.9.9"]})),
            port(json!(7680)),
            accept(),
        ];
        assert_eq!(of_rule(&narrowed), others(&["10.50.1.0/24", "10.9.9.9"]));
        // Another rule that admits the caller counts more.
        let two = json!({"nftables": [base("input"), rule("input", &narrowed),
            rule("input", &[from(json!(CALLER)), port(json!(7680)), accept()])]});
        assert_eq!(standing(&two), admits());
    }

    #[test]
    fn what_is_not_understood_or_is_another_matter_says_nothing() {
        let adapter = with(json!({"meta": {"key": "iifname"}}), "==", json!("eth7"));
        let established = with(
            json!({"ct": {"key": "state"}}),
            "in",
            json!(["established"]),
        );
        let source = json!({"payload": {"protocol": "ip", "field": "saddr"}});
        for expressions in [
            vec![accept()],
            vec![port(json!(443)), accept()],
            vec![port(json!(7680)), json!({"drop": null})],
            vec![adapter, port(json!(7680)), accept()],
            vec![established, port(json!(7680)), accept()],
            vec![
                with(source, "!=", json!(CALLER)),
                port(json!(7680)),
                accept(),
            ],
            vec![
                json!({"xt": {"type": "match"}}),
                port(json!(7680)),
                accept(),
            ],
        ] {
            assert_eq!(of_rule(&expressions), None, "{expressions:?}");
        }
        for strange in [
            json!(null),
            json!({"nftables": 5}),
            json!({"nftables": [{"rule": {"expr": [[]]}}]}),
        ] {
            assert_eq!(standing(&strange), None);
        }
    }

    #[test]
    fn chains_count_where_packets_for_this_host_come_by() {
        let admit = [port(json!(7680)), accept()];
        let jump = |target: &str| [json!({"jump": {"target": target}})];
        let listed = |hook: &str| {
            standing(&json!({"nftables": [base(hook), rule(hook, &jump("user")),
                rule("user", &jump("again")), rule("again", &jump("user")), rule("again", &admit)]}))
        };
        let rule_at = "inet f, chain again".to_owned();
        assert_eq!(listed("input"), Some(Standing::Admits { rule: rule_at }));
        assert_eq!(listed("forward"), None);
        assert_eq!(listed("output"), None);
    }
}
