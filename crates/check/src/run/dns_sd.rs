//! UDP 5353: whether each side sees the other's announcement. There is no call: who announces is
//! the caller, who browses the callee.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use dolab_wire::session::{Ask, Reply};
use tokio::time::timeout;

use super::{Progress, Run};
use crate::{
    evidence::{CallerReport, CallerSaw, NoWitness, NotTested, Outcome, PathEvidence, Witnessed},
    report::{Direction, PathId},
    session::asker::Asker,
    sighting,
    station::with_port,
    wire_view,
};

const PATH: PathId = PathId::Udp5353;

/// Time until an announcement has to be seen. A host that has just begun announces after about a
/// second (RFC 6762, section 8.1), and asks again a second later.
const WAIT: Duration = Duration::from_millis(3500);

/// The same, for an announcement that was late: another host had the name, or the same idea at the
/// same time (RFC 6762, section 8.2), which takes seconds to settle.
const LATE: Duration = Duration::from_millis(1500);

/// Why nobody can have seen it.
const NOT_OUT: &str = "the announcement was not out in time: another host on the link has its name";

/// Time for a question and its answer, beside the wait.
const SLACK: Duration = Duration::from_millis(800);

/// Outbound and inbound.
pub(super) async fn both(run: &Run, asker: &Asker) -> (PathEvidence, PathEvidence) {
    run.tell(Progress::Probing {
        path: PATH,
        direction: Direction::Outbound,
    });
    run.tell(Progress::Probing {
        path: PATH,
        direction: Direction::Inbound,
    });
    let outbound = async { told(run, outbound(run, asker).await) };
    let inbound = async { told(run, inbound(run, asker).await) };
    tokio::join!(outbound, inbound)
}

fn told(run: &Run, evidence: PathEvidence) -> PathEvidence {
    run.tell_probed(&evidence);
    evidence
}

/// Why mDNS can not work between these two, whatever the firewalls do.
fn impossible(run: &Run) -> Option<NotTested> {
    let addr = run.addr.ip().to_canonical();
    if addr.is_loopback() {
        let on_loopback = run.shared.is_on_loopback();
        return (!on_loopback).then_some(NotTested::SameHost);
    }
    (!on_link(addr)).then_some(NotTested::OtherLink)
}

/// Whether an address is in a network that this host is directly attached to.
pub(super) fn on_link(addr: IpAddr) -> bool {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces
        .iter()
        .any(|interface| match (&interface.addr, addr) {
            (if_addrs::IfAddr::V4(own), IpAddr::V4(addr)) => {
                let mask = own.netmask.to_bits();
                mask != 0 && own.ip.to_bits() & mask == addr.to_bits() & mask
            }
            (if_addrs::IfAddr::V6(own), IpAddr::V6(addr)) => {
                let mask = own.netmask.to_bits();
                addr.is_unicast_link_local()
                    || mask != 0 && own.ip.to_bits() & mask == addr.to_bits() & mask
            }
            _ => false,
        })
}

/// They see us.
async fn outbound(run: &Run, asker: &Asker) -> PathEvidence {
    let not_tested = |why| PathEvidence::not_tested(PATH, Direction::Outbound, why);
    let shows = run.shared.announces();
    let wait = if shows {
        run.time_left().min(WAIT)
    } else {
        Duration::ZERO
    };
    if let Some(why) = impossible(run) {
        return not_tested(why);
    }
    if run.shared.discovery.is_none() {
        return not_tested(NotTested::Failed {
            why: run.shared.why_closed(PATH),
        });
    }
    let began = Instant::now();
    // Asked also when we do not announce ourselves: it makes the other side show itself.
    let mut answer = sighted(run, asker, wait).await;
    if !shows {
        return not_tested(NotTested::NotAsked);
    }
    let announced = || run.shared.has_announced_for(sighting::TO_BE_SEEN);
    if matches!(answer, Ok((false, _))) && !announced() {
        let left = run.time_left().saturating_sub(LATE + SLACK * 2);
        if timeout(left, run.shared.wait_announced()).await.is_ok() {
            answer = sighted(run, asker, LATE).await;
        }
        if matches!(answer, Ok((false, _))) && !announced() {
            return not_tested(NotTested::Failed {
                why: NOT_OUT.into(),
            });
        }
    }
    let (seen, waited) = match answer {
        Ok(answer) => answer,
        Err(why) => return not_tested(why),
    };
    if !seen && run.addr.ip().is_loopback() {
        return not_tested(NotTested::SameHost);
    }
    let to = with_port(run.addr, PATH.port());
    let from = SocketAddr::new(asker.carrier.local.ip().to_canonical(), PATH.port());
    let saw = saw(seen, waited, from, to);
    let witness = wire_view::of_caller(run.witness(), PATH, &saw, began);
    let evidence =
        PathEvidence::from_caller(PATH, Direction::Outbound, CallerReport { saw, witness });
    if seen {
        return evidence;
    }
    let (path, port, since_ms) = (PATH.to_string(), PATH.port(), millis(began.elapsed()));
    let ask = Ask::Seen {
        path,
        from: vec![from],
        port,
        since_ms,
    };
    let Ok(Reply::Seen { evidence: callee }) = asker.ask(ask, run.time_left().min(SLACK)).await
    else {
        return evidence;
    };
    match serde_json::from_value(callee) {
        Ok(callee) => evidence.with_callee(callee),
        Err(_) => evidence,
    }
}

/// We see them.
async fn inbound(run: &Run, asker: &Asker) -> PathEvidence {
    let not_tested = |why| PathEvidence::not_tested(PATH, Direction::Inbound, why);
    if let Some(why) = impossible(run) {
        return not_tested(why);
    }
    if run.shared.discovery.is_none() {
        return not_tested(NotTested::Failed {
            why: run.shared.why_closed(PATH),
        });
    }
    if !asker.theirs.announces {
        return not_tested(NotTested::Declined {
            why: "it does not announce itself".into(),
        });
    }
    let began = Instant::now();
    let (peer, wait) = (&asker.theirs.peer, run.time_left().min(WAIT));
    let (mut seen, mut waited) = sighting::wait_for(&run.shared, peer, wait).await;
    let mut witness = Witnessed::Absent(NoWitness::NotAsked);
    if !seen && run.addr.ip().is_loopback() {
        return not_tested(NotTested::SameHost);
    }
    if !seen {
        let mut announced;
        (witness, announced) = called(run, asker, began).await;
        if !announced {
            let late = run.time_left().saturating_sub(SLACK * 2).min(LATE * 2);
            (seen, _) = sighting::wait_for(&run.shared, peer, late).await;
            waited = began.elapsed();
            (witness, announced) = called(run, asker, began).await;
        }
        if !seen && !announced {
            return not_tested(NotTested::Declined {
                why: NOT_OUT.into(),
            });
        }
    }
    let from = with_port(run.addr, PATH.port());
    let to = SocketAddr::new(asker.carrier.local.ip().to_canonical(), PATH.port());
    let saw = saw(seen, waited, from, to);
    let evidence =
        PathEvidence::from_caller(PATH, Direction::Inbound, CallerReport { saw, witness });
    let remote = (run.addr.ip(), peer.as_str());
    let callee = wire_view::of_callee(&run.shared, PATH, remote, &[from], PATH.port(), began);
    evidence.with_callee(callee)
}

/// What crossed their wire of their announcements, and whether these are out for long enough to be
/// seen. Who does not say is taken by its word that it announces itself.
async fn called(run: &Run, asker: &Asker, began: Instant) -> (Witnessed, bool) {
    let (path, port, since_ms) = (PATH.to_string(), PATH.port(), millis(began.elapsed()));
    let ask = Ask::Called {
        path,
        port,
        since_ms,
    };
    let absent = Witnessed::Absent(NoWitness::NotAsked);
    match asker.ask(ask, run.time_left().min(SLACK)).await {
        Ok(Reply::Called {
            evidence,
            announced,
        }) => (
            serde_json::from_value(evidence).unwrap_or(absent),
            announced,
        ),
        _ => (absent, true),
    }
}

/// Asks whether they see us, while we show ourselves.
async fn sighted(run: &Run, asker: &Asker, wait: Duration) -> Result<(bool, Duration), NotTested> {
    let ask = Ask::Sighting {
        peer: run.shared.peer_id(),
        wait_ms: millis(wait),
    };
    let asking = asker.ask(ask, wait + SLACK);
    tokio::pin!(asking);
    let answer = tokio::select! {
        answer = &mut asking => answer,
        () = sighting::show(&run.shared), if run.shared.announces() => asking.await,
    };
    match answer {
        Ok(Reply::Sighting { seen, waited_ms }) => Ok((seen, Duration::from_millis(waited_ms))),
        Ok(_) => Err(NotTested::Declined {
            why: "it answered otherwise".into(),
        }),
        Err(error) => Err(NotTested::Failed {
            why: error.to_string(),
        }),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn saw(seen: bool, waited: Duration, from: SocketAddr, to: SocketAddr) -> CallerSaw {
    let outcome = if seen {
        Outcome::Open
    } else {
        Outcome::TimedOut
    };
    let (from, to) = (Some(from), Some(to));
    CallerSaw {
        from,
        to,
        attempts: 1,
        waited,
        ..CallerSaw::new(outcome)
    }
}
