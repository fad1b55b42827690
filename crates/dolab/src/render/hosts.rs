//! The table of hosts that were found.

use serde::Serialize;

use super::{Style, table};
use crate::{escape::escape, units};

/// A host that was found, as it is shown and as it stands in the JSON.
#[derive(Clone, Debug, Serialize)]
pub struct FoundHost {
    /// What names it.
    pub name: String,
    /// `lab`, `windows`, `other` or `unknown`.
    pub kind: &'static str,
    /// How it was found.
    pub source: &'static str,
    /// Its host name, where it is known.
    pub host: Option<String>,
    /// Where it listens, the best address first.
    pub addresses: Vec<String>,
    /// Interfaces of this host that it was found on.
    pub interfaces: Vec<String>,
    /// Its version of dolab.
    pub version: Option<String>,
    /// Contents that it has; `None` where only lab peers say.
    pub contents: Option<Vec<String>>,
    /// How many contents it has in all.
    pub contents_total: Option<u32>,
    /// Time since it was found.
    pub age_seconds: f64,
    /// Time since something new was heard of it.
    pub unchanged_seconds: f64,
}

/// A line for each host.
pub fn hosts(style: Style, hosts: &[FoundHost]) -> String {
    let header = ["name", "kind", "addresses", "contents", "age", "interface"];
    let mut table = table::table(style, header);
    for host in hosts {
        let kind = match (host.kind, &host.version) {
            ("lab", Some(version)) => format!("lab peer, dolab {version}"),
            ("lab", None) => "lab peer".to_owned(),
            ("windows", _) => "windows, by the look of it".to_owned(),
            (kind, _) => kind.to_owned(),
        };
        table.add_row(vec![
            escape(&host.name).into_owned(),
            escape(&kind).into_owned(),
            escape(&host.addresses.join(", ")).into_owned(),
            host.contents_total
                .map_or_else(|| "-".to_owned(), |count| count.to_string()),
            units::span(std::time::Duration::from_secs_f64(host.age_seconds)),
            escape(&host.interfaces.join(", ")).into_owned(),
        ]);
    }
    table::text(&table)
}
