use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use dolab_host::{Transport, port_holder};
use mdns_sd::{IfKind, IfPredicate, ServiceDaemon};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    Announcement, CallRequest, CallTarget, Candidate, Candidates, DiscoveryConfig, DiscoveryError,
    Interfaces,
    shared::Shared,
    sightings,
    task::{Command, Task},
};

/// The service of Connected Caches (observed).
const CACHE_SERVICE: &str = "_microsoft_mcc._tcp.local.";

/// How long a call stays in the announcement when nobody takes it back.
const CALL_LIFETIME: Duration = Duration::from_secs(30);

/// The discovery client. Browses from the start; announces when asked to.
///
/// [`Discovery::stop`] says goodbye to the link and waits for it; dropping does the same without
/// waiting.
#[derive(Debug)]
pub struct Discovery {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    interfaces: Vec<String>,
    daemon: Daemon,
    on: Interfaces,
}

/// The handle of the mDNS daemon's thread.
struct Daemon(ServiceDaemon);

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon").finish_non_exhaustive()
    }
}

impl Discovery {
    /// Opens the mDNS port and begins to browse. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the port can be opened for neither IPv4 nor IPv6, or when an interface was named that
    /// is not there.
    pub fn start(config: DiscoveryConfig) -> Result<Self, DiscoveryError> {
        check_port(config.mdns_port)?;
        let interfaces = usable_interfaces(&config.interfaces)?;
        let daemon = ServiceDaemon::new_with_port(config.mdns_port)?;
        let wanted = config.interfaces.clone();
        let unwanted = IfPredicate::new(move |interface| !wanted.include(interface));
        daemon.disable_interface(IfKind::Predicate(unwanted))?;
        let shared = Arc::new(Shared::new(config.max_candidates));
        let on = config.interfaces.clone();
        let (commands, queue) = mpsc::unbounded_channel();
        let task = Task::new(daemon.clone(), config, Arc::clone(&shared), queue)?;
        tokio::spawn(task.run());
        Ok(Self {
            shared,
            commands,
            interfaces,
            daemon: Daemon(daemon),
            on,
        })
    }

    /// Looks for Connected Caches on the link, under the service that Windows asks for (observed),
    /// and waits so long for answers. What comes is a host in the form of an address, with its port
    /// where that is not 80; at most [`Self::MAX_CACHES`]. One search at a time: a second one ends
    /// the first.
    ///
    /// # Errors
    /// When discovery was stopped.
    pub async fn caches(&self, wait: Duration) -> Result<Vec<String>, DiscoveryError> {
        let found = self.daemon.0.browse(CACHE_SERVICE)?;
        let mut caches: Vec<(String, String)> = Vec::new();
        let listen = async {
            while let Ok(event) = found.recv_async().await {
                let mdns_sd::ServiceEvent::ServiceResolved(service) = event else {
                    continue;
                };
                // A link-local address needs a scope, which no URL carries.
                let addrs = sightings::addrs(&service, &self.on);
                let Some(first) = addrs.into_iter().find(|addr| !is_link_local(addr)) else {
                    continue;
                };
                let host = cache_host(first);
                // More of its addresses may come later, better ones among them.
                let room = caches.len() < Self::MAX_CACHES;
                match caches.iter_mut().find(|it| it.0 == service.fullname) {
                    Some(known) => known.1 = host,
                    None if room => caches.push((service.fullname.clone(), host)),
                    None => {}
                }
            }
        };
        // That the time is over is how it ends.
        let _ = timeout(wait, listen).await;
        // Where it is too busy to hear that, it goes on asking now and then, and nobody listens.
        let _ = self.daemon.0.stop_browse(CACHE_SERVICE);
        let mut hosts: Vec<String> = Vec::new();
        for (_, host) in caches {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        Ok(hosts)
    }

    /// Connected Caches that one search brings.
    pub const MAX_CACHES: usize = 8;

    /// Announces this host, or changes what is announced. The first announcement goes out after
    /// about a second, which it takes to make sure that the name is free (RFC 6762, section 8.1);
    /// a change goes out at once.
    ///
    /// # Errors
    /// When discovery was stopped.
    pub fn announce(&self, announcement: Announcement) -> Result<(), DiscoveryError> {
        self.shared.own().announcement = Some(announcement);
        self.send(Command::Refresh)
    }

    /// Takes the announcement back, with goodbyes.
    ///
    /// # Errors
    /// When discovery was stopped.
    pub fn withdraw(&self) -> Result<(), DiscoveryError> {
        let mut own = self.shared.own();
        own.announcement = None;
        own.calls.clear();
        drop(own);
        self.send(Command::Refresh)
    }

    /// Asks a host to call back to the announced port and to show the nonce there. The request
    /// stands until the guard is dropped, at most 30 s.
    ///
    /// # Errors
    /// When nothing is announced, when too many calls wait, or when discovery was stopped.
    pub fn call(&self, target: CallTarget, nonce: u64) -> Result<CallGuard, DiscoveryError> {
        let until = Instant::now() + CALL_LIFETIME;
        self.shared
            .own()
            .add_call(CallRequest { target, nonce }, until)?;
        self.send(Command::Refresh)?;
        let shared = Arc::clone(&self.shared);
        Ok(CallGuard {
            shared,
            commands: self.commands.clone(),
            nonce,
        })
    }

    /// What is found from now on, after all that is known already.
    pub fn candidates(&self) -> Candidates {
        Candidates::new(Arc::clone(&self.shared))
    }

    /// All that is known now.
    pub fn sightings(&self) -> Vec<Candidate> {
        self.shared.sightings()
    }

    /// Adds a candidate of another source, such as a [`Target`](crate::Target) that was resolved.
    pub fn add(&self, candidate: Candidate) {
        let key = candidate.name.clone();
        self.shared
            .change(|sightings| sightings.see(&key, candidate));
    }

    /// Asks the link again at once, and then at growing pauses as from the start.
    ///
    /// # Errors
    /// When discovery was stopped.
    pub fn requery(&self) -> Result<(), DiscoveryError> {
        self.send(Command::Requery)
    }

    /// Names of the interfaces that were there to speak on at the start.
    pub fn interfaces(&self) -> &[String] {
        &self.interfaces
    }

    /// Says goodbye, ends the thread and all subscriptions.
    pub async fn stop(self) {
        let (done, stopped) = oneshot::channel();
        if self.send(Command::Stop(Some(done))).is_ok() {
            // The task drops the sender when it could not finish in order.
            let _ = stopped.await;
        }
    }

    fn send(&self, command: Command) -> Result<(), DiscoveryError> {
        self.commands
            .send(command)
            .map_err(|_| DiscoveryError::Stopped)
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Stop(None));
    }
}

/// Keeps a call standing: see [`Discovery::call`].
#[derive(Debug)]
#[must_use = "the call is taken back when this is dropped"]
pub struct CallGuard {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    nonce: u64,
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        self.shared
            .own()
            .calls
            .retain(|(call, _)| call.nonce != self.nonce);
        let _ = self.commands.send(Command::Refresh);
    }
}

/// A Connected Cache as policies name it.
fn cache_host(addr: SocketAddr) -> String {
    match (addr, addr.port()) {
        (SocketAddr::V6(v6), 80) => format!("[{}]", v6.ip()),
        (SocketAddr::V4(v4), 80) => v4.ip().to_string(),
        _ => addr.to_string(),
    }
}

fn is_link_local(addr: &SocketAddr) -> bool {
    match addr {
        SocketAddr::V6(v6) => v6.ip().is_unicast_link_local(),
        SocketAddr::V4(v4) => v4.ip().is_link_local(),
    }
}

/// The daemon opens its sockets on a thread of its own and only logs a failure, so that it is
/// tried here first, in the same way.
fn check_port(port: u16) -> Result<(), DiscoveryError> {
    let v4 = try_bind((Ipv4Addr::UNSPECIFIED, port).into());
    let v6 = try_bind((Ipv6Addr::UNSPECIFIED, port).into());
    match (v4, v6) {
        (Err(error), Err(_)) if error.kind() == io::ErrorKind::AddrInUse => {
            Err(DiscoveryError::PortTaken {
                port,
                holder: port_holder(Transport::Udp, port),
            })
        }
        (Err(source), Err(_)) => Err(DiscoveryError::Socket { port, source }),
        (Err(error), Ok(())) => {
            tracing::warn!(port, %error, "dns-sd: no IPv4");
            Ok(())
        }
        (Ok(()), Err(error)) => {
            tracing::info!(port, %error, "dns-sd: no IPv6");
            Ok(())
        }
        (Ok(()), Ok(())) => Ok(()),
    }
}

fn try_bind(addr: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.bind(&addr.into())
}

fn usable_interfaces(wanted: &Interfaces) -> Result<Vec<String>, DiscoveryError> {
    let all = if_addrs::get_if_addrs()
        .map_err(|error| DiscoveryError::NoInterface(format!("they can not be listed: {error}")))?;
    let is_there = |name: &&String| all.iter().any(|interface| interface.name == **name);
    if let Interfaces::Named(names) = wanted
        && let Some(missing) = names.iter().find(|name| !is_there(name))
    {
        let why = format!(
            "`{}` is not there or has no address",
            missing.escape_debug()
        );
        return Err(DiscoveryError::NoInterface(why));
    }
    let mut names: Vec<String> = all
        .into_iter()
        .filter(|interface| wanted.include(interface))
        .map(|i| i.name)
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}
