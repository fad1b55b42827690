//! What to try. Each rule looks at one thing, and says nothing where it did not see it.

use super::{
    Direction, Figures, Grade, Host, Layer, Options, Run,
    verdict::{self, Costliest},
};
use crate::Rate;

/// Bytes of content in a full segment on Ethernet: 1500 less the headers of IPv4 and TCP with
/// timestamps.
const SEGMENT: f64 = 1448.0;

/// Share of segments sent again from which the network is worth a look (assumed).
const LOSSY: f64 = 0.001;

/// A core that is busy for this share of the time is full.
const FULL: f64 = 0.9;

/// What the rules look at: the layer that costs most.
struct Case<'a> {
    options: &'a Options,
    layer: Layer,
    /// A run of that layer: of several remotes, the slowest.
    figures: &'a Figures,
    sender: &'a Host,
    receiver: &'a Host,
    sender_cpu: Option<f64>,
    receiver_cpu: Option<f64>,
}

impl Case<'_> {
    /// Cores that were busy on average, of so much processor time for a GiB.
    fn cores(&self, seconds_per_gib: Option<f64>) -> f64 {
        let gib_per_second = self.figures.bits_per_second / (8u64 << 30) as f64;
        seconds_per_gib.unwrap_or(0.0) * gib_per_second
    }
}

pub(super) fn advice(
    options: &Options,
    local: &Host,
    remotes: &[Host],
    runs: &[Run],
    costliest: Option<&Costliest<'_>>,
) -> Vec<String> {
    let Some(case) = costliest.and_then(|found| case(options, local, remotes, runs, found)) else {
        return Vec::new();
    };
    let rules: &[fn(&Case<'_>) -> Option<String>] = match case.layer {
        Layer::Raw => &[
            limit,
            full_link,
            lossy,
            full_core,
            slow_control,
            streams,
            bloat,
        ],
        Layer::Exchange => &[requests, full_core, streams, bloat],
        Layer::Verified => &[software_hash, one_core, more_hashers, bloat],
        Layer::Stored => &[without_disk, scanner, bloat],
    };
    rules.iter().filter_map(|rule| rule(&case)).collect()
}

fn case<'a>(
    options: &'a Options,
    local: &'a Host,
    remotes: &'a [Host],
    runs: &'a [Run],
    costliest: &Costliest<'_>,
) -> Option<Case<'a>> {
    let (run, figures) = runs
        .iter()
        .filter(|run| (run.id.direction, run.id.layer) == (costliest.direction, costliest.layer))
        .filter_map(|run| Some((run, run.figures()?)))
        .min_by(|(_, a), (_, b)| a.bits_per_second.total_cmp(&b.bits_per_second))?;
    let remote = remotes
        .iter()
        .find(|host| host.address.as_ref() == Some(&run.id.remote))?;
    let cpu = figures.cpu_seconds_per_gib;
    let (sender, receiver, sender_cpu, receiver_cpu) = match costliest.direction {
        Direction::Receive => (remote, local, cpu.remote, cpu.local),
        Direction::Send => (local, remote, cpu.local, cpu.remote),
    };
    Some(Case {
        options,
        layer: costliest.layer,
        figures,
        sender,
        receiver,
        sender_cpu,
        receiver_cpu,
    })
}

fn limit(case: &Case<'_>) -> Option<String> {
    let limit = case.options.rate_limit_bits_per_second?;
    (case.figures.bits_per_second >= 0.9 * limit)
        .then(|| "leave out --rate-limit: it is what holds the transfer".to_owned())
}

/// Goodput that only a full link of a usual rate gives: with full segments, 94 % of it.
fn full_link(case: &Case<'_>) -> Option<String> {
    let nominal = [1e8, 1e9, 2.5e9, 5e9, 1e10, 2.5e10, 4e10, 1e11];
    let bits_per_second = nominal
        .into_iter()
        .find(|nominal| (0.92..0.955).contains(&(case.figures.bits_per_second / nominal)))?;
    let goodput = Rate {
        bits_per_second: case.figures.bits_per_second,
    };
    Some(format!(
        "nothing to mend: {goodput:#} of content is all that a link of {:#} carries",
        Rate { bits_per_second }
    ))
}

fn lossy(case: &Case<'_>) -> Option<String> {
    let again = case.figures.retransmits? as f64;
    let share = again / (case.figures.bytes as f64 / SEGMENT + again).max(1.0);
    (share >= LOSSY).then(|| {
        format!(
            "{:.1} % of the segments were sent again: look for a bad cable, half duplex, a weak \
             radio link, or a switch whose queue overflows",
            100.0 * share
        )
    })
}

fn full_core(case: &Case<'_>) -> Option<String> {
    let ends = [
        (case.sender, case.cores(case.sender_cpu)),
        (case.receiver, case.cores(case.receiver_cpu)),
    ];
    let (host, cores) = ends
        .into_iter()
        .find(|(host, cores)| *cores >= FULL && host.cores.is_none_or(|all| all > 1))?;
    (case.options.streams == 1).then(|| {
        format!(
            "--streams 2: dolab keeps {cores:.1} cores of {} busy with one connection",
            host.host
        )
    })
}

fn slow_control(case: &Case<'_>) -> Option<String> {
    // Measured on one stream between two namespaces: less than half of what cubic moves.
    let control = case.figures.congestion_control.as_deref()?;
    (control == "bbr").then(|| {
        "--congestion-control cubic: bbr paces each segment, which costs much on a fast link"
            .to_owned()
    })
}

fn streams(case: &Case<'_>) -> Option<String> {
    let steady = full_link(case).is_none() && full_core(case).is_none() && limit(case).is_none();
    (case.options.streams == 1 && steady).then(|| {
        "--streams 4: one connection may not fill the path, and several share its losses".to_owned()
    })
}

fn requests(case: &Case<'_>) -> Option<String> {
    Some(format!(
        "--depth {}: more requests in flight hide the round trip",
        case.options.request_depth.saturating_mul(2)
    ))
}

fn software_hash(case: &Case<'_>) -> Option<String> {
    (case.receiver.sha_instructions == Some(false)).then(|| {
        format!(
            "{} computes SHA-256 without the processor's instructions for it, at about a quarter \
             of the rate: in a virtual machine, let the guest see them (sha_ni on x86)",
            case.receiver.host
        )
    })
}

fn one_core(case: &Case<'_>) -> Option<String> {
    (case.receiver.cores == Some(1)).then(|| {
        format!(
            "give {} a second core, so that hashing and receiving do not take turns",
            case.receiver.host
        )
    })
}

fn more_hashers(case: &Case<'_>) -> Option<String> {
    case.receiver.cores.filter(|cores| *cores > 1)?;
    let busy = case.cores(case.receiver_cpu);
    let cores = f64::from(case.receiver.cores?);
    if busy >= FULL * cores {
        Some(format!(
            "{} has no core left: another host, or more cores, would hash faster",
            case.receiver.host
        ))
    } else {
        (case.options.streams == 1).then(|| {
            "--streams 2: pieces of several connections are hashed at the same time".to_owned()
        })
    }
}

fn without_disk(_: &Case<'_>) -> Option<String> {
    Some("--sink null: it shows the same transfer without the disk".to_owned())
}

fn scanner(case: &Case<'_>) -> Option<String> {
    Some(format!(
        "see what else uses the disk of {}; keep virus scanners out of the folder, and put it on \
         a faster disk",
        case.receiver.host
    ))
}

fn bloat(case: &Case<'_>) -> Option<String> {
    let bloat = case.figures.round_trip.bloat?;
    (bloat.grade >= Grade::C).then(|| {
        let ninety = Rate {
            bits_per_second: 0.9 * case.figures.bits_per_second,
        };
        format!(
            "the load adds {} s to everybody's round trip: limit it to {ninety:#}, or have fair \
             queueing (fq_codel, cake) at the narrowest point",
            verdict::seconds(bloat.added_ms / 1e3)
        )
    })
}
