//! How things look in a terminal. Pure: from values to text.

mod hosts;
mod report;
mod style;
mod table;
#[cfg(test)]
mod tests;

pub use self::{
    hosts::{FoundHost, hosts},
    report::report,
    style::Style,
    table::word,
};
