//! A network that stands: every switch, host and router in namespaces of its own.
//!
//! The namespaces are held by threads of this process and have no names: they disappear with the
//! [`World`], and with the process however it ends. What runs in them is killed by the `World`; so
//! that it dies with the process, too, run the whole in an [enclosure](crate::enclosure).

mod capture;
mod cell;
mod dhcp;
mod error;
mod kernel;
mod middlebox;
mod packet;
mod resolver;
mod run;
mod shaper;
mod stop;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use capture::Capture;
use cell::Cell;
pub use cell::Gone;
pub use error::WorldError;
use middlebox::Middlebox;
use resolver::Resolver;
use rustix::process::{Pid, Signal, kill_process};

use shaper::Shaper;
use stop::Worker;

use crate::{
    Fault, Kernel, Topology,
    plan::{self, Act, Step},
};

/// A network that stands. Dropped, all of it is gone, with every process in it.
#[derive(Debug)]
pub struct World {
    topology: Topology,
    kernel: Kernel,
    cells: BTreeMap<String, Cell>,
    /// Adapters (node, name) whose cable a shaper of ours is.
    shaped: BTreeSet<(String, String)>,
    shapers: Mutex<BTreeMap<(String, String), Shaper>>,
    resolvers: BTreeMap<String, Resolver>,
    middleboxes: Vec<Middlebox>,
    dhcp: Vec<Worker>,
    captures: Mutex<BTreeMap<String, Capture>>,
    faults: AtomicU32,
    /// Every line that was run so far.
    script: Mutex<String>,
}

/// A fault that holds. It holds until it is given back to [`World::lift`], or the world ends.
#[derive(Debug)]
#[must_use = "a fault that is forgotten can not be lifted"]
pub struct Applied {
    name: String,
    lift: Vec<Step>,
}

impl World {
    /// Builds a network. `faults`: those that may be applied to it later, so that cables that will
    /// be disturbed are made for it.
    ///
    /// # Errors
    /// When the network or a fault is wrong, when this user may not make namespaces, and when `ip`,
    /// `nft` or `tc` is missing or refuses a line.
    pub fn build(topology: &Topology, faults: &[Fault]) -> Result<Self, WorldError> {
        topology.check()?;
        for fault in faults {
            fault.check(topology)?;
        }
        let kernel = Kernel::probe()?;
        let mut world = Self {
            topology: topology.clone(),
            kernel,
            cells: BTreeMap::new(),
            shaped: shaped(topology, faults, kernel),
            shapers: Mutex::default(),
            resolvers: BTreeMap::new(),
            middleboxes: Vec::new(),
            dhcp: Vec::new(),
            captures: Mutex::default(),
            faults: AtomicU32::new(0),
            script: Mutex::default(),
        };
        let routers = topology.routers.keys().map(|name| (name, name.as_str()));
        let hosts = topology
            .hosts
            .iter()
            .map(|(name, host)| (name, host.host_name.as_deref().unwrap_or(name)));
        for (name, host_name) in hosts.chain(routers) {
            world.add(name, Some(host_name))?;
        }
        for name in topology.switches.keys() {
            world.add(name, None)?;
        }
        world.everywhere(run::resolver_files)?;
        let steps = plan::network(topology, kernel, &|node, adapter| {
            world.is_shaped(node, adapter)
        });
        world.execute(&steps)?;
        world.everywhere(|| run::settle(None))?;
        world.start_services()?;
        Ok(world)
    }

    /// Starts what hosts and routers run of themselves.
    fn start_services(&mut self) -> Result<(), WorldError> {
        let failed = |what, node: &str| {
            let node = node.to_owned();
            move |error| WorldError::Service { what, node, error }
        };
        for (name, host) in &self.topology.hosts {
            if let Some(dns) = host.dns.clone() {
                let resolver = self.run(name, move || Resolver::start(&dns))?;
                let resolver = resolver.map_err(failed("resolver", name))?;
                self.resolvers.insert(name.clone(), resolver);
            }
        }
        for (name, router) in &self.topology.routers {
            if let Some(dhcp) = router.dhcp.clone() {
                let service = self.run(name, move || dhcp::start(&dhcp))?;
                self.dhcp
                    .push(service.map_err(failed("DHCP service", name))?);
            }
            for (index, middlebox) in router.middleboxes.iter().enumerate() {
                let (kind, port) = (middlebox.kind, plan::middlebox_port(index));
                let middlebox = self.run(name, move || Middlebox::start(kind, port))?;
                let middlebox = middlebox.map_err(failed("middlebox", name))?;
                self.middleboxes.push(middlebox);
            }
        }
        Ok(())
    }

    /// Runs this in every namespace at the same time.
    fn everywhere(&self, job: fn()) -> Result<(), WorldError> {
        let running: Vec<_> = self.cells.values().map(|cell| cell.start(job)).collect();
        let mut running = running.into_iter();
        Ok(running.try_for_each(|done| done.recv().map_err(|_| Gone))?)
    }

    fn add(&mut self, name: &str, host: Option<&str>) -> Result<(), WorldError> {
        let cell = Cell::new(name, host).map_err(WorldError::namespace)?;
        self.cells.insert(name.to_owned(), cell);
        Ok(())
    }

    /// The network, as it was built.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// What the kernel offers, and so who shapes: its netem, or our shaper in user space.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Every line of `ip`, `nft` and `tc` that was run so far, in order, as a script that does the
    /// same by hand.
    pub fn script(&self) -> String {
        self.script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Starts a program on a host or router, under the host's name, with its hosts file and resolver.
    ///
    /// # Errors
    /// When there is no such node, and as [`Command::spawn`].
    pub fn spawn(&self, node: &str, mut command: Command) -> Result<Child, WorldError> {
        let program = command.get_program().to_owned();
        self.run(node, move || command.spawn())?
            .map_err(|error| WorldError::Spawn {
                program: program.to_string_lossy().into_owned(),
                error,
            })
    }

    /// Runs this in the namespace of a node, and waits for it. Sockets that it makes belong there,
    /// as do threads and processes that it starts; nothing else of that node is done meanwhile.
    ///
    /// # Errors
    /// When there is no such node, or when this panicked, or something before it.
    pub fn run<T: Send + 'static>(
        &self,
        node: &str,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorldError> {
        Ok(self.cell(node)?.run(job)?)
    }

    fn cell(&self, node: &str) -> Result<&Cell, WorldError> {
        let none = || WorldError::NoNode(node.to_owned());
        self.cells.get(node).ok_or_else(none)
    }

    /// The address of a host or router: that of its first adapter, by name.
    pub fn address(&self, node: &str) -> Option<IpAddr> {
        let first = self.topology.adapters(node)?.values().next()?;
        Some(first.address.into())
    }

    /// Bytes that a node has sent by its adapters since it was built, headers included.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn bytes_sent(&self, node: &str) -> Result<u64, WorldError> {
        self.run(node, run::bytes_sent)
    }

    /// Processes that run in the network, by the numbers that /proc shows.
    pub fn processes(&self) -> Vec<i32> {
        let inodes: BTreeSet<u64> = self.cells.values().filter_map(|c| c.inode().ok()).collect();
        run::processes_in(&inodes)
    }

    /// Captures from now on what passes the adapters of each host and router, in one pcapng file for
    /// each in this folder, `NODE.pcapng`, at most 1 GiB each. Faults that come and go, and what
    /// [`Self::note`] says, stand between the packets as comments. The files are complete when the
    /// world is gone, or [`Self::end_capture`] was called.
    ///
    /// # Errors
    /// When a file can not be created.
    pub fn capture(&self, folder: &Path) -> Result<Vec<PathBuf>, WorldError> {
        let mut paths = Vec::new();
        for (node, adapters) in self.topology.nodes() {
            let path = folder.join(format!("{node}.pcapng"));
            let names: Vec<String> = adapters.keys().cloned().collect();
            let (to, host) = (path.clone(), node.to_owned());
            let capture = self.run(node, move || Capture::start(&to, &host, &names))?;
            let capture = capture.map_err(|error| WorldError::Service {
                what: "capture",
                node: node.to_owned(),
                error,
            })?;
            let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
            captures.insert(node.to_owned(), capture);
            paths.push(path);
        }
        Ok(paths)
    }

    /// Writes a comment between the packets of every capture.
    pub fn note(&self, text: &str) {
        let captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        for capture in captures.values() {
            // A full disk ends a capture, and no more.
            let _ = capture.note(text);
        }
    }

    /// Completes the files of all captures.
    pub fn end_capture(&self) {
        let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        captures.clear();
    }

    /// Lets a fault happen.
    ///
    /// # Errors
    /// When it can not happen here, and when the system refuses a line of it.
    pub fn apply(&self, fault: &Fault) -> Result<Applied, WorldError> {
        fault.check(&self.topology)?;
        let number = self.faults.fetch_add(1, Ordering::Relaxed) + 1;
        let shaped = |node: &str, adapter: &str| self.is_shaped(node, adapter);
        let changes = plan::changes(fault, &self.topology, self.kernel, number, &shaped);
        let name = format!("fault {number} ({})", fault.name());
        self.note(&format!("{name} begins: {}", crate::report::words(fault)));
        self.execute(&changes.apply)?;
        self.note(&format!("{name} holds"));
        let lift = changes.lift;
        Ok(Applied { name, lift })
    }

    /// Lets it be as before.
    ///
    /// # Errors
    /// When the system refuses a line of it.
    pub fn lift(&self, fault: Applied) -> Result<(), WorldError> {
        self.execute(&fault.lift)?;
        self.note(&format!("{} is lifted", fault.name));
        Ok(())
    }

    fn is_shaped(&self, node: &str, adapter: &str) -> bool {
        self.shaped.contains(&(node.to_owned(), adapter.to_owned()))
    }

    /// What no tool does.
    fn act(&self, step: &Step) -> Result<(), WorldError> {
        let mut shapers = self.shapers.lock().unwrap_or_else(PoisonError::into_inner);
        match &step.act {
            Act::Shaper {
                node,
                adapter,
                ends,
                link,
            } => {
                let (ends, link, seed) = (ends.clone(), *link, shapers.len() as u64);
                let shaper = self.run(&step.at, move || Shaper::start(&ends, link, seed))?;
                let shaper = shaper.map_err(|error| WorldError::Service {
                    what: "shaper",
                    node: node.clone(),
                    error,
                })?;
                shapers.insert((node.clone(), adapter.clone()), shaper);
            }
            Act::Reshape { adapter, link } => {
                if let Some(shaper) = shapers.get(&(step.at.clone(), adapter.clone())) {
                    shaper.set(*link);
                }
            }
            Act::Carrier(adapter) => {
                let adapter = adapter.clone();
                self.run(&step.at, move || run::settle(Some(&adapter)))?;
            }
            Act::Resolve { name, answer } => {
                if let Some(resolver) = self.resolvers.get(&step.at) {
                    resolver.set(name, answer.clone());
                }
            }
            Act::Sysctl { .. }
            | Act::Cable { .. }
            | Act::Ip(_)
            | Act::Tc(_)
            | Act::Nft(_)
            | Act::Hosts(_)
            | Act::HostsEntry { .. } => {}
        }
        Ok(())
    }

    fn execute(&self, steps: &[Step]) -> Result<(), WorldError> {
        run::execute(self, steps)?;
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.push_str(&plan::lines(steps));
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Twice: what is killed may just have started another.
        for _ in 0..2 {
            for pid in self.processes() {
                // It may be gone by now.
                let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
            }
        }
    }
}

/// The adapters that need a shaper of ours.
fn shaped(topology: &Topology, faults: &[Fault], kernel: Kernel) -> BTreeSet<(String, String)> {
    let mut shaped = BTreeSet::new();
    if kernel.netem {
        return shaped;
    }
    for (node, adapters) in topology.nodes() {
        let disturbed = adapters
            .iter()
            .filter(|(_, adapter)| adapter.link.disturbs());
        shaped.extend(disturbed.map(|(name, _)| (node.to_owned(), name.clone())));
    }
    for fault in faults {
        if let Fault::Shape(shape) = fault {
            shaped.insert((shape.node.clone(), shape.adapter.clone()));
        }
    }
    shaped
}
