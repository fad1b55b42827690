//! Every known failure of sharing, as data: what an administrator sees, why, how to be sure, what
//! mends it, Delivery Optimization's codes for it, and what all that rests on.
//!
//! One file holds it (`catalogue.toml`). From it come the pages of `docs/failures`, what
//! `dolab explain` prints and the texts of findings.
//!
//! ```
//! let failure = dolab_catalogue::failure("DL014").unwrap();
//! assert_eq!(failure.confidence, dolab_catalogue::Confidence::Documented);
//! assert!(!dolab_catalogue::search("firewall").is_empty());
//! ```

mod document;
mod entry;
mod search;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use serde::Deserialize;

pub use self::{
    document::{index, page},
    entry::{Confidence, Confirm, Failure, Fix, Severity, Shown, Source, System},
    search::{near, search},
};

/// The data.
const TEXT: &str = include_str!("../catalogue.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    source: Vec<Source>,
    failure: Vec<Failure>,
}

static FILE: LazyLock<File> =
    LazyLock::new(|| toml::from_str(TEXT).expect("what is built in was read by a test"));

/// Every failure, by code.
pub fn all() -> &'static [Failure] {
    &FILE.failure
}

/// The pages and people that facts were taken from, by key.
pub fn sources() -> &'static [Source] {
    &FILE.source
}

/// A failure by its code, such as `DL014`, in any case; `14` and `dl14` are understood too.
pub fn failure(code: &str) -> Option<&'static Failure> {
    let code = search::normal(code)?;
    let all = all();
    let at = all.binary_search_by(|failure| failure.code.as_str().cmp(&code));
    at.ok().map(|at| &all[at])
}

/// A source by its key.
pub fn source(key: &str) -> Option<&'static Source> {
    sources().iter().find(|source| source.key == key)
}
