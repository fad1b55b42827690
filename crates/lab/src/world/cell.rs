//! One namespace of a network, held by a thread that lives in it.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};

use crate::enclosure::SOURCE;

/// Where the files of a host are made before they are bound over the machine's: a folder that every
/// system has, hidden for that moment from one thread.
const SCRATCH: &str = "/tmp";

/// Files that a host has for itself. What they say is written later.
const OWN_FILES: [(&str, &str); 3] = [
    ("hosts", "/etc/hosts"),
    ("resolv.conf", "/etc/resolv.conf"),
    ("nsswitch.conf", "/etc/nsswitch.conf"),
];

type Job = Box<dyn FnOnce() + Send>;

/// A thread that has left the machine's network, mounts and host name for some of its own. What it
/// starts, threads and processes, is where it is. Dropped, the thread ends; the namespaces end with
/// the last that is in them.
#[derive(Debug)]
pub(crate) struct Cell {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// Keeps the network namespace, and names it for others.
    network: File,
}

/// The thread of a namespace is gone: something that it was asked to do has panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the thread of this namespace has ended")]
pub struct Gone;

impl Cell {
    /// Makes one. `host`: it runs programs of its own, under this host name.
    pub(crate) fn new(name: &str, host: Option<&str>) -> io::Result<Self> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (ready, made) = mpsc::channel();
        let host = host.map(str::to_owned);
        let thread = thread::Builder::new()
            .name(format!("lab {name}"))
            .spawn(move || {
                let _ = ready.send(enter(host.as_deref()));
                while let Ok(job) = inbox.recv() {
                    job();
                }
            })?;
        let network = made
            .recv()
            .map_err(|_| io::Error::other("the thread of a namespace ended at once"))??;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            network,
        })
    }

    /// Runs this in the namespace, and waits for it.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Gone> {
        self.start(job).recv().map_err(|_| Gone)
    }

    /// Runs this in the namespace. The receiver fails where the thread is gone.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> mpsc::Receiver<T> {
        let (done, result) = mpsc::channel();
        let job: Job = Box::new(move || {
            // Nobody may be waiting.
            let _ = done.send(job());
        });
        if let Some(jobs) = &self.jobs {
            // A thread that is gone drops the job, and with it the sender.
            let _ = jobs.send(job);
        }
        result
    }

    /// A path that names the network namespace for other processes of this machine.
    pub(crate) fn network(&self) -> io::Result<PathBuf> {
        use std::os::fd::AsRawFd;

        // The number under which the mounted /proc knows this process.
        let own = std::fs::read_link("/proc/self")?;
        let fd = self.network.as_raw_fd();
        Ok(Path::new("/proc").join(own).join("fd").join(fd.to_string()))
    }

    /// What tells the network namespace from others: the number of its file.
    pub(crate) fn inode(&self) -> io::Result<u64> {
        use std::os::unix::fs::MetadataExt;

        Ok(self.network.metadata()?.ino())
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it was told by what was asked for.
            let _ = thread.join();
        }
    }
}

/// Leaves the machine's namespaces.
fn enter(host: Option<&str>) -> io::Result<File> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS)?;
    // What is mounted here stays here.
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private)?;
    // Shows the interfaces of this namespace. Not every sandbox allows it, and few programs look.
    let _ = mount(SOURCE, "/sys", "sysfs", MountFlags::RDONLY, None);
    if let Some(name) = host {
        rustix::system::sethostname(name.as_bytes())?;
        own_files()?;
    }
    File::open("/proc/thread-self/ns/net")
}

/// Gives the host some files of its own, in memory: they go with the last process in it.
fn own_files() -> io::Result<()> {
    mount(SOURCE, SCRATCH, "tmpfs", MountFlags::empty(), None)?;
    let bound = OWN_FILES.iter().try_for_each(|(name, over)| {
        if !Path::new(over).exists() {
            // Nothing to bind over; the C library then has defaults.
            return Ok(());
        }
        let file = Path::new(SCRATCH).join(name);
        std::fs::write(&file, "")?;
        Ok(mount_bind(&file, *over)?)
    });
    // What is bound stays.
    unmount(SCRATCH, UnmountFlags::DETACH)?;
    bound
}
