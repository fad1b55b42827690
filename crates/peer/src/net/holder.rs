//! Who holds a port that could not be had.

/// Says who listens on a TCP port of this host, where the system tells: Linux does for the
/// processes that this one may see.
#[cfg(target_os = "linux")]
pub fn port_holder(port: u16) -> Option<String> {
    let inodes: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .collect();
    let links: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if links.is_empty() {
        return None;
    }
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    for process in processes {
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(open) = std::fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let holds = open.flatten().any(|fd| {
            std::fs::read_link(fd.path())
                .is_ok_and(|target| links.iter().any(|link| target.as_os_str() == link.as_str()))
        });
        if holds {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("process {pid} ({})", name.trim().escape_debug()));
        }
    }
    None
}

/// Inodes of the sockets that listen on a port, out of `/proc/net/tcp`.
#[cfg(target_os = "linux")]
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let line = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let local = fields.nth(1)?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?.parse().ok()?;
        let (_, hex) = local.rsplit_once(':')?;
        (state == LISTEN && u16::from_str_radix(hex, 16) == Ok(port)).then_some(inode)
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// Windows shares files with a service of its own on this port; anything else it does not tell
/// without an extra library.
#[cfg(windows)]
pub fn port_holder(port: u16) -> Option<String> {
    (port == crate::PORT).then(|| {
        "probably the Delivery Optimization service DoSvc; for the time of a test \
         `Stop-Service DoSvc` in an elevated PowerShell frees it"
            .to_owned()
    })
}

/// This system does not tell.
#[cfg(not(any(target_os = "linux", windows)))]
pub fn port_holder(_port: u16) -> Option<String> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn names_this_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = port_holder(listener.local_addr().unwrap().port()).unwrap();
        assert!(
            holder.starts_with(&format!("process {} (", std::process::id())),
            "{holder}"
        );
    }

    #[test]
    fn only_listeners_on_that_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1E00 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1\n\
            1: 0100007F:1E00 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 222 1\n\
            2: 0100007F:1E01 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1\n";
        assert_eq!(listening_inodes(table, 7680), [111]);
        assert!(listening_inodes("garbage\n1 2 3\n", 7680).is_empty());
    }
}
