//! What the processes of a namespace have taken so far.

use std::{fs, time::Duration};

use dolab_tests::Namespace;
use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::{Pid, SysconfVar, sysconf},
};

/// What processes have taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Seconds on a processor, also of those that have ended since.
    pub(crate) cpu: f64,
    /// The most memory that was resident at once, of each, summed up.
    pub(crate) peak_kib: u64,
}

impl Usage {
    /// Of all that run in a namespace now.
    pub(crate) fn of(namespace: &Namespace) -> Self {
        let each = namespace.processes().into_iter().filter_map(of_process);
        each.fold(Self::default(), |sum, one| Self {
            cpu: sum.cpu + one.cpu,
            peak_kib: sum.peak_kib + one.peak_kib,
        })
    }
}

/// `None` when it has ended.
fn of_process(pid: u32) -> Option<Usage> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
    let own = Duration::from(clock_gettime(clock).ok()?).as_secs_f64();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(Usage {
        cpu: own + children(pid)?,
        peak_kib: peak.trim().trim_end_matches(" kB").parse().ok()?,
    })
}

/// Seconds of the children that it has waited for; the kernel counts these in ticks.
fn children(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program stands in brackets and may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks: u64 = fields
        .split(' ')
        .skip(13)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap_or(0))
        .sum();
    let per_second = sysconf(SysconfVar::CLK_TCK).ok()??;
    Some(ticks as f64 / per_second as f64)
}
