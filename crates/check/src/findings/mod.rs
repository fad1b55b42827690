//! What is wrong, with a stable code, and what mends it.
//!
//! The texts are the [catalogue](dolab_catalogue)'s; here stand the rules. The order of `RULES` is
//! the order of reports: what hides other failures stands before them.

mod fixes;
mod rules;
#[cfg(test)]
mod tests;

use dolab_catalogue::Failure;

use crate::{
    case::Case,
    report::{Finding, Severity},
};

/// How a kind of failure is found.
#[derive(Debug)]
struct Rule {
    /// Its row of the catalogue.
    code: &'static str,
    /// Failures of which this one is a mere consequence where they are found too.
    follows: &'static [&'static str],
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
    let mut findings: Vec<Finding> = Vec::new();
    for rule in RULES {
        let cause = rule
            .follows
            .iter()
            .find(|code| findings.iter().any(|before| before.code == **code));
        let found = (rule.find)(case).into_iter().map(|found| Finding {
            code: rule.code.to_owned(),
            severity: found.severity,
            title: found.title,
            paths: found.paths,
            evidence: found.evidence,
            do_error: failure(rule.code).do_code().map(|code| code.to_string()),
            consequence_of: cause.map(|code| (*code).to_owned()),
            fixes: found.fixes,
        });
        let found: Vec<_> = found.collect();
        findings.extend(found);
    }
    findings
}

/// The row of a code that a rule has.
pub(crate) fn failure(code: &str) -> &'static Failure {
    dolab_catalogue::failure(code).expect("a test holds that every rule has a row")
}

/// The codes that a check may find, in the order of reports.
pub fn codes() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.code)
}

/// Without a way to the other host nothing passes, on any port.
const NO_WAY: &[&str] = &["DL018", "DL115", "DL116"];
/// Where TCP 7680 does not pass, no content moves over it.
const NO_EXCHANGE: &[&str] = &[
    "DL018", "DL115", "DL116", "DL101", "DL015", "DL016", "DL014", "DL102", "DL017", "DL114",
    "DL109", "DL108", "DL118", "DL103",
];
/// What ends a transfer shows as an end of it on either side.
const BROKEN: &[&str] = &["DL119", "DL104", "DL047"];

/// Every rule, in the order of reports.
const RULES: &[Rule] = &[
    Rule {
        code: "DL112",
        follows: &[],
        find: rules::wrong_key,
    },
    Rule {
        code: "DL113",
        follows: &[],
        find: rules::incompatible,
    },
    Rule {
        code: "DL119",
        follows: &[],
        find: rules::session_lost,
    },
    Rule {
        code: "DL018",
        follows: &[],
        find: rules::kept_apart,
    },
    Rule {
        code: "DL115",
        follows: &[],
        find: rules::absent,
    },
    Rule {
        code: "DL116",
        follows: &[],
        find: rules::no_route,
    },
    Rule {
        code: "DL101",
        follows: &[],
        find: rules::blocked_on_caller,
    },
    Rule {
        code: "DL015",
        follows: &[],
        find: rules::overruled,
    },
    Rule {
        code: "DL016",
        follows: &[],
        find: rules::narrowed,
    },
    Rule {
        code: "DL014",
        follows: &[],
        find: rules::blocked_on_callee,
    },
    Rule {
        code: "DL102",
        follows: &[],
        find: rules::answers_dropped,
    },
    Rule {
        code: "DL017",
        follows: &[],
        find: rules::blocked_between,
    },
    Rule {
        code: "DL114",
        follows: &[],
        find: rules::impostor,
    },
    Rule {
        code: "DL109",
        follows: &[],
        find: rules::port_held,
    },
    Rule {
        code: "DL108",
        follows: &[],
        find: rules::nothing_listens,
    },
    Rule {
        code: "DL043",
        follows: NO_WAY,
        find: rules::no_lab_peer,
    },
    Rule {
        code: "DL118",
        follows: NO_WAY,
        find: rules::nothing_after_connect,
    },
    Rule {
        code: "DL103",
        follows: NO_WAY,
        find: rules::blocked_by_unknown,
    },
    Rule {
        code: "DL104",
        follows: &[],
        find: rules::mtu_black_hole,
    },
    Rule {
        code: "DL047",
        follows: &[],
        find: rules::bad_pieces,
    },
    Rule {
        code: "DL105",
        follows: BROKEN,
        find: rules::reset_in_transfer,
    },
    Rule {
        code: "DL106",
        follows: BROKEN,
        find: rules::stalled_transfer,
    },
    Rule {
        code: "DL107",
        follows: BROKEN,
        find: rules::peer_gone,
    },
    Rule {
        code: "DL117",
        follows: NO_EXCHANGE,
        find: rules::exchange_failed,
    },
    Rule {
        code: "DL020",
        follows: NO_WAY,
        find: rules::dns_sd_blocked,
    },
    Rule {
        code: "DL110",
        follows: NO_WAY,
        find: rules::tcp_443_blocked,
    },
    Rule {
        code: "DL111",
        follows: NO_WAY,
        find: rules::udp_443_blocked,
    },
    Rule {
        code: "DL046",
        follows: NO_WAY,
        find: rules::udp_3544_blocked,
    },
];
