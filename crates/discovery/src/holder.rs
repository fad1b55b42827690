//! Who holds a port that we wanted.

use std::fmt;

/// A program that has a port open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its name. Printable.
    pub name: String,
    /// Its process id.
    pub pid: u32,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

/// The program that has a UDP port open, where the system tells.
///
/// Linux tells root of all programs and others of their own. Elsewhere the answer is `None`.
pub fn udp_port_holder(port: u16) -> Option<Holder> {
    system::udp_port_holder(port)
}

#[cfg(target_os = "linux")]
mod system {
    use std::{fs, path::Path};

    use super::Holder;
    use dolab_wire::text::printable;

    pub(super) fn udp_port_holder(port: u16) -> Option<Holder> {
        // The thread's, because threads can be in network namespaces of their own.
        let inodes: Vec<String> = ["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"]
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| inodes(&table, port))
            .collect();
        let mut processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
        processes.find_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            holds(&process.path(), &inodes).then(|| Holder {
                name: name(&process.path()),
                pid,
            })
        })
    }

    /// Inodes of the sockets in one of the kernel's tables that are bound to a port.
    pub(super) fn inodes(table: &str, port: u16) -> Vec<String> {
        let bound = format!(":{port:04X}");
        let rows = table
            .lines()
            .skip(1)
            .map(|line| line.split_ascii_whitespace());
        rows.filter_map(|mut columns| {
            let local = columns.nth(1)?;
            let inode = columns.nth(7)?;
            local.ends_with(&bound).then(|| format!("socket:[{inode}]"))
        })
        .collect()
    }

    fn holds(process: &Path, inodes: &[String]) -> bool {
        let files = fs::read_dir(process.join("fd"))
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|link| inodes.iter().any(|inode| Path::new(inode) == link))
    }

    fn name(process: &Path) -> String {
        let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
        printable(name.trim(), 32)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn udp_port_holder(_port: u16) -> Option<super::Holder> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn the_holder_of_a_port_is_found() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let holder = udp_port_holder(port).expect("we hold it ourselves");
        assert_eq!(holder.pid, std::process::id());
        assert!(holder.to_string().contains("process"));
    }

    #[test]
    fn a_row_of_the_kernel_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n \
            1: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4242 2 0000 0\n \
            2: 00000000:14EA 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4243 2 0000 0\n";
        assert_eq!(system::inodes(table, 5353), ["socket:[4242]"]);
    }
}
