//! How things look in a terminal. Pure: from values to text.

mod bench;
mod hosts;
mod report;
mod style;
mod table;
#[cfg(test)]
mod tests;

pub use self::{
    bench::{BenchLive, bench, comparison},
    hosts::{FoundHost, hosts},
    report::report,
    style::Style,
    table::word,
};
