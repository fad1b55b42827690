use super::{
    Cause, Place,
    hops::{self, Gap},
};
use crate::{
    evidence::{Answer, IcmpError, IcmpKind, Listener, Outcome, PathEvidence, WireSaw},
    report::{Lost, PathState, Protocol},
};

/// State, cause, and the place where it dies. Each rule returns `None` where it does not apply.
pub(super) fn apply(e: &PathEvidence) -> (PathState, Cause, Option<Place>) {
    let facts = Facts::of(e);
    let (state, cause) = chain(e, &facts);
    let (cause, place) = place(&facts, cause);
    (state, cause, place)
}

fn chain(e: &PathEvidence, facts: &Facts<'_>) -> (PathState, Cause) {
    match &e.caller.outcome {
        Outcome::Open => (PathState::Open, Cause::Open),
        Outcome::NotTested(why) => (PathState::NotTested, Cause::NotTested(why.clone())),
        Outcome::Foreign => foreign(facts),
        Outcome::Forbidden => forbidden(facts),
        Outcome::Refused => unanswered(facts, PathState::Refused),
        Outcome::TimedOut => unanswered(facts, state_of_silence(facts)),
        Outcome::Unreachable(_) => unreachable(facts),
        Outcome::ResetAfterConnect => (PathState::Reset, reset(facts)),
        // Packets after the handshake are not witnessed, so that the side which lost them is
        // not known.
        Outcome::SilentAfterConnect => (PathState::Filtered, Cause::Unexplained),
        Outcome::ClosedAfterConnect => (PathState::Reset, Cause::HungUp),
    }
}

/// The links of the chain: `Some(true)` seen, `Some(false)` certainly did not happen, `None` not
/// known.
struct Facts<'a> {
    e: &'a PathEvidence,
    left_caller: Option<bool>,
    arrived_at_callee: Option<bool>,
    left_callee: Option<bool>,
    arrived_at_caller: Option<bool>,
    /// ICMP errors that reached the caller, each with the place that made it.
    icmp: Vec<(IcmpError, Maker)>,
    listening: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Caller,
    Callee,
    Between,
}

impl<'a> Facts<'a> {
    fn of(e: &'a PathEvidence) -> Self {
        let at_caller = e.caller_witness.saw();
        let at_callee = e.callee_witness.saw();
        let arrived = at_callee.and_then(|w| match seen(w, w.requests_arrived) {
            // Behind an address translator the caller's packets carry an address that the
            // callee's witness was not asked about.
            Some(false) if w.requests_from_others > 0 => None,
            seen => seen,
        });
        Self {
            e,
            left_caller: at_caller.and_then(|w| seen(w, w.requests_left)),
            arrived_at_callee: arrived,
            left_callee: at_callee.and_then(|w| seen(w, w.answers_left)),
            arrived_at_caller: at_caller.and_then(|w| seen(w, w.answers_arrived)),
            icmp: e
                .icmp()
                .into_iter()
                .filter_map(|i| Some((i, maker(e, &i)?)))
                .collect(),
            listening: e
                .callee
                .as_ref()
                .map(|c| matches!(c.listener, Listener::Listening)),
        }
    }

    fn protocol(&self) -> Protocol {
        self.e.path.protocol()
    }

    /// What the callee's host sent back to say no: an RST or an ICMP error.
    fn callee_refused(&self) -> Option<bool> {
        let w = self.e.callee_witness.saw()?;
        match w.resets_left > 0 || w.icmp_left.iter().any(is_refusal) {
            true => Some(true),
            false => w.is_complete().then_some(false),
        }
    }

    /// Whether the callee's kernel or program holds proof that the request got in.
    fn got_inside(&self) -> bool {
        let callee = self.e.callee.as_ref();
        callee.is_some_and(|c| c.accepted == Some(true) || c.half_open == Some(true))
    }

    fn nothing_listens(&self) -> Option<Cause> {
        match &self.e.callee.as_ref()?.listener {
            Listener::Listening => None,
            Listener::Closed(because) => Some(Cause::NothingListens(because.clone())),
        }
    }
}

/// A count of sightings as a link of the chain.
fn seen(witness: &WireSaw, count: u32) -> Option<bool> {
    match count {
        0 => witness.is_complete().then_some(false),
        _ => Some(true),
    }
}

fn is_refusal(error: &IcmpError) -> bool {
    match error.kind() {
        IcmpKind::Port
        | IcmpKind::Prohibited
        | IcmpKind::Net
        | IcmpKind::Host
        | IcmpKind::TimeExceeded => true,
        IcmpKind::TooBig | IcmpKind::Other => false,
    }
}

/// Which place made an ICMP error that reached the caller, as far as its sender tells.
fn maker(e: &PathEvidence, error: &IcmpError) -> Option<Maker> {
    if !is_refusal(error) {
        return None;
    }
    let own = e.caller.from.map(|a| a.ip());
    let target = e.caller.to.map(|a| a.ip().to_canonical())?;
    let from = error.from.to_canonical();
    if let Some(w) = e.callee_witness.saw() {
        // The callee's own witness settles it, whatever address the error carries: a host with
        // several addresses may use another one, a translator may change it, a transparent
        // firewall may forge it.
        let same = |i: &IcmpError| (i.icmp_type, i.code) == (error.icmp_type, error.code);
        if w.icmp_left.iter().any(same) && own != Some(from) {
            return Some(Maker::Callee);
        }
        if from == target && own != Some(from) {
            return w.is_complete().then_some(Maker::Between);
        }
    }
    let loops = own == Some(target) || target.is_loopback();
    if loops {
        return None;
    }
    if own.map(|a| a.to_canonical()) == Some(from) || from.is_loopback() {
        return Some(Maker::Caller);
    }
    if from == target {
        return Some(Maker::Callee);
    }
    // Without the caller's own address a foreign sender may still be the caller itself.
    own.filter(|own| !own.is_unspecified())
        .map(|_| Maker::Between)
}

/// Refused or timed out: walks the chain.
fn unanswered(f: &Facts<'_>, state: PathState) -> (PathState, Cause) {
    let cause = never_left(f)
        .or_else(|| answer_came(f))
        .or_else(|| by_icmp(f))
        .or_else(|| lost_on_the_way_there(f))
        .or_else(|| answer_rejected(f))
        .or_else(|| refused_by_callee(f))
        .or_else(|| swallowed_by_callee(f))
        .or_else(|| lost_on_the_way_back(f))
        .or_else(|| closed(f))
        .unwrap_or(Cause::Unexplained);
    (locally_or(state, &cause), cause)
}

/// A path that the caller's own system did not let out is blocked locally, whatever the caller saw.
fn locally_or(state: PathState, cause: &Cause) -> PathState {
    if *cause == Cause::CallerOutput {
        PathState::BlockedLocally
    } else {
        state
    }
}

/// Rule 1. Needs: the caller's witness, complete, and no request that left. A timeout or a refusal
/// then is the caller's own drop or reject (observed), unless the next hop did not answer on the
/// link, in which case the request waits in the kernel and never leaves either.
fn never_left(f: &Facts<'_>) -> Option<Cause> {
    if f.left_caller? {
        return None;
    }
    let w = f.e.caller_witness.saw()?;
    if f.arrived_at_callee == Some(true) || f.got_inside() {
        // The witness must have been blind: it can not have arrived without leaving.
        return Some(Cause::Unexplained);
    }
    own_doing(f, w)
}

fn own_doing(f: &Facts<'_>, w: &WireSaw) -> Option<Cause> {
    let target = f.e.caller.to.map(|a| a.ip().to_canonical());
    if w.unresolved
        .iter()
        .any(|a| Some(a.to_canonical()) == target)
    {
        return Some(Cause::Absent);
    }
    let from_outside = w.answers_arrived > w.answers_left
        || w.resets_arrived > w.resets_left
        || f.icmp.iter().any(|(_, maker)| *maker != Maker::Caller);
    // A next hop that may be the gateway, or an answer to what was never seen to leave (IPsec).
    if !w.unresolved.is_empty() || from_outside {
        return Some(Cause::Unexplained);
    }
    Some(Cause::CallerOutput)
}

/// Rule 2. Needs: one answer seen on the caller's wire, though its socket got none. Only the
/// caller's own input rules are left.
fn answer_came(f: &Facts<'_>) -> Option<Cause> {
    (f.arrived_at_caller? && f.e.caller.outcome == Outcome::TimedOut).then_some(Cause::CallerInput)
}

/// Rule 3. Needs: an ICMP error and the place that made it. From a third address: something
/// between. From the callee: its input rules, except that port unreachable over UDP is also what
/// a kernel says when nothing listens. From the caller: its output rules, when it says prohibited
/// or port unreachable.
fn by_icmp(f: &Facts<'_>) -> Option<Cause> {
    let places: Vec<Maker> = f.icmp.iter().map(|(_, maker)| *maker).collect();
    let first = *places.first()?;
    if places.iter().any(|place| *place != first) {
        return Some(Cause::Unexplained);
    }
    let only_port = f.icmp.iter().all(|(i, _)| i.kind() == IcmpKind::Port);
    match first {
        Maker::Between => Some(Cause::Between),
        Maker::Callee if !only_port || f.protocol() == Protocol::Tcp => Some(Cause::CalleeInput),
        Maker::Callee => match f.listening {
            Some(true) => Some(Cause::CalleeInput),
            Some(false) => f.nothing_listens(),
            None => Some(Cause::Unexplained),
        },
        Maker::Caller => f
            .icmp
            .iter()
            .any(|(i, _)| matches!(i.kind(), IcmpKind::Prohibited | IcmpKind::Port))
            .then_some(Cause::CallerOutput),
    }
}

/// Rule 4. Needs: the request seen to leave the caller, and the callee's witness, complete, that
/// did not see it arrive. Without the caller's witness it may be the caller's own doing.
fn lost_on_the_way_there(f: &Facts<'_>) -> Option<Cause> {
    if f.arrived_at_callee? {
        return None;
    }
    match f.left_caller {
        Some(true) if !f.got_inside() => Some(Cause::Between),
        _ => Some(Cause::Unexplained),
    }
}

/// Rule 5. Needs: the request seen to arrive at the callee, no answer seen to leave it (complete),
/// and an RST or ICMP error that both left and arrived there, which is how a host's reject of its
/// own packet passes over its loopback device (observed).
fn answer_rejected(f: &Facts<'_>) -> Option<Cause> {
    let w = f.e.callee_witness.saw()?;
    let looped = w.resets_left > 0 && w.resets_left == w.resets_arrived
        || w.icmp_left
            .iter()
            .any(|i| is_refusal(i) && w.icmp_arrived.contains(i));
    let swallowed = f.arrived_at_callee? && !f.left_callee?;
    (looped && swallowed && f.listening?).then_some(Cause::CalleeOutput)
}

/// Rule 6. Needs: the request seen to arrive at the callee. The callee's host sent an RST or an
/// ICMP error and no answer: its input rules where something listens, nobody at home where
/// nothing does. Or, the caller being refused, its complete witness saw it send neither: somebody
/// between refused in its place.
fn refused_by_callee(f: &Facts<'_>) -> Option<Cause> {
    if f.arrived_at_callee != Some(true) {
        return None;
    }
    let refused = f.e.caller.outcome == Outcome::Refused;
    match (f.callee_refused()?, f.listening) {
        (true, Some(true)) if f.left_callee == Some(false) => Some(Cause::CalleeInput),
        (true, Some(false)) => f.nothing_listens(),
        (false, _)
            if refused && f.left_caller == Some(true) && f.arrived_at_caller != Some(true) =>
        {
            Some(Cause::Between)
        }
        _ if refused => Some(Cause::Unexplained),
        _ => None,
    }
}

/// Rule 7. Needs: the request seen to arrive at the callee where something listens, and the
/// callee's witness, complete, that saw no answer leave. If the kernel held the connection
/// half-open, or the program got the datagram, the answer was made and dropped on its way out; if
/// it certainly did not, the request was dropped on its way in.
fn swallowed_by_callee(f: &Facts<'_>) -> Option<Cause> {
    let callee = f.e.callee.as_ref()?;
    if matches!(callee.answer, Answer::Forbidden(_)) && f.left_callee != Some(true) {
        // The callee's own system said so: no witness needed.
        return Some(Cause::CalleeOutput);
    }
    if f.arrived_at_callee != Some(true) || f.left_callee != Some(false) {
        return None;
    }
    if f.listening == Some(false) {
        // A kernel says no for a closed port, so something swallowed the request or the refusal.
        return Some(Cause::Unexplained);
    }
    let got_in = match f.protocol() {
        Protocol::Tcp => callee.half_open,
        Protocol::Udp => callee.accepted,
    };
    Some(match (got_in, &callee.answer) {
        (Some(true), Answer::Failed(_)) => Cause::Unexplained,
        (Some(true), Answer::None) if f.protocol() == Protocol::Udp => Cause::Unexplained,
        (Some(true), _) => Cause::CalleeOutput,
        (Some(false), _) => Cause::CalleeInput,
        (None, _) => Cause::Unexplained,
    })
}

/// Rule 8. Needs: an answer seen to leave the callee, and the caller's witness, complete, that did
/// not see it arrive. Without that witness: an ICMP error that came back to the callee, by its
/// sender; over UDP port unreachable does not count, since a caller that gave up says so too.
fn lost_on_the_way_back(f: &Facts<'_>) -> Option<Cause> {
    if !f.left_callee? {
        return None;
    }
    if f.arrived_at_caller == Some(false) {
        return Some(Cause::Between);
    }
    let caller = f.e.caller.from?.ip().to_canonical();
    let back = &f.e.callee_witness.saw()?.icmp_arrived;
    let mut places = back.iter().filter(|i| is_refusal(i)).filter_map(|i| {
        let own = i.from.to_canonical() == caller;
        let late = f.protocol() == Protocol::Udp && i.kind() == IcmpKind::Port;
        (!late).then_some(if own {
            Cause::CallerInput
        } else {
            Cause::Between
        })
    });
    let first = places.next()?;
    places.all(|place| place == first).then_some(first)
}

/// Last: nothing listens, and nothing else is known. A refusal, or silence over UDP, needs no
/// other cause; silence over TCP does.
fn closed(f: &Facts<'_>) -> Option<Cause> {
    let explains = f.e.caller.outcome == Outcome::Refused || f.protocol() == Protocol::Udp;
    if explains { f.nothing_listens() } else { None }
}

/// A timeout in which the wire saw a refusal that the socket was not told about.
fn state_of_silence(f: &Facts<'_>) -> PathState {
    match f.icmp.first() {
        None => PathState::Filtered,
        Some((error, _)) if error.kind() == IcmpKind::Port => PathState::Refused,
        Some(_) => PathState::Unreachable,
    }
}

/// Unreachable. Where nothing left the caller the error is its own: nobody answers on the link, its
/// output rules (an ICMP error of its own making), or its routing table (no ICMP error at all).
/// Else rules 3, 4 and 6.
fn unreachable(f: &Facts<'_>) -> (PathState, Cause) {
    let own = || {
        let cause = never_left(f)?;
        let silent = cause == Cause::CallerOutput && f.icmp.is_empty();
        Some(if silent { Cause::CallerRoute } else { cause })
    };
    let cause = own()
        .or_else(|| by_icmp(f))
        .or_else(|| lost_on_the_way_there(f))
        .or_else(|| refused_by_callee(f))
        .unwrap_or(Cause::Unexplained);
    (locally_or(PathState::Unreachable, &cause), cause)
}

/// The system forbade it. EPERM from output rules and EACCES from a prohibit route are the caller's
/// own (observed on Linux; WSAEACCES on Windows is assumed to be the filtering platform's). But over
/// IPv6 Linux says EACCES too when the network or the callee answers "prohibited" (observed): then
/// it takes the ICMP error's maker, or the caller's witness.
fn forbidden(f: &Facts<'_>) -> (PathState, Cause) {
    let from_afar =
        f.e.caller
            .error
            .as_ref()
            .is_some_and(|e| e.name == "EACCES")
            && f.e
                .caller
                .to
                .is_none_or(|to| to.ip().to_canonical().is_ipv6());
    if !from_afar {
        return (PathState::BlockedLocally, Cause::CallerOutput);
    }
    let cause = never_left(f)
        .or_else(|| by_icmp(f))
        .or_else(|| lost_on_the_way_there(f))
        .or_else(|| refused_by_callee(f))
        .unwrap_or(Cause::Unexplained);
    (locally_or(PathState::Unreachable, &cause), cause)
}

/// A reset after connecting. Needs: an RST seen to arrive at the caller that neither the caller
/// nor, by its complete witness, the callee sent.
fn reset(f: &Facts<'_>) -> Cause {
    let (Some(caller), Some(callee)) = (f.e.caller_witness.saw(), f.e.callee_witness.saw()) else {
        return Cause::Unexplained;
    };
    let from_outside = caller.resets_arrived > 0 && caller.resets_left == 0;
    let not_callee = callee.is_complete() && callee.resets_left == 0;
    if from_outside && not_callee {
        Cause::Between
    } else {
        Cause::Unexplained
    }
}

/// Where something between the two is to blame, the place. And where the chain does not say who: the
/// request is known to have died inside the network when a router got it, and one behind that
/// router, which answers other packets, did not.
fn place(f: &Facts<'_>, cause: Cause) -> (Cause, Option<Place>) {
    let hops = &f.e.hops;
    let at = |lost| {
        move |gap: Gap| Place {
            between: [gap.last, gap.next],
            lost,
        }
    };
    if cause == Cause::Between {
        let there = hops.there.as_ref();
        let refused = refused_at(f).map(at(Lost::Request));
        let place = refused.or_else(|| match f.arrived_at_callee {
            Some(true) => hops::gap(hops.back.as_ref()?, true).map(at(Lost::Answer)),
            Some(false) => hops::gap(there?, true).map(at(Lost::Request)),
            None => hops::gap(there?, false).map(at(Lost::Request)),
        });
        return (cause, place);
    }
    let unseen = f.arrived_at_callee != Some(true) && !f.got_inside();
    if cause == Cause::Unexplained && is_silence(f) && unseen {
        let gap = hops
            .there
            .as_ref()
            .and_then(|trace| hops::gap(trace, false));
        if let Some(gap) = gap.filter(|gap| gap.inside) {
            return (Cause::Between, Some(at(Lost::Request)(gap)));
        }
    }
    (cause, None)
}

/// Nothing was said that contradicts a loss on the way there.
fn is_silence(f: &Facts<'_>) -> bool {
    let waited = matches!(f.e.caller.outcome, Outcome::TimedOut);
    let contradicted = f.arrived_at_caller == Some(true) || f.left_caller == Some(false);
    waited && f.icmp.is_empty() && !contradicted
}

/// Somebody between said no, by an address that the hops know.
fn refused_at(f: &Facts<'_>) -> Option<Gap> {
    let (error, _) = f.icmp.iter().find(|(_, maker)| *maker == Maker::Between)?;
    let last = error.from.to_canonical();
    let trace = f.e.hops.there.as_ref();
    let next = hops::behind(trace, last, error.kind())?;
    Some(Gap {
        last,
        next,
        inside: next != trace?.to,
    })
}

/// Something else answers. Needs: a callee that listens and, by its complete witness, was never
/// asked: then the answer came from between.
fn foreign(f: &Facts<'_>) -> (PathState, Cause) {
    let asked = f.e.callee.as_ref().and_then(|c| c.accepted);
    if f.listening == Some(true) && f.arrived_at_callee == Some(false) && asked != Some(true) {
        return (PathState::Filtered, Cause::Impostor);
    }
    (PathState::Open, Cause::OtherProgram)
}
