//! What is wrong, with a stable code, and what mends it.
//!
//! One row of [`TABLE`] for each kind of failure. The order of the table is the order of reports:
//! what hides other failures stands before them.

mod fixes;
mod rules;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use dolab_wire::DoCode;

use crate::{
    case::Case,
    report::{Finding, Severity},
};

/// A kind of failure.
#[derive(Debug)]
pub struct Kind {
    /// `DL` and the row of the failure catalogue, from 101 on our own. Never reused.
    pub code: &'static str,
    /// What is wrong, in general.
    pub title: &'static str,
    /// How bad, at its worst.
    pub severity: Severity,
    /// What it rests on.
    pub rests_on: &'static str,
    /// What to do about it, where no command does.
    pub mend: &'static str,
    /// Delivery Optimization's own code for it.
    pub do_code: Option<DoCode>,
    find: fn(&Case) -> Vec<Found>,
}

/// One failure of a kind, as its rule found it.
#[derive(Debug)]
struct Found {
    /// In this case.
    title: String,
    severity: Severity,
    paths: Vec<String>,
    evidence: Vec<String>,
    fixes: Vec<crate::report::Fix>,
}

/// All findings of a case, the one that hides others first.
pub fn of(case: &Case) -> Vec<Finding> {
    let found = |kind: &'static Kind| {
        (kind.find)(case).into_iter().map(move |found| Finding {
            code: kind.code.to_owned(),
            severity: found.severity,
            title: found.title,
            paths: found.paths,
            evidence: found.evidence,
            do_error: kind.do_code.map(|code| code.to_string()),
            fixes: found.fixes,
        })
    };
    TABLE.iter().flat_map(found).collect()
}

/// The kind of a finding.
pub fn kind(code: &str) -> Option<&'static Kind> {
    TABLE.iter().find(|kind| kind.code == code)
}

/// The page that lists every kind (`docs/findings.md`).
pub fn document() -> String {
    let mut page = String::from(
        "# Findings\n\n\
         <!-- Generated from crates/check/src/findings; a test says how to do it again. -->\n\n\
         Codes up to DL099 are rows of the catalogue of known failures of Delivery Optimization; \
         those from DL101 on are dolab's own. A code never changes its meaning. The order is that \
         of reports: what hides other failures stands before them.\n\n\
         A finding names a host only where it was observed that this host is in the way. \
         \"Error\" means that the two hosts can not share, \"warning\" that they can, but not all \
         of it, \"info\" that two peers do not need it. The severity below is the worst that the \
         finding can have.\n",
    );
    for kind in TABLE {
        let severity = match kind.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let _ = write!(
            page,
            "\n## {}: {}\n\nSeverity: {severity}.\n\nRests on: {}\n\nWhat to do: {}\n",
            kind.code, kind.title, kind.rests_on, kind.mend
        );
        if let Some(code) = kind.do_code {
            let meaning = code.meaning().unwrap_or("see its header file");
            let _ = write!(
                page,
                "\nDelivery Optimization's own code: {code} ({meaning}).\n"
            );
        }
    }
    page
}

/// Every kind, in the order of reports.
pub const TABLE: &[Kind] = &[
    Kind {
        code: "DL112",
        title: "the other host has another key",
        severity: Severity::Error,
        rests_on: "the other side's answer to this side's proof of the key.",
        mend: "give both sides the same `--key`, or neither.",
        do_code: None,
        find: rules::wrong_key,
    },
    Kind {
        code: "DL113",
        title: "the other host's dolab can not be talked to",
        severity: Severity::Error,
        rests_on: "the other side's words when the session began.",
        mend: "run the same version on both sides; if it is busy, wait a minute.",
        do_code: None,
        find: rules::incompatible,
    },
    Kind {
        code: "DL119",
        title: "the check broke off",
        severity: Severity::Error,
        rests_on: "a session that stood and was lost before the check was done.",
        mend: "run the check again; see whether the other host or its program stopped.",
        do_code: None,
        find: rules::session_lost,
    },
    Kind {
        code: "DL115",
        title: "nobody on the link answers for the other host's address",
        severity: Severity::Error,
        rests_on: "requests for its link address (ARP, neighbour solicitation) that this host \
                   sent and nobody answered.",
        mend: "see whether the host is on and has this address. On Wi-Fi: whether the access \
               point keeps its clients apart (client isolation), which no host can lift.",
        do_code: None,
        find: rules::absent,
    },
    Kind {
        code: "DL116",
        title: "a host has no route to the other",
        severity: Severity::Error,
        rests_on: "an error of the calling host's own routing table, and nothing that left it.",
        mend: "add the route, or check the address and the prefix length.",
        do_code: None,
        find: rules::no_route,
    },
    Kind {
        code: "DL101",
        title: "outbound TCP 7680 is blocked on a host",
        severity: Severity::Error,
        rests_on: "a connect that the calling host's system forbade, or that never left it by the \
                   account of its own witness, or that its own ICMP error ended.",
        mend: "let TCP 7680 out on that host. On Windows look for a rule that blocks: it beats \
               every rule that allows.",
        do_code: None,
        find: rules::blocked_on_caller,
    },
    Kind {
        code: "DL014",
        title: "inbound TCP 7680 is blocked on a host",
        severity: Severity::Error,
        rests_on: "a request that arrived on that host's wire and got no answer or a refusal \
                   while a listener stood, or an ICMP error that carries its address.",
        mend: "switch on the rule DeliveryOptimization-TCP-In on that host. If it is on: look for \
               a policy that ignores local rules, the Public profile, a firewall of another maker, \
               and, where peers in the same subnet get through, a rule narrowed to LocalSubnet. \
               On Windows Delivery Optimization's own rule admits its service only: for a lab \
               peer there, add the rule by port too.",
        do_code: None,
        find: rules::blocked_on_callee,
    },
    Kind {
        code: "DL102",
        title: "a host drops the answers of TCP 7680",
        severity: Severity::Error,
        rests_on: "an answer that the called host's kernel made and that did not leave it, or that \
                   arrived on the calling host's wire and not at its socket.",
        mend: "let packets of connections that stand pass on that host (established, related).",
        do_code: None,
        find: rules::answers_dropped,
    },
    Kind {
        code: "DL017",
        title: "something between the two hosts blocks TCP 7680",
        severity: Severity::Error,
        rests_on: "a packet that left one host and did not arrive at the other, or a refusal that \
                   neither of them sent.",
        mend: "permit TCP 7680 between the two networks, in both directions, on the router, \
               firewall or access point between them.",
        do_code: None,
        find: rules::blocked_between,
    },
    Kind {
        code: "DL114",
        title: "something between the two hosts answers in the place of one",
        severity: Severity::Error,
        rests_on: "an answer to a call that never arrived at the host that was called.",
        mend: "exempt the two hosts from the proxy or inspection on the way.",
        do_code: None,
        find: rules::impostor,
    },
    Kind {
        code: "DL109",
        title: "another program holds TCP 7680",
        severity: Severity::Error,
        rests_on: "the called host's own failure to listen.",
        mend: "if Delivery Optimization itself holds it (service DoSvc): stop it for the time of \
               the test, or use another port on both sides with `--port`.",
        do_code: None,
        find: rules::port_held,
    },
    Kind {
        code: "DL108",
        title: "nothing listens on TCP 7680",
        severity: Severity::Error,
        rests_on: "the called host's own word that its listener is not up. This is no firewall's \
                   doing, so nobody is blamed.",
        mend: "start `dolab peer` on that host.",
        do_code: None,
        find: rules::nothing_listens,
    },
    Kind {
        code: "DL043",
        title: "no lab peer answered",
        severity: Severity::Warning,
        rests_on: "an address where TCP 7680 is refused, or something that is no dolab answers.",
        mend: "run `dolab peer` there. A closed port proves nothing about a Windows host: an idle \
               one keeps 7680 closed, and opens it only while it shares or downloads.",
        do_code: None,
        find: rules::no_lab_peer,
    },
    Kind {
        code: "DL118",
        title: "TCP 7680 connects, and then nothing comes of it",
        severity: Severity::Error,
        rests_on: "a connection that stood and was cut, closed or silent before the first \
                   exchange was done.",
        mend: "look for inspection of traffic or a firewall that passes the handshake only.",
        do_code: Some(DoCode::SOCKET_CLOSED),
        find: rules::nothing_after_connect,
    },
    Kind {
        code: "DL103",
        title: "TCP 7680 does not pass, and what was seen does not say why",
        severity: Severity::Error,
        rests_on: "a call that was not answered or refused, and too few witnesses.",
        mend: "run both sides with the privilege to watch the wire (root or CAP_NET_RAW on \
               Linux), and see that one path for the session is open: TCP or UDP 443, or DNS-SD.",
        do_code: None,
        find: rules::blocked_by_unknown,
    },
    Kind {
        code: "DL104",
        title: "large packets are lost on the way (MTU black hole)",
        severity: Severity::Error,
        rests_on: "small messages that came back where large ones did not, over the same \
                   connection.",
        mend: "let ICMP \"packet too big\" and \"fragmentation needed\" pass on the way, or set the \
               MTU of both hosts to that of the narrowest link.",
        do_code: Some(DoCode::NO_PROGRESS),
        find: rules::mtu_black_hole,
    },
    Kind {
        code: "DL047",
        title: "bad pieces",
        severity: Severity::Error,
        rests_on: "pieces whose hash was not the expected one.",
        mend: "verify the content on the host that sent it (`--verify`), and check its disk. \
               Delivery Optimization bans such a peer for hours.",
        do_code: Some(DoCode::BAD_HASH_BANNED),
        find: rules::bad_pieces,
    },
    Kind {
        code: "DL105",
        title: "the connection was reset in mid-transfer",
        severity: Severity::Error,
        rests_on: "a reset on an exchange that had begun to move content.",
        mend: "look for inspection of traffic, limits on connections or on bytes, and state that \
               a firewall on the way loses.",
        do_code: Some(DoCode::CONNECTION_LOST),
        find: rules::reset_in_transfer,
    },
    Kind {
        code: "DL106",
        title: "the transfer stalled",
        severity: Severity::Error,
        rests_on: "an exchange on which no byte moved for the time allowed, while the connection \
                   stood.",
        mend: "look for limits on bytes or rate, and for state that a firewall on the way loses.",
        do_code: Some(DoCode::NO_PROGRESS),
        find: rules::stalled_transfer,
    },
    Kind {
        code: "DL107",
        title: "the other host went away in mid-transfer",
        severity: Severity::Error,
        rests_on: "an exchange that the other side closed before its end, or a peer that answers \
                   nothing any more.",
        mend: "see whether the program on the other host was stopped, or the host itself.",
        do_code: Some(DoCode::SOCKET_CLOSED),
        find: rules::peer_gone,
    },
    Kind {
        code: "DL117",
        title: "content could not be moved",
        severity: Severity::Error,
        rests_on: "an exchange that did not begin or that a host could not go on with.",
        mend: "see the evidence: it has the words of the host that failed.",
        do_code: None,
        find: rules::exchange_failed,
    },
    Kind {
        code: "DL020",
        title: "DNS-SD does not pass",
        severity: Severity::Warning,
        rests_on: "a question to UDP 5353 that got no answer, between hosts that can talk to each \
                   other otherwise.",
        mend: "let UDP 5353 in on both hosts, and multicast pass on the switch or access point \
               (IGMP snooping). It ends at a router by design: use subnet or group mode across.",
        do_code: None,
        find: rules::dns_sd_blocked,
    },
    Kind {
        code: "DL110",
        title: "TCP 443 does not pass between the two hosts",
        severity: Severity::Info,
        rests_on: "a call that was not answered or refused.",
        mend: "nothing, between two peers. Delivery Optimization needs TCP 443 to its cloud \
               service, in every mode but Simple and Bypass.",
        do_code: None,
        find: rules::tcp_443_blocked,
    },
    Kind {
        code: "DL111",
        title: "UDP 443 does not pass between the two hosts",
        severity: Severity::Info,
        rests_on: "a QUIC handshake that was not answered.",
        mend: "nothing: many checklists ask for it, and Delivery Optimization is not known to \
               use it between peers.",
        do_code: None,
        find: rules::udp_443_blocked,
    },
    Kind {
        code: "DL046",
        title: "UDP 3544 does not pass between the two hosts",
        severity: Severity::Info,
        rests_on: "a Teredo solicitation that was not answered.",
        mend: "nothing, between two hosts that reach each other: Teredo goes to a server, and \
               only matters to group and internet peers behind different address translators.",
        do_code: None,
        find: rules::udp_3544_blocked,
    },
];
