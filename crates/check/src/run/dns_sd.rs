//! UDP 5353: whether each side sees the other's announcement. There is no call: who announces is
//! the caller, who browses the callee.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use dolab_wire::session::{Ask, Reply};

use super::{Progress, Run};
use crate::{
    evidence::{CallerReport, CallerSaw, NotTested, Outcome, PathEvidence},
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
fn on_link(addr: IpAddr) -> bool {
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
    if let Some(why) = impossible(run) {
        return not_tested(why);
    }
    if run.shared.discovery.is_none() {
        return not_tested(NotTested::Failed {
            why: run.shared.why_closed(PATH),
        });
    }
    if !run.shared.announces() {
        return not_tested(NotTested::NotAsked);
    }
    let began = Instant::now();
    let wait = run.time_left().min(WAIT);
    let ask = Ask::Sighting {
        peer: run.shared.peer_id(),
        wait_ms: u64::try_from(wait.as_millis()).unwrap_or(0),
    };
    let (seen, waited) = match asker.ask(ask, wait + Duration::from_millis(700)).await {
        Ok(Reply::Sighting { seen, waited_ms }) => (seen, Duration::from_millis(waited_ms)),
        Ok(_) => {
            return not_tested(NotTested::Declined {
                why: "it answered otherwise".into(),
            });
        }
        Err(error) => {
            return not_tested(NotTested::Failed {
                why: error.to_string(),
            });
        }
    };
    let to = with_port(run.addr, PATH.port());
    let from = SocketAddr::new(asker.carrier.local.ip().to_canonical(), PATH.port());
    let saw = saw(seen, waited, from, to);
    if !seen && run.addr.ip().is_loopback() {
        return not_tested(NotTested::SameHost);
    }
    let witness = wire_view::of_caller(run.witness(), PATH, &saw, began);
    let evidence =
        PathEvidence::from_caller(PATH, Direction::Outbound, CallerReport { saw, witness });
    if seen {
        return evidence;
    }
    let ask = Ask::Seen {
        path: PATH.to_string(),
        from: vec![from],
        port: PATH.port(),
        since_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    let patience = run.time_left().min(Duration::from_millis(1000));
    match asker.ask(ask, patience).await {
        Ok(Reply::Seen { evidence: callee }) => match serde_json::from_value(callee) {
            Ok(callee) => evidence.with_callee(callee),
            Err(_) => evidence,
        },
        _ => evidence,
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
    let wait = run.time_left().min(WAIT);
    let (seen, waited) = sighting::wait_for(&run.shared, &asker.theirs.peer, wait).await;
    if !seen && run.addr.ip().is_loopback() {
        return not_tested(NotTested::SameHost);
    }
    let from = with_port(run.addr, PATH.port());
    let to = SocketAddr::new(asker.carrier.local.ip().to_canonical(), PATH.port());
    let saw = saw(seen, waited, from, to);
    let witness = crate::evidence::Witnessed::Absent(crate::evidence::NoWitness::NotAsked);
    let evidence =
        PathEvidence::from_caller(PATH, Direction::Inbound, CallerReport { saw, witness });
    if seen {
        return evidence;
    }
    let remote = run.addr.ip();
    let callee = wire_view::of_callee(&run.shared, PATH, remote, &[from], PATH.port(), began);
    evidence.with_callee(callee)
}

fn saw(seen: bool, waited: Duration, from: SocketAddr, to: SocketAddr) -> CallerSaw {
    CallerSaw {
        from: Some(from),
        to: Some(to),
        attempts: 1,
        waited,
        ..CallerSaw::new(if seen {
            Outcome::Open
        } else {
            Outcome::TimedOut
        })
    }
}
