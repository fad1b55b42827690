//! The names under which devices look for the service (documented patterns, observed numbers).

use std::net::IpAddr;

use dolab_wire::cloud::{
    ARRAY_HOST, CONTENT_POLICY_HOST, DISCOVERY_HOST, GEO_HOST, GEO_VERSION_HOST, KEY_VALUE_HOST,
};

/// A part of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// Where am I, and where is the key-value service.
    Geo,
    /// Where everything else is.
    KeyValue,
    /// What may be done with a content.
    ContentPolicy,
    /// Which array knows a content.
    Discovery,
    /// Who else has it.
    Array,
    /// Contents and their pieces hash files, over plain HTTP.
    Content,
}

/// Every name that the service answers to, each with its part. What follows `kv`, `cp`, `disc` and
/// `array` is a number that differs by region.
pub const HOSTS: &[(&str, Role)] = &[
    (GEO_HOST, Role::Geo),
    (GEO_VERSION_HOST, Role::Geo),
    ("geo-prod.do.dsp.mp.microsoft.com", Role::Geo),
    ("geover-prod.do.dsp.mp.microsoft.com", Role::Geo),
    (KEY_VALUE_HOST, Role::KeyValue),
    ("kv601.prod.do.dsp.mp.microsoft.com", Role::KeyValue),
    (CONTENT_POLICY_HOST, Role::ContentPolicy),
    ("cp601.prod.do.dsp.mp.microsoft.com", Role::ContentPolicy),
    (DISCOVERY_HOST, Role::Discovery),
    ("disc601.prod.do.dsp.mp.microsoft.com", Role::Discovery),
    (ARRAY_HOST, Role::Array),
    ("array601.prod.do.dsp.mp.microsoft.com", Role::Array),
    ("dl.delivery.mp.microsoft.com", Role::Content),
    ("tlu.dl.delivery.mp.microsoft.com", Role::Content),
    ("download.windowsupdate.com", Role::Content),
    ("au.download.windowsupdate.com", Role::Content),
];

/// The name under which `role` is asked for when the caller came by name.
pub(crate) fn name_of(role: Role) -> &'static str {
    let found = HOSTS.iter().find(|(_, part)| *part == role);
    found.expect("every part has a name").0
}

/// Whether a name is one of the service's own, written in any case.
pub(crate) fn is_own(name: &str) -> bool {
    HOSTS.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
}

/// Lines for a hosts file that point every name at `addr`.
pub fn hosts_file(addr: IpAddr) -> String {
    HOSTS
        .iter()
        .map(|(name, _)| format!("{addr} {name}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosts_file_has_a_line_for_each_name() {
        let text = hosts_file([10, 0, 0, 1].into());
        assert_eq!(text.lines().count(), HOSTS.len());
        assert!(text.starts_with("10.0.0.1 geo.prod.do.dsp.mp.microsoft.com\n"));
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn every_part_has_a_name_and_names_have_no_case() {
        for (name, role) in HOSTS {
            assert!(HOSTS.iter().any(|(it, _)| *it == name_of(*role)));
            assert!(is_own(&name.to_uppercase()));
        }
        assert!(!is_own("example.org"));
    }
}
