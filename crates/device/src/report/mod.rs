//! What administrators read, field by field as Microsoft's PowerShell module has it, and where its
//! arithmetic leaves something out, the whole beside it.
//!
//! Everything here is data and pure functions. A [`Record`] is printed by [`format_list`] as
//! PowerShell does, and written as JSON by [`Json`], with the same names in the same order.

mod analysis;
mod classes;
mod do_config;
mod log;
mod perf_snap;
mod record;
mod status;
#[cfg(test)]
mod tests;
mod trace;

pub use self::{
    analysis::{LogAnalysis, connections},
    classes::{ByClass, Efficiency},
    do_config::{DoConfig, Provided, VerboseConfig},
    log::{Level, LogEntry, Trace},
    perf_snap::{MonthSnap, PerfSnap},
    record::{Field, Json, JsonList, Record, Value, format_list},
    status::{FilePeers, FileStatus, PeerEnd, PeerInfo, Status},
    trace::{CompletionTrace, ConnectionTrace, StartTrace},
};
