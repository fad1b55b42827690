//! One function for each kind: from a case to its findings of that kind.

use super::{Found, fixes};
use crate::{
    blame::Cause,
    case::{Case, Judged, Session, blamed},
    evidence::{ClosedBecause, ExchangeEnd, ExchangeEvidence, Listener, Outcome},
    firewall::{Standing, Way},
    report::{Direction, ExchangeDirection, FixHost, PathId, Severity, Via},
};

fn about_session(title: String, evidence: Vec<String>) -> Vec<Found> {
    vec![Found {
        title,
        severity: Severity::Error,
        paths: Vec::new(),
        evidence,
        fixes: Vec::new(),
    }]
}

pub(super) fn wrong_key(case: &Case) -> Vec<Found> {
    if case.session != Session::WrongKey {
        return Vec::new();
    }
    about_session(
        format!("{} has another key", case.name(FixHost::Remote)),
        Vec::new(),
    )
}

pub(super) fn incompatible(case: &Case) -> Vec<Found> {
    let Session::Incompatible { why } = &case.session else {
        return Vec::new();
    };
    let title = format!(
        "the dolab on {} can not be talked to",
        case.name(FixHost::Remote)
    );
    about_session(title, vec![why.clone()])
}

pub(super) fn session_lost(case: &Case) -> Vec<Found> {
    let Session::Lost { why } = &case.session else {
        return Vec::new();
    };
    let title = format!("the check of {} broke off", case.name(FixHost::Remote));
    about_session(title, vec![why.clone()])
}

/// Sharing fails only where 7680 is open in neither direction: one connection carries both.
fn severity_of_7680(case: &Case) -> Severity {
    let open = |direction| case.is_open(PathId::Tcp7680, direction);
    match open(Direction::Outbound) || open(Direction::Inbound) {
        true => Severity::Warning,
        false => Severity::Error,
    }
}

fn path_name(path: &Judged) -> String {
    let direction = match path.evidence.direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
    };
    format!("{} {direction}", path.evidence.path)
}

/// The title's word for a path: its protocol and the port that was tried.
fn port_name(path: &Judged) -> String {
    let protocol = match path.evidence.path.protocol() {
        crate::report::Protocol::Tcp => "TCP",
        crate::report::Protocol::Udp => "UDP",
    };
    format!("{protocol} {}", path.port())
}

fn found(path: &Judged, severity: Severity, title: String) -> Found {
    Found {
        title,
        severity,
        paths: vec![path_name(path)],
        evidence: path.judgement.evidence.clone(),
        fixes: Vec::new(),
    }
}

/// The directions of 7680 whose cause is of a kind.
fn exchange_paths<'a>(
    case: &'a Case,
    of: impl Fn(&Cause) -> bool + 'a,
) -> impl Iterator<Item = &'a Judged> {
    let ours = |p: &&Judged| p.evidence.path == PathId::Tcp7680;
    case.paths
        .iter()
        .filter(ours)
        .filter(move |p| of(&p.judgement.cause))
}

/// As [`exchange_paths`], made one finding where both directions have the same cause.
fn both_ways(
    case: &Case,
    of: impl Fn(&Cause) -> bool,
    title: impl Fn(&Judged) -> String,
) -> Vec<Found> {
    let severity = severity_of_7680(case);
    let mut all = exchange_paths(case, of);
    let Some(first) = all.next() else {
        return Vec::new();
    };
    let mut merged = found(first, severity, title(first));
    for path in all {
        merged.paths.push(path_name(path));
        merged
            .evidence
            .extend(path.judgement.evidence.iter().cloned());
    }
    vec![merged]
}

/// Whether a host is there all the same: the session goes through the cloud, and by its own word the
/// host has the address that was called.
fn is_there(case: &Case, path: &Judged) -> bool {
    let (info, address) = match path.callee() {
        FixHost::Local => (&case.local, case.local_address),
        FixHost::Remote => (&case.remote, case.remote_address),
    };
    let address = address.map(|address| address.to_canonical().to_string());
    case.session == Session::Held(Via::Cloud)
        && address.is_some_and(|address| info.addresses.contains(&address))
}

pub(super) fn kept_apart(case: &Case) -> Vec<Found> {
    if !exchange_paths(case, |cause| *cause == Cause::Absent).all(|path| is_there(case, path)) {
        return Vec::new();
    }
    let title = |p: &Judged| {
        let (from, to) = (case.name(p.caller()), case.name(p.callee()));
        format!("the link keeps {from} and {to} apart: each reaches the cloud, and not the other")
    };
    both_ways(case, |cause| *cause == Cause::Absent, title)
}

pub(super) fn absent(case: &Case) -> Vec<Found> {
    if !kept_apart(case).is_empty() {
        return Vec::new();
    }
    let title = |p: &Judged| format!("nobody on the link answers for {}", case.name(p.callee()));
    both_ways(case, |cause| *cause == Cause::Absent, title)
}

pub(super) fn no_route(case: &Case) -> Vec<Found> {
    let title = |p: &Judged| {
        format!(
            "{} has no route to {}",
            case.name(p.caller()),
            case.name(p.callee())
        )
    };
    both_ways(case, |cause| *cause == Cause::CallerRoute, title)
}

/// One finding for each direction that a host's rules are in the way of, with the commands for it.
fn on_a_host(
    case: &Case,
    of: impl Fn(&Judged) -> bool,
    way: Way,
    title: impl Fn(&Judged, &str) -> String,
) -> Vec<Found> {
    let severity = severity_of_7680(case);
    exchange_paths(case, |_| true)
        .filter(|path| of(path))
        .filter_map(|path| {
            let host = blamed(path.judgement.blame?)?;
            let mut found = found(path, severity, title(path, &case.name(host)));
            found.fixes = fixes::open_path(case, host, path, way);
            Some(found)
        })
        .collect()
}

pub(super) fn blocked_on_caller(case: &Case) -> Vec<Found> {
    on_a_host(
        case,
        |path| path.judgement.cause == Cause::CallerOutput,
        Way::Out,
        |path, host| format!("outbound {} is blocked on {host}", port_name(path)),
    )
}

pub(super) fn blocked_on_callee(case: &Case) -> Vec<Found> {
    on_a_host(
        case,
        |path| path.judgement.cause == Cause::CalleeInput && standing(path).is_none(),
        Way::In,
        |path, host| format!("inbound {} is blocked on {host}", port_name(path)),
    )
}

/// What the rules of the called host say of the call, where they were read.
fn standing(path: &Judged) -> Option<&Standing> {
    path.evidence.callee.as_ref()?.rules.as_ref()
}

pub(super) fn overruled(case: &Case) -> Vec<Found> {
    let admits = |path: &Judged| match standing(path)? {
        Standing::Admits { rule } => Some(rule.clone()),
        Standing::AdmitsOthers { .. } => None,
    };
    let severity = severity_of_7680(case);
    exchange_paths(case, |cause| *cause == Cause::CalleeInput)
        .filter_map(|path| {
            let rule = admits(path)?;
            let (port, host) = (port_name(path), case.name(path.callee()));
            let title =
                format!("{host} has a rule that lets {port} in, and something overrules it");
            // One more rule beside it would change nothing: there is no command for it.
            let mut found = found(path, severity, title);
            found
                .evidence
                .push(format!("a rule there lets it in: {rule}"));
            Some(found)
        })
        .collect()
}

pub(super) fn narrowed(case: &Case) -> Vec<Found> {
    let others = |path: &Judged| match standing(path)? {
        Standing::AdmitsOthers { rule, from } => Some((rule.clone(), from.join(", "))),
        Standing::Admits { .. } => None,
    };
    let mut all = on_a_host(
        case,
        |path| path.judgement.cause == Cause::CalleeInput && others(path).is_some(),
        Way::In,
        |path, host| {
            let from = others(path).map_or_else(String::new, |(_, from)| from);
            format!(
                "the rule for {} on {host} admits {from} only",
                port_name(path)
            )
        },
    );
    let rules = exchange_paths(case, |cause| *cause == Cause::CalleeInput).filter_map(others);
    for (found, (rule, _)) in all.iter_mut().zip(rules) {
        found
            .evidence
            .push(format!("no rule there lets the caller in; the one: {rule}"));
    }
    all
}

pub(super) fn answers_dropped(case: &Case) -> Vec<Found> {
    let mut all = on_a_host(
        case,
        |path| path.judgement.cause == Cause::CalleeOutput,
        Way::AnswersOut,
        |path, host| {
            format!(
                "{host} does not let its answers from {} out",
                port_name(path)
            )
        },
    );
    all.extend(on_a_host(
        case,
        |path| path.judgement.cause == Cause::CallerInput,
        Way::AnswersIn,
        |path, host| format!("{host} does not let answers from {} in", port_name(path)),
    ));
    all
}

pub(super) fn blocked_between(case: &Case) -> Vec<Found> {
    let title = |p: &Judged| {
        let (from, to) = (case.name(p.caller()), case.name(p.callee()));
        format!("something between {from} and {to} blocks {}", port_name(p))
    };
    both_ways(case, |cause| *cause == Cause::Between, title)
}

pub(super) fn impostor(case: &Case) -> Vec<Found> {
    let title = |p: &Judged| {
        format!(
            "something on the way answers in the place of {}",
            case.name(p.callee())
        )
    };
    both_ways(case, |cause| *cause == Cause::Impostor, title)
}

/// Directions of 7680 whose callee says that its listener is not up, and why.
fn closed(case: &Case) -> impl Iterator<Item = (&Judged, &ClosedBecause)> {
    let ours = |p: &&Judged| p.evidence.path == PathId::Tcp7680;
    case.paths
        .iter()
        .filter(ours)
        .filter_map(|p| match &p.evidence.callee.as_ref()?.listener {
            Listener::Closed(because) => Some((p, because)),
            Listener::Listening => None,
        })
}

pub(super) fn port_held(case: &Case) -> Vec<Found> {
    let severity = severity_of_7680(case);
    closed(case)
        .filter_map(|(path, because)| {
            let ClosedBecause::Held { by } = because else {
                return None;
            };
            let host = case.name(path.callee());
            let by = by.as_deref().unwrap_or("another program");
            let title = format!("{} on {host} is held by {by}", port_name(path));
            let mut found = found(path, severity, title);
            found.fixes = fixes::stop_delivery_optimization(case, path.callee());
            Some(found)
        })
        .collect()
}

pub(super) fn nothing_listens(case: &Case) -> Vec<Found> {
    let severity = severity_of_7680(case);
    closed(case)
        .filter(|(_, because)| !matches!(because, ClosedBecause::Held { .. }))
        .map(|(path, because)| {
            let (port, host) = (port_name(path), case.name(path.callee()));
            found(
                path,
                severity,
                format!("nothing listens on {port} of {host}: {because}"),
            )
        })
        .collect()
}

pub(super) fn no_lab_peer(case: &Case) -> Vec<Found> {
    let Some(path) = case.path(PathId::Tcp7680, Direction::Outbound) else {
        return Vec::new();
    };
    let nobody = case.session == Session::NotAPeer
        || case.session == Session::Unreached && answers_but_no_peer(path);
    if !nobody {
        return Vec::new();
    }
    let host = case.name(FixHost::Remote);
    let mut found = found(
        path,
        Severity::Warning,
        format!("no lab peer answered on {host}"),
    );
    found.evidence.push(
        "an idle Windows host keeps 7680 closed: this says nothing about whether it could share"
            .to_owned(),
    );
    vec![found]
}

/// Refused by nobody in particular, or answered by something that is no dolab.
fn answers_but_no_peer(path: &Judged) -> bool {
    let cause = &path.judgement.cause;
    let refused = path.evidence.caller.outcome == Outcome::Refused;
    matches!(
        cause,
        Cause::OtherProgram | Cause::HungUp | Cause::NothingListens(_)
    ) || *cause == Cause::Unexplained && refused
}

/// Directions of 7680 where the connection stood and came to nothing.
fn came_to_nothing(path: &Judged) -> bool {
    matches!(path.judgement.cause, Cause::HungUp | Cause::Unexplained)
        && matches!(
            path.evidence.caller.outcome,
            Outcome::ResetAfterConnect | Outcome::SilentAfterConnect | Outcome::ClosedAfterConnect
        )
}

pub(super) fn nothing_after_connect(case: &Case) -> Vec<Found> {
    if !no_lab_peer(case).is_empty() {
        return Vec::new();
    }
    let severity = severity_of_7680(case);
    exchange_paths(case, |_| true)
        .filter(|path| came_to_nothing(path))
        .map(|path| {
            let (port, host) = (port_name(path), case.name(path.callee()));
            found(
                path,
                severity,
                format!("{port} of {host} connects, and nothing comes of it"),
            )
        })
        .collect()
}

pub(super) fn blocked_by_unknown(case: &Case) -> Vec<Found> {
    let covered = !no_lab_peer(case).is_empty() || case.session == Session::WrongKey;
    if covered {
        return Vec::new();
    }
    let severity = severity_of_7680(case);
    exchange_paths(case, |cause| *cause == Cause::Unexplained)
        .filter(|path| path.is_blocked() && !came_to_nothing(path))
        .filter(|path| !closed(case).any(|(closed, _)| closed == *path))
        .map(|path| {
            let (port, host) = (port_name(path), case.name(path.callee()));
            found(
                path,
                severity,
                format!("{port} to {host} does not pass, by whose doing is not known"),
            )
        })
        .collect()
}

/// Exchanges that ended in a way.
fn ended<'a>(
    case: &'a Case,
    how: impl Fn(&ExchangeEvidence) -> bool + 'a,
) -> impl Iterator<Item = &'a ExchangeEvidence> {
    case.exchange.iter().filter(move |e| how(e))
}

fn about_exchange(case: &Case, exchange: &ExchangeEvidence, what: &str) -> Found {
    let (from, to) = match exchange.direction {
        ExchangeDirection::Receive => (FixHost::Remote, FixHost::Local),
        ExchangeDirection::Send => (FixHost::Local, FixHost::Remote),
    };
    let (from, to) = (case.name(from), case.name(to));
    let whole = |e: &&ExchangeEvidence| e.end == ExchangeEnd::Complete && e.bad_pieces == 0;
    let ExchangeEvidence {
        moved,
        wanted,
        verified,
        bad_pieces,
        ..
    } = exchange;
    let mut evidence = vec![format!(
        "{moved} of {wanted} bytes moved, {verified} pieces verified, {bad_pieces} bad"
    )];
    if let Some(echo) = exchange.echo {
        let came = |yes| {
            if yes {
                "came back"
            } else {
                "did not come back"
            }
        };
        evidence.push(format!(
            "a small message {}, one of {} bytes {}",
            came(echo.small),
            echo.large_size,
            came(echo.large)
        ));
    }
    if let Some(mtu) = exchange.path_mtu {
        evidence.push(format!("this host sends packets of up to {mtu} bytes"));
    }
    Found {
        title: format!("{what}: content from {from} to {to}"),
        severity: match case.exchange.iter().any(|e| whole(&e)) {
            true => Severity::Warning,
            false => Severity::Error,
        },
        paths: vec![PathId::Tcp7680.to_string()],
        evidence,
        fixes: Vec::new(),
    }
}

/// Small messages come back and large ones do not.
fn is_black_hole(exchange: &ExchangeEvidence) -> bool {
    exchange.end != ExchangeEnd::Complete
        && exchange.echo.is_some_and(|echo| echo.small && !echo.large)
}

pub(super) fn mtu_black_hole(case: &Case) -> Vec<Found> {
    ended(case, is_black_hole)
        .map(|e| {
            about_exchange(
                case,
                e,
                "large packets are lost on the way (MTU black hole)",
            )
        })
        .collect()
}

pub(super) fn bad_pieces(case: &Case) -> Vec<Found> {
    ended(case, |e| {
        e.bad_pieces > 0 || e.end == ExchangeEnd::BadPieces
    })
    .map(|e| about_exchange(case, e, "pieces failed their hash"))
    .collect()
}

pub(super) fn reset_in_transfer(case: &Case) -> Vec<Found> {
    ended(case, |e| e.end == ExchangeEnd::Reset && !is_black_hole(e))
        .map(|e| about_exchange(case, e, "the connection was reset in mid-transfer"))
        .collect()
}

pub(super) fn stalled_transfer(case: &Case) -> Vec<Found> {
    ended(case, |e| {
        matches!(e.end, ExchangeEnd::Stalled { .. }) && !is_black_hole(e)
    })
    .map(|e| about_exchange(case, e, "the transfer stalled"))
    .collect()
}

pub(super) fn peer_gone(case: &Case) -> Vec<Found> {
    let gone = |e: &ExchangeEvidence| matches!(e.end, ExchangeEnd::Closed | ExchangeEnd::PeerGone);
    ended(case, move |e| gone(e) && !is_black_hole(e))
        .map(|e| about_exchange(case, e, "the other host went away in mid-transfer"))
        .collect()
}

pub(super) fn exchange_failed(case: &Case) -> Vec<Found> {
    let reachable = severity_of_7680(case) == Severity::Warning;
    case.exchange
        .iter()
        .filter_map(|e| {
            let why = match &e.end {
                ExchangeEnd::Declined { why } | ExchangeEnd::HostFailed { why } => why.clone(),
                // Where 7680 is blocked that is the finding, and this its consequence.
                ExchangeEnd::NoConnection if reachable => {
                    "no connection was made for it".to_owned()
                }
                ExchangeEnd::NoConnection
                | ExchangeEnd::Complete
                | ExchangeEnd::Reset
                | ExchangeEnd::Stalled { .. }
                | ExchangeEnd::Closed
                | ExchangeEnd::PeerGone
                | ExchangeEnd::BadPieces => return None,
            };
            let mut found = about_exchange(case, e, "content could not be moved");
            found.evidence.push(why);
            Some(found)
        })
        .collect()
}

/// A path that is no part of the exchange, blocked in one direction or both. Only with a session:
/// without one all that fails has one reason, and that is a finding of its own.
fn beside(case: &Case, path: PathId, severity: Severity, title: &str) -> Vec<Found> {
    if !case.has_session() {
        return Vec::new();
    }
    let mut blocked = case
        .paths
        .iter()
        .filter(|p| p.evidence.path == path && p.is_blocked());
    let Some(first) = blocked.next() else {
        return Vec::new();
    };
    let mut merged = found(first, severity, String::new());
    let mut fixes = beside_fixes(case, first);
    for path in blocked {
        merged.paths.push(path_name(path));
        merged
            .evidence
            .extend(path.judgement.evidence.iter().cloned());
        fixes.extend(beside_fixes(case, path));
    }
    for fix in fixes {
        if !merged.fixes.contains(&fix) {
            merged.fixes.push(fix);
        }
    }
    let reasons = merged_reasons(case, path);
    merged.title = format!("{title}: {reasons}");
    vec![merged]
}

/// Why a path is blocked, each reason once.
fn merged_reasons(case: &Case, path: PathId) -> String {
    let blocked = case
        .paths
        .iter()
        .filter(|p| p.evidence.path == path && p.is_blocked());
    let mut reasons: Vec<String> = Vec::new();
    for reason in blocked.filter_map(|p| p.judgement.reason.clone()) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons.join("; ")
}

fn beside_fixes(case: &Case, path: &Judged) -> Vec<crate::report::Fix> {
    let ways = [
        (Cause::CallerOutput, Way::Out),
        (Cause::CalleeInput, Way::In),
        (Cause::CalleeOutput, Way::AnswersOut),
        (Cause::CallerInput, Way::AnswersIn),
    ];
    let way = ways
        .into_iter()
        .find(|(cause, _)| *cause == path.judgement.cause);
    let host = path.judgement.blame.and_then(blamed);
    match (way, host) {
        (Some((_, way)), Some(host)) => fixes::open_path(case, host, path, way),
        (None, _) | (_, None) => Vec::new(),
    }
}

pub(super) fn dns_sd_blocked(case: &Case) -> Vec<Found> {
    beside(
        case,
        PathId::Udp5353,
        Severity::Warning,
        "DNS-SD (UDP 5353) does not pass",
    )
}

pub(super) fn tcp_443_blocked(case: &Case) -> Vec<Found> {
    let title = "TCP 443 does not pass between the two hosts, and need not";
    beside(case, PathId::Tcp443, Severity::Info, title)
}

pub(super) fn udp_443_blocked(case: &Case) -> Vec<Found> {
    let title = "UDP 443 does not pass between the two hosts, and need not";
    beside(case, PathId::Udp443, Severity::Info, title)
}

pub(super) fn udp_3544_blocked(case: &Case) -> Vec<Found> {
    let title = "UDP 3544 does not pass between the two hosts, and need not";
    beside(case, PathId::Udp3544, Severity::Info, title)
}
