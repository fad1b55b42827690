//! What this process takes of its host.

use std::{path::Path, time::Instant};

use cpu_time::ProcessTime;

/// Measures the processor time between two looks.
#[derive(Debug)]
pub(super) struct Usage {
    cpu: Option<ProcessTime>,
    at: Instant,
}

impl Usage {
    pub(super) fn start() -> Self {
        Self {
            cpu: ProcessTime::try_now().ok(),
            at: Instant::now(),
        }
    }

    /// Per cent of all processors since the last look.
    pub(super) fn cpu_pct(&mut self) -> f64 {
        let (cpu, at) = (ProcessTime::try_now().ok(), Instant::now());
        let used = match (self.cpu, cpu) {
            (Some(before), Some(now)) => now.duration_since(before).as_secs_f64(),
            _ => 0.0,
        };
        let passed = at.duration_since(self.at).as_secs_f64();
        (self.cpu, self.at) = (cpu, at);
        let cores = std::thread::available_parallelism().map_or(1.0, |it| it.get() as f64);
        if passed > 0.0 {
            (used / passed / cores * 100.0).min(100.0)
        } else {
            0.0
        }
    }
}

/// Memory that this process has resident, in KiB; 0 where the system does not tell without more
/// ado.
pub(super) fn memory_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Bytes of the disk that a folder is on, and how many of them are free; 0 where that is not known.
pub(super) fn disk(folder: &Path) -> (u64, u64) {
    let total = fs4::total_space(folder).unwrap_or(0);
    (total, fs4::available_space(folder).unwrap_or(0))
}
