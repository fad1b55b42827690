use std::time::Instant;

use dolab_policy::{Guid, Policies};

/// What the traces call a download by.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) session: String,
    pub(super) began: Instant,
}

impl Job {
    pub(super) fn new() -> Self {
        Self {
            id: guid(),
            session: guid(),
            began: Instant::now(),
        }
    }
}

/// A random GUID, in text.
fn guid() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Guid(bytes).to_string()
}

/// The policies that somebody set, with their values, for the start trace.
pub(super) fn set_configs(policies: &Policies) -> Vec<(String, String)> {
    let set = policies
        .all()
        .filter(|it| it.origin.provider() != dolab_policy::Provider::Default);
    set.map(|it| {
        let value = it.value.as_ref().map(ToString::to_string);
        (it.name.mdm().to_owned(), value.unwrap_or_default())
    })
    .collect()
}
