//! Who holds a port.

use std::fmt;

use dolab_wire::text::printable;
use listeners::{Protocol, SocketState};

/// What a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP: those who listen hold a port, not those who are connected.
    Tcp,
    /// UDP: whoever has the port.
    Udp,
}

/// A program that has a port open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its name. Printable. A service of Windows is a `svchost.exe`.
    pub name: String,
    /// Its process id.
    pub pid: u32,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

/// The program that has a port open, where the system tells: `None` says nothing.
///
/// Windows tells everyone; Linux and the BSDs tell root of all programs and others of their own.
/// With several, the oldest process id is named. It looks at every process, so it may block for some
/// milliseconds.
pub fn port_holder(transport: Transport, port: u16) -> Option<Holder> {
    let holds = |it: &listeners::Listener| {
        it.socket.port() == port
            && match transport {
                Transport::Tcp => it.protocol == Protocol::TCP && it.state == SocketState::Listen,
                Transport::Udp => it.protocol == Protocol::UDP,
            }
    };
    let all = listeners::get_all().ok()?;
    let holder = all.into_iter().filter(holds).map(|it| it.process);
    let holder = holder.min_by_key(|process| process.pid)?;
    Some(Holder {
        name: printable(&holder.name, 32),
        pid: holder.pid,
    })
}

// Wine shows the sockets without their owners, and this has not been run on Windows itself.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn who_listens_holds_the_port_and_who_is_connected_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let holder = port_holder(Transport::Tcp, addr.port()).expect("we hold it ourselves");
        assert_eq!(holder.pid, std::process::id());
        assert!(!holder.name.is_empty());
        assert_eq!(
            holder.to_string(),
            format!("{} (process {})", holder.name, holder.pid)
        );
        assert_eq!(port_holder(Transport::Udp, addr.port()), None);
        let ends = (
            TcpStream::connect(addr).unwrap(),
            listener.accept().unwrap(),
        );
        drop(listener);
        assert_eq!(port_holder(Transport::Tcp, addr.port()), None);
        drop(ends);
    }

    #[test]
    fn udp_ports_of_both_families_are_found() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = UdpSocket::bind(any) else {
                eprintln!("did not run: this host has no IPv6");
                continue;
            };
            let port = socket.local_addr().unwrap().port();
            let holder = port_holder(Transport::Udp, port).expect("we hold it ourselves");
            assert_eq!(holder.pid, std::process::id(), "{any}");
            assert_eq!(port_holder(Transport::Tcp, port), None);
        }
    }
}
