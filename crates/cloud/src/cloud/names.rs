//! What the certificate is for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::hosts::HOSTS;

/// Every name and address by which the cloud may be reached: the service's names, all other names
/// of the same domains, this host's own, the addresses that it listens on, and `more`.
pub(super) fn of_certificate(listen: &[IpAddr], more: &[String]) -> Vec<String> {
    let mut names: Vec<String> = [
        "*.prod.do.dsp.mp.microsoft.com",
        "*.do.dsp.mp.microsoft.com",
        "*.dl.delivery.mp.microsoft.com",
        "*.delivery.mp.microsoft.com",
        "*.download.windowsupdate.com",
        "*.windowsupdate.com",
        "localhost",
    ]
    .map(Into::into)
    .into();
    names.extend(HOSTS.iter().map(|(name, _)| (*name).to_owned()));
    names.push(dolab_host::host_name());
    names.extend(more.iter().cloned());
    names.extend(own_addresses(listen).iter().map(ToString::to_string));
    names.sort();
    names.dedup();
    // The first is the certificate's common name.
    let geo = names.iter().position(|name| name == HOSTS[0].0);
    names.swap(0, geo.expect("it is one of them"));
    names.retain(|name| rcgen::string::Ia5String::try_from(name.as_str()).is_ok());
    names
}

/// The addresses that are listened on: those that were named, or all that this host has.
pub fn own_addresses(listen: &[IpAddr]) -> Vec<IpAddr> {
    if !listen.is_empty() {
        return listen.to_vec();
    }
    let mut all = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let others = interfaces.iter().map(if_addrs::Interface::ip);
    all.extend(others.filter(|addr| !addr.is_loopback()));
    all
}
