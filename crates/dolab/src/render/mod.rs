//! How things look in a terminal. Pure: from values to text.

mod bench;
mod codes;
mod device;
mod diagnosis;
mod dissect;
mod failure;
mod hosts;
mod labelled;
mod policy;
mod report;
mod style;
mod table;
#[cfg(test)]
mod tests;

pub use self::{
    bench::{BenchLive, bench, comparison},
    codes::{CodeDocument, code_list, codes},
    device::{efficiency, list},
    diagnosis::{diagnosis, findings},
    dissect::{Conversations, dissection},
    failure::{failure, failure_list},
    hosts::{FoundHost, hosts},
    policy::{gates, group, policies, policy, policy_list},
    report::report,
    style::Style,
    table::word,
};
