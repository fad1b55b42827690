//! What dolab has to reach, and whether it does: ratios of medians of one run.

use serde::Serialize;

use crate::{
    options::Scenario,
    results::{Results, Transfer, Transfers},
};

/// One goal.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    /// At least or at most.
    pub(crate) bound: Bound,
    pub(crate) goal: f64,
    /// `None` where it was not measured.
    pub(crate) measured: Option<f64>,
}

/// On which side of the goal it is good to be.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum Bound {
    #[serde(rename = "at least")]
    AtLeast,
    #[serde(rename = "at most")]
    AtMost,
}

impl Goal {
    /// Whether it is reached, as far as it was measured.
    pub(crate) fn reached(&self) -> Option<bool> {
        self.measured.map(|measured| match self.bound {
            Bound::AtLeast => measured >= self.goal,
            Bound::AtMost => measured <= self.goal,
        })
    }
}

/// All of them, measured or not.
pub(crate) fn of(results: &Results) -> Vec<Goal> {
    let memory = results.of(Scenario::OneToOne);
    let disk = results.of(Scenario::Disk);
    let four = results.of(Scenario::OneToFour);
    let shaped = results.of(Scenario::Shaped);
    let middle =
        |name, figure: fn(&Transfer) -> f64| Some(memory?.row(name)?.spread(figure)?.median);
    let cpu = |figure| middle(DOLAB, figure);
    // The two goals of processor time were set where pipe took 0.07 and 0.98: as ratios they travel.
    let of_pipe = |figure| Some(cpu(figure)? / middle("pipe", figure)?);
    let start = results.start_up.iter().find(|row| row.name == DOLAB);
    let at_least = |what, goal, measured| Goal {
        what,
        bound: Bound::AtLeast,
        goal,
        measured,
    };
    let at_most = |what, goal, measured| Goal {
        what,
        bound: Bound::AtMost,
        goal,
        measured,
    };
    vec![
        at_least("one to one in memory, of pipe", 1.0, ratio(memory, "pipe")),
        at_least("... of libtorrent", 1.6, ratio(memory, "libtorrent")),
        at_least("... of rqbit", 2.3, ratio(memory, "rqbit")),
        at_least(
            "... of nginx, curl and openssl dgst",
            2.0,
            ratio(memory, "curl-openssl"),
        ),
        at_least("... of rsync", 1.0, ratio(memory, "rsync")),
        at_least("on a disk, of pipe", 1.0, ratio(disk, "pipe")),
        at_most(
            "sender, processor seconds for each GiB",
            0.10,
            cpu(|run| run.sender_cpu),
        ),
        at_most(
            "receiver, processor seconds for each GiB",
            1.05,
            cpu(|run| run.receiver_cpu),
        ),
        at_most("... of pipe's sender", 1.43, of_pipe(|run| run.sender_cpu)),
        at_most(
            "... of pipe's receiver",
            1.07,
            of_pipe(|run| run.receiver_cpu),
        ),
        at_most(
            "peak memory of either side anywhere, MiB",
            32.0,
            peak(results),
        ),
        at_least(
            "one to four, sum, of libtorrent",
            1.5,
            ratio(four, "libtorrent"),
        ),
        at_least("over 1 Gbit/s, of iperf3", 0.998, ratio(shaped, "iperf3")),
        at_most(
            "start-up of dolab peer, ms",
            15.0,
            start.and_then(|row| Some(row.spread(|run| run.milliseconds)?.median)),
        ),
        at_most(
            "idle memory of dolab peer, MiB",
            12.0,
            start.and_then(|row| Some(row.spread(|run| run.idle_mib)?.median)),
        ),
    ]
}

const DOLAB: &str = "dolab";

fn ratio(transfers: Option<&Transfers>, to: &str) -> Option<f64> {
    let transfers = transfers?;
    Some(transfers.goodput(DOLAB)? / transfers.goodput(to)?)
}

fn peak(results: &Results) -> Option<f64> {
    let rows = results.transfers.iter().filter_map(|one| one.row(DOLAB));
    let peaks = rows.filter_map(|row| row.spread(|run| run.sender_mib.max(run.receiver_mib)));
    peaks.map(|peak| peak.most).reduce(f64::max)
}
