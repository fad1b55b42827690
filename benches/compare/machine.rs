//! Where it is measured.

use std::{fs, thread};

use crate::results::Machine;

/// What the figures depend on.
pub(crate) fn look() -> Machine {
    let processor = field("/proc/cpuinfo", "model name");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Machine {
        processor,
        processors: thread::available_parallelism().map_or(0, usize::from),
        memory_mib: memory("MemTotal") >> 20,
        kernel: kernel.trim().to_owned(),
    }
}

/// Bytes that programs and files in memory may still take.
pub(crate) fn free_memory() -> u64 {
    memory("MemAvailable")
}

fn memory(name: &str) -> u64 {
    let text = field("/proc/meminfo", name);
    let kib: u64 = text.trim_end_matches(" kB").parse().unwrap_or(0);
    kib << 10
}

fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let mut named = fields.filter(|(field, _)| field.trim() == name);
    named
        .next()
        .map_or_else(String::new, |(_, value)| value.trim().to_owned())
}
