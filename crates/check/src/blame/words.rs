//! The same observations, for people.

use super::{Cause, Place};
use crate::{
    evidence::{Answer, IcmpError, Listener, PathEvidence, WireSaw, Witnessed},
    hops::{HopSaw, Trace},
    report::{Direction, Lost, Protocol},
};

/// What caller and callee are called in a report.
struct Names {
    caller: &'static str,
    callee: &'static str,
}

impl Names {
    fn of(e: &PathEvidence) -> Self {
        let (this, other) = ("this host", "the other host");
        match e.direction {
            Direction::Outbound => Self {
                caller: this,
                callee: other,
            },
            Direction::Inbound => Self {
                caller: other,
                callee: this,
            },
        }
    }
}

pub(super) fn reason(e: &PathEvidence, cause: &Cause, place: Option<Place>) -> Option<String> {
    let Names { caller, callee } = Names::of(e);
    Some(match cause {
        Cause::Open => return None,
        Cause::OtherProgram => "open, but what answers there is not dolab".to_owned(),
        Cause::NotTested(why) => why.to_string(),
        Cause::CallerOutput => format!("{caller} does not let the request out"),
        Cause::CallerRoute => format!("{caller} has no route there"),
        Cause::Between if let Some(place) = place => {
            let [last, next] = place.between;
            let what = match place.lost {
                Lost::Request => "",
                Lost::Answer => "the request arrives, its answer ",
            };
            format!(
                "{what}dies between {last} and {next}: something between the two hosts stops it"
            )
        }
        Cause::Between => "something between the two hosts stops it".to_owned(),
        Cause::Impostor => format!("something between the two hosts answers in place of {callee}"),
        Cause::CalleeInput => format!("{callee} does not let the request in"),
        Cause::CalleeOutput => format!("{callee} does not let its own answer out"),
        Cause::CallerInput => format!("{caller} does not let the answer in"),
        Cause::NothingListens(because) => format!("nothing listens on {callee}: {because}"),
        Cause::Absent => format!("nobody on the link answers for the address of {callee}"),
        Cause::HungUp => format!("{callee} accepted the connection and closed it"),
        Cause::Unexplained => "what was seen does not say who is in the way".to_owned(),
    })
}

/// One line per observation, the caller's first.
pub(super) fn evidence(e: &PathEvidence) -> Vec<String> {
    let names = Names::of(e);
    let mut lines = Vec::new();
    if let Some(error) = &e.caller.error {
        let ms = e.caller.waited.as_secs_f64() * 1e3;
        lines.push(format!("{} got {error} after {ms:.1} ms", names.caller));
    }
    lines.extend(
        e.caller
            .icmp
            .iter()
            .map(|i| format!("{} was told: {i}", names.caller)),
    );
    witness(&mut lines, e, names.caller, &e.caller_witness);
    witness(&mut lines, e, names.callee, &e.callee_witness);
    if let Some(callee) = &e.callee {
        lines.push(match &callee.listener {
            Listener::Listening => format!("{} listens", names.callee),
            Listener::Closed(because) => format!("{} does not listen: {because}", names.callee),
        });
        match callee.accepted {
            Some(true) => lines.push(format!("the program on {} got the call", names.callee)),
            Some(false) => lines.push(format!("the program on {} got no call", names.callee)),
            None => {}
        }
        match callee.half_open {
            Some(true) => lines.push(format!(
                "the kernel of {} holds the connection half-open: its answer was not confirmed",
                names.callee
            )),
            Some(false) => lines.push(format!(
                "the kernel of {} holds no half-open connection from there",
                names.callee
            )),
            None => {}
        }
        if let Some(why) = &callee.rules_unread {
            lines.push(format!(
                "the firewall rules of {} could not be read ({why}): whether one is missing, narrowed or \
                 overruled is not known; there, dolab as root reads them",
                names.callee
            ));
        }
        match &callee.answer {
            Answer::Forbidden(error) => {
                lines.push(format!("{} may not send its answer: {error}", names.callee));
            }
            Answer::Failed(error) => {
                lines.push(format!(
                    "{} failed to send its answer: {error}",
                    names.callee
                ));
            }
            Answer::None | Answer::Sent => {}
        }
    }
    route(
        &mut lines,
        names.caller,
        names.callee,
        e.hops.there.as_ref(),
    );
    route(&mut lines, names.callee, names.caller, e.hops.back.as_ref());
    lines
}

/// The way that was seen, and how far the path's packets got on it.
fn route(lines: &mut Vec<String>, from: &str, to: &str, trace: Option<&Trace>) {
    let Some(trace) = trace else {
        return;
    };
    let route: Vec<String> = trace
        .route()
        .iter()
        .map(|router| router.map_or_else(|| "silent".to_owned(), |router| router.to_string()))
        .collect();
    if route.is_empty() {
        return;
    }
    let mut line = format!("the way from {from} to {to}: {}", route.join(", "));
    let tried = trace
        .steps
        .iter()
        .any(|step| step.probe != HopSaw::NotTried);
    let last = trace
        .steps
        .iter()
        .rev()
        .find_map(|step| step.probe.router());
    match last {
        Some(last) => line.push_str(&format!("; its packets were seen as far as {last}")),
        None if tried => line.push_str("; its packets were seen by none of them"),
        None => {}
    }
    lines.push(line);
}

fn witness(lines: &mut Vec<String>, e: &PathEvidence, host: &str, witnessed: &Witnessed) {
    match witnessed {
        Witnessed::Absent(why) => lines.push(format!("the wire of {host} was not watched: {why}")),
        Witnessed::Saw(saw) => {
            lines.push(format!(
                "on the wire of {host}: {}",
                counts(e.path.protocol(), saw)
            ));
            let told = |verb: &str, list: &[IcmpError], lines: &mut Vec<String>| {
                lines.extend(
                    list.iter()
                        .map(|i| format!("on the wire of {host} {verb}: {i}")),
                );
            };
            told("left", &saw.icmp_left, lines);
            told("arrived", &saw.icmp_arrived, lines);
            if !saw.unresolved.is_empty() {
                let who: Vec<String> = saw.unresolved.iter().map(ToString::to_string).collect();
                lines.push(format!(
                    "{host} asked its link for {}: no answer",
                    who.join(", ")
                ));
            }
        }
    }
}

fn counts(protocol: Protocol, saw: &WireSaw) -> String {
    let (request, answer) = match protocol {
        Protocol::Tcp => ("SYN", "SYN/ACK"),
        Protocol::Udp => ("request", "answer"),
    };
    let mut parts = Vec::new();
    for (left, arrived, what) in [
        (saw.requests_left, saw.requests_arrived, request),
        (saw.answers_left, saw.answers_arrived, answer),
        (saw.resets_left, saw.resets_arrived, "RST"),
    ] {
        if left > 0 {
            parts.push(format!("{left} {what} left"));
        }
        if arrived > 0 {
            parts.push(format!("{arrived} {what} arrived"));
        }
    }
    if parts.is_empty() {
        parts.push("no packet of this path".to_owned());
    }
    if saw.requests_from_others > 0 {
        parts.push(format!(
            "{} {request} arrived from other addresses",
            saw.requests_from_others
        ));
    }
    if saw.missed > 0 {
        parts.push(format!("{} packets went by unseen", saw.missed));
    }
    parts.join(", ")
}
