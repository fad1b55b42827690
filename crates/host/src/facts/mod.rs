//! What the gates of policies look at, and the policies that are set here, as far as the system tells.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

use std::path::Path;

use dolab_policy::{
    Problem, Settings,
    gates::{Adapter, Conditions, Cost, Disk},
};

/// This host at this moment, for a cache in `folder`, which need not be there yet.
///
/// What the system does not tell cheaply and without privileges stays unknown: memory and power outside
/// Linux, and what the network costs everywhere, but for a modem on Linux. (NetworkManager would know
/// whether a network is metered, and tells it over D-Bus, which is not spoken here.) Whether the cloud
/// service answers, what was uploaded and the hour are the device's own to know. It reads some small files
/// and may block for a few milliseconds.
pub fn conditions(folder: &Path) -> Conditions {
    let adapters = adapters();
    Conditions {
        ram: ram(),
        memory_critical: memory_critical(),
        disk: disk(folder),
        cache_folder: Some(folder.is_dir()),
        power: power(),
        cost: adapters.as_deref().and_then(cost),
        online: adapters.as_ref().map(|adapters| !adapters.is_empty()),
        adapters,
        ..Conditions::default()
    }
}

/// The policies that are set in this host's registry, and what makes no sense there. `None` where
/// there is no registry: everywhere but on Windows. What this user may not read counts as not there.
pub fn live_policies() -> Option<(Settings, Vec<Problem>)> {
    #[cfg(windows)]
    return Some(windows::policies());
    #[cfg(not(windows))]
    None
}

fn ram() -> Option<u64> {
    #[cfg(target_os = "linux")]
    return linux::ram(Path::new("/proc/meminfo"));
    #[cfg(not(target_os = "linux"))]
    None
}

fn memory_critical() -> Option<bool> {
    #[cfg(target_os = "linux")]
    return linux::memory_critical(Path::new("/proc/meminfo"));
    #[cfg(not(target_os = "linux"))]
    None
}

fn power() -> Option<dolab_policy::gates::Power> {
    #[cfg(target_os = "linux")]
    return linux::power(Path::new("/sys/class/power_supply"));
    #[cfg(not(target_os = "linux"))]
    None
}

fn cost(adapters: &[Adapter]) -> Option<Cost> {
    #[cfg(target_os = "linux")]
    return linux::cost(
        Path::new("/sys/class/net"),
        adapters.iter().map(|it| it.friendly_name.as_str()),
    );
    #[cfg(not(target_os = "linux"))]
    {
        let _ = adapters;
        None
    }
}

/// The disk that the folder is or will be on.
fn disk(folder: &Path) -> Option<Disk> {
    let folder = std::path::absolute(folder).ok()?;
    let there = folder.ancestors().find(|folder| folder.is_dir())?;
    Some(Disk {
        capacity: fs4::total_space(there).ok()?,
        free: fs4::available_space(there).ok()?,
    })
}

/// The adapters that are connected and have an address, loopback left out.
fn adapters() -> Option<Vec<Adapter>> {
    let mut interfaces = if_addrs::get_if_addrs().ok()?;
    interfaces.retain(|it| it.is_oper_up() && !it.is_loopback());
    interfaces.sort_by(|a, b| a.name.cmp(&b.name));
    interfaces.dedup_by(|a, b| a.name == b.name);
    Some(interfaces.iter().map(adapter).collect())
}

fn adapter(interface: &if_addrs::Interface) -> Adapter {
    #[cfg(target_os = "linux")]
    let description = linux::description(&Path::new("/sys/class/net").join(&interface.name));
    #[cfg(windows)]
    let description = windows::description(&interface.adapter_name);
    #[cfg(not(any(target_os = "linux", windows)))]
    let description = String::new();
    Adapter {
        description,
        friendly_name: interface.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_tells_what_it_can() {
        let folder = std::env::temp_dir();
        let conditions = conditions(&folder);
        assert_eq!(conditions.cache_folder, Some(true));
        let disk = conditions.disk.expect("a temporary folder is on a disk");
        assert!(disk.capacity >= disk.free && disk.capacity > 0);
        assert_eq!(conditions.ram.is_some(), cfg!(target_os = "linux"));
        let told = conditions.memory_critical.is_some();
        assert_eq!(told, cfg!(target_os = "linux"));
        assert_eq!(live_policies().is_some(), cfg!(windows));
        let absent = folder.join("not/there/yet");
        assert!(super::conditions(&absent).disk.is_some());
        assert_eq!(super::conditions(&absent).cache_folder, Some(false));
    }
}
