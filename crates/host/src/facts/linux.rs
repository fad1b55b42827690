//! Linux tells in files.

use std::{fs, path::Path};

use dolab_policy::gates::{Cost, Power};

/// `MemTotal` of /proc/meminfo: what the kernel can use, which is somewhat less than what is built in.
pub(super) fn ram(meminfo: &Path) -> Option<u64> {
    field(&fs::read_to_string(meminfo).ok()?, "MemTotal:")
}

/// Whether so little of the memory is left (`MemAvailable`) that Windows would say that it is scarce: less
/// than 32 MiB for each 4 GiB of it, and never more than 64 MiB (documented, of its low-memory
/// notification; that Delivery Optimization goes by that one is assumed).
pub(super) fn memory_critical(meminfo: &Path) -> Option<bool> {
    let text = fs::read_to_string(meminfo).ok()?;
    let least = (field(&text, "MemTotal:")? / 128).min(64 << 20);
    Some(field(&text, "MemAvailable:")? < least)
}

/// The bytes that a line tells in kB, which are 1024 bytes here.
fn field(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Mains where some supply is online or no battery feeds the host; batteries of devices such as mice do
/// not count.
pub(super) fn power(supplies: &Path) -> Option<Power> {
    let mut percent = None;
    let mut discharging = false;
    for supply in fs::read_dir(supplies).ok()? {
        let supply = supply.ok()?.path();
        let told = |name: &str| {
            let text = fs::read_to_string(supply.join(name)).ok()?;
            Some(text.trim().to_owned())
        };
        if told("scope").is_some_and(|scope| scope == "Device") {
            continue;
        }
        if told("type").is_none_or(|kind| kind != "Battery") {
            if told("online").is_some_and(|online| online != "0") {
                return Some(Power::Mains);
            }
            continue;
        }
        if told("status").is_some_and(|status| status == "Discharging") {
            discharging = true;
            let charge: Option<u8> = told("capacity").and_then(|text| text.parse().ok());
            // Of several, the fullest decides.
            percent = percent.max(charge.filter(|charge| *charge <= 100));
        }
    }
    Some(if discharging {
        Power::Battery { percent }
    } else {
        Power::Mains
    })
}

/// What kind of interface it is and which driver it has, in place of what Windows calls a description:
/// `wireguard`, `tun`, `virtio_net`.
pub(super) fn description(interface: &Path) -> String {
    let uevent = fs::read_to_string(interface.join("uevent")).unwrap_or_default();
    let kind = uevent
        .lines()
        .find_map(|line| line.strip_prefix("DEVTYPE="))
        .map(str::to_owned);
    let tun = interface
        .join("tun_flags")
        .exists()
        .then(|| "tun".to_owned());
    let driver = fs::read_link(interface.join("device/driver"))
        .ok()
        .and_then(|link| Some(link.file_name()?.to_string_lossy().into_owned()));
    let words: Vec<_> = [kind, tun, driver].into_iter().flatten().collect();
    words.join(" ")
}

/// Cellular, where a modem (`wwan`) is all that is connected. What another network costs is in no file.
pub(super) fn cost<'a>(interfaces: &Path, names: impl Iterator<Item = &'a str>) -> Option<Cost> {
    let mut names = names.peekable();
    names.peek()?;
    let modem = |name: &str| {
        let uevent = fs::read_to_string(interfaces.join(name).join("uevent"));
        uevent.is_ok_and(|uevent| uevent.lines().any(|line| line == "DEVTYPE=wwan"))
    };
    names.all(modem).then_some(Cost::Cellular)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn memory_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meminfo");
        write(
            folder.path(),
            &[("meminfo", "MemTotal:        8000000 kB\nMemFree: 1 kB\n")],
        );
        assert_eq!(ram(&path), Some(8_192_000_000));
        for text in ["", "MemTotal: many kB", "MemTotal: 18446744073709551615 kB"] {
            write(folder.path(), &[("meminfo", text)]);
            assert_eq!(ram(&path), None, "{text}");
        }
        assert_eq!(ram(Path::new("/nowhere")), None);
    }

    #[test]
    fn memory_is_scarce_by_what_is_left_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let critical = |total: u64, left: &str| {
            let text = format!("MemTotal: {total} kB\nMemFree: 1 kB\n{left}");
            write(folder.path(), &[("meminfo", &text)]);
            memory_critical(&folder.path().join("meminfo"))
        };
        // 4 GiB, and 64 of them.
        for (total, least) in [(4 << 20, 32 << 10), (256 << 20, 64 << 10)] {
            let left = |kib: u64| format!("MemAvailable: {kib} kB\n");
            assert_eq!(critical(total, &left(least)), Some(false));
            assert_eq!(critical(total, &left(least - 1)), Some(true));
        }
        assert_eq!(critical(1, ""), None, "a kernel that does not tell");
    }

    #[test]
    fn a_laptop_is_on_battery_when_nothing_feeds_it() {
        let folder = tempfile::tempdir().unwrap();
        let supplies = folder.path();
        assert_eq!(power(supplies), Some(Power::Mains), "a desktop");
        write(
            supplies,
            &[
                ("mouse/type", "Battery\n"),
                ("mouse/scope", "Device\n"),
                ("mouse/status", "Discharging\n"),
            ],
        );
        assert_eq!(power(supplies), Some(Power::Mains), "with a mouse");
        write(
            supplies,
            &[
                ("AC/type", "Mains\n"),
                ("AC/online", "0\n"),
                ("BAT0/type", "Battery\n"),
                ("BAT0/status", "Discharging\n"),
                ("BAT0/capacity", "41\n"),
                ("BAT1/type", "Battery\n"),
                ("BAT1/status", "Discharging\n"),
                ("BAT1/capacity", "7\n"),
            ],
        );
        let percent = Some(41);
        assert_eq!(power(supplies), Some(Power::Battery { percent }));
        write(supplies, &[("AC/online", "1\n")]);
        assert_eq!(power(supplies), Some(Power::Mains), "plugged in");
        assert_eq!(power(Path::new("/nowhere")), None);
    }

    #[test]
    fn adapters_are_described() {
        let folder = tempfile::tempdir().unwrap();
        let wg = folder.path().join("wg0");
        write(&wg, &[("uevent", "DEVTYPE=wireguard\nINTERFACE=wg0\n")]);
        assert_eq!(description(&wg), "wireguard");
        let tap = folder.path().join("vpn0");
        write(&tap, &[("tun_flags", "0x1001\n")]);
        assert_eq!(description(&tap), "tun");
        assert_eq!(description(Path::new("/nowhere")), "");
    }

    #[test]
    fn a_modem_alone_is_cellular() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[
                ("wwan0/uevent", "DEVTYPE=wwan\nINTERFACE=wwan0\n"),
                ("eth0/uevent", "INTERFACE=eth0\n"),
            ],
        );
        let cost = |names: &[&str]| cost(folder.path(), names.iter().copied());
        assert_eq!(cost(&["wwan0"]), Some(Cost::Cellular));
        assert_eq!(cost(&["eth0", "wwan0"]), None, "a cable beside it");
        assert_eq!(cost(&["gone"]), None);
        assert_eq!(cost(&[]), None);
    }
}
