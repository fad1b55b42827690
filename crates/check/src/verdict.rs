//! The answer: a word, and one sentence that a person can act on.

use crate::{
    case::Case,
    evidence::{ExchangeEnd, ExchangeEvidence},
    findings::failure,
    report::{
        Blame, Direction, ExchangeDirection, Finding, FixHost, PathId, PathState, Severity, Verdict,
    },
};

/// The verdict on a case with these findings, and its sentence.
///
/// - *Pass* only if content moved in both directions, all of it verified, TCP 7680 is open in both
///   directions, and no finding is worse than worth knowing.
/// - *Degraded* if content moved, but not all of that holds.
/// - *Fail* if it is known that the two hosts can not share.
/// - *Inconclusive* if too little could be seen to say.
pub fn of(case: &Case, findings: &[Finding]) -> (Verdict, String) {
    let verdict = verdict(case, findings);
    (verdict, sentence(case, findings, verdict))
}

fn verdict(case: &Case, findings: &[Finding]) -> Verdict {
    let (out, inward) = (Direction::Outbound, Direction::Inbound);
    let open = |direction| case.is_open(PathId::Tcp7680, direction);
    if !case.has_session() {
        return match case.path(PathId::Tcp7680, out) {
            Some(p) if matches!(p.judgement.blame, Some(b) if b != Blame::Unknown) => Verdict::Fail,
            _ => Verdict::Inconclusive,
        };
    }
    let moved = |direction| {
        case.exchange
            .iter()
            .any(|e| e.direction == direction && is_whole(e))
    };
    let (received, sent) = (
        moved(ExchangeDirection::Receive),
        moved(ExchangeDirection::Send),
    );
    let flawed = findings.iter().any(|f| f.severity >= Severity::Warning);
    match (received, sent) {
        (true, true) if open(out) && open(inward) && !flawed => Verdict::Pass,
        (true, _) | (_, true) => Verdict::Degraded,
        (false, false) if !case.exchange.is_empty() => Verdict::Fail,
        // Nothing was to be moved, or could be: the paths alone say when it is hopeless.
        (false, false) => match [out, inward].map(|d| state(case, d)) {
            [Some(a), Some(b)] if is_shut(a) && is_shut(b) => Verdict::Fail,
            _ => Verdict::Inconclusive,
        },
    }
}

fn state(case: &Case, direction: Direction) -> Option<PathState> {
    case.path(PathId::Tcp7680, direction)
        .map(|p| p.judgement.state)
}

fn is_shut(state: PathState) -> bool {
    !matches!(state, PathState::Open | PathState::NotTested)
}

fn is_whole(exchange: &ExchangeEvidence) -> bool {
    exchange.end == ExchangeEnd::Complete && exchange.bad_pieces == 0 && exchange.verified > 0
}

fn sentence(case: &Case, findings: &[Finding], verdict: Verdict) -> String {
    let (here, there) = (case.name(FixHost::Local), case.name(FixHost::Remote));
    if verdict == Verdict::Pass {
        return format!(
            "{here} and {there} can share: content moved in both directions and every piece was \
             verified"
        );
    }
    match findings.iter().find(|f| f.severity >= Severity::Warning) {
        Some(finding) => {
            let title = &finding.title;
            let works = match verdict {
                Verdict::Degraded => " (content moved all the same)",
                Verdict::Pass | Verdict::Fail | Verdict::Inconclusive => "",
            };
            format!("{title}{works}: {}", remedy(finding))
        }
        None => without_finding(case, &here, &there),
    }
}

/// The command that mends it, or else what its kind says.
fn remedy(finding: &Finding) -> String {
    match finding.fixes.first() {
        Some(fix) => {
            let place = match fix.host {
                FixHost::Local => "here",
                FixHost::Remote => "there",
            };
            format!("run {place}: {}", fix.command)
        }
        None => failure(&finding.code).mend.trim_end_matches('.').to_owned(),
    }
}

fn without_finding(case: &Case, here: &str, there: &str) -> String {
    if !case.has_session() {
        return format!("nothing could be learnt of {there}: run `dolab peer` there");
    }
    if case.exchange.is_empty() {
        return format!(
            "no content was moved between {here} and {there}: run the check with a size to prove \
             more than the paths"
        );
    }
    format!(
        "{here} and {there} can share over connections that one of them opens; TCP 7680 was not \
         tested in the other direction"
    )
}
