//! What a report says of a fault that is known.

use std::net::IpAddr;

use serde_json::Value;

use crate::{faults::Random, network::node_at};

/// How good the blame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Blamed {
    Right,
    Unknown,
    Wrong,
}

/// How good the place is, for a fault at a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Placed {
    /// The two neighbours of the fault.
    Exact,
    /// A wider part of the way, which holds it.
    Around,
    NotNamed,
    Wrong,
}

/// What a check said of one fault.
#[derive(Clone, Debug)]
pub(crate) struct Result {
    pub(crate) blamed: Blamed,
    /// `None` where the fault is on one of the two hosts.
    pub(crate) placed: Option<Placed>,
    /// What was wrong or missing, in words.
    pub(crate) notes: Vec<String>,
}

/// Judges by every path that the fault hits, and by those that it does not: one wrong blame makes it
/// wrong, and one right blame without a wrong one makes it right.
pub(crate) fn judge(fault: &Random, report: &Value) -> Result {
    let mut blamed = Vec::new();
    let mut placed = Vec::new();
    let mut notes = Vec::new();
    for path in report["paths"].as_array().into_iter().flatten() {
        let id = path["id"].as_str().unwrap_or_default();
        let outbound = path["direction"] == "outbound";
        let state = path["state"].as_str().unwrap_or_default();
        if id == "udp-5353" || state == "not-tested" {
            continue;
        }
        let port = path["port"].as_u64().unwrap_or_default() as u16;
        let tcp = id.starts_with("tcp");
        let request = fault.hits(outbound, tcp, port, false);
        let answer = fault.hits(!outbound, tcp, port, true);
        let truth = (request || answer).then(|| party(fault));
        let said = path["blame"].as_str();
        let this = match (truth, said) {
            (None, None) => continue,
            (Some(truth), Some(said)) if truth == said => Blamed::Right,
            // Where it is hit and open all the same, nothing is said of it.
            (_, None) => Blamed::Unknown,
            (_, Some("unknown")) => Blamed::Unknown,
            (_, Some(_)) => Blamed::Wrong,
        };
        if this != Blamed::Right {
            let direction = path["direction"].as_str().unwrap_or_default();
            let evidence = path["evidence"].to_string();
            notes.push(format!(
                "{this:?}: {id} {direction} is {state}, blame {said:?}, truth {truth:?}: {evidence}"
            ));
        }
        blamed.push(this);
        let between = &path["between"];
        let place = place(fault, between);
        if place == Placed::Wrong {
            notes.push(format!(
                "wrong place: {id}: {between}: {}",
                path["evidence"]
            ));
        }
        if between.is_array() || truth == Some("network") {
            placed.push(place);
        }
    }
    let wrong = blamed.contains(&Blamed::Wrong);
    let right = blamed.contains(&Blamed::Right);
    let place = match placed.contains(&Placed::Wrong) {
        true => Placed::Wrong,
        false => placed.into_iter().min().unwrap_or(Placed::NotNamed),
    };
    Result {
        blamed: match (wrong, right) {
            (true, _) => Blamed::Wrong,
            (false, true) => Blamed::Right,
            (false, false) => Blamed::Unknown,
        },
        placed: (party(fault) == "network" || place == Placed::Wrong).then_some(place),
        notes,
    }
}

/// Who is in the way, by the names of `pc1`, which runs the check.
fn party(fault: &Random) -> &'static str {
    match (fault.node, fault.from_a) {
        ("pc1", true) => "local-outbound",
        ("pc1", false) => "local-inbound",
        ("pc2", true) => "remote-inbound",
        ("pc2", false) => "remote-outbound",
        _ => "network",
    }
}

fn place(fault: &Random, between: &Value) -> Placed {
    let addresses: Vec<IpAddr> = between
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|text| text.as_str()?.parse().ok())
        .collect();
    let [last, next] = addresses[..] else {
        return Placed::NotNamed;
    };
    let nodes = fault.shape.nodes(fault.from_a);
    let topology = fault.shape.topology();
    let at = |address| {
        let name = node_at(&topology, address)?;
        nodes.iter().position(|node| *node == name)
    };
    let fault = nodes.iter().position(|node| *node == fault.node);
    match (at(last), fault, at(next)) {
        (Some(last), Some(fault), Some(next)) if last == fault && next == fault + 1 => {
            Placed::Exact
        }
        (Some(last), Some(fault), Some(next)) if last <= fault && fault < next => Placed::Around,
        _ => Placed::Wrong,
    }
}
