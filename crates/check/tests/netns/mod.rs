//! Network namespaces for tests: made, entered and removed.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    fs::File,
    io::Write as _,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use nix::sched::{CloneFlags, setns};

/// A namespace that goes when this is dropped.
pub(crate) struct Space {
    pub(crate) name: String,
}

impl Space {
    /// Makes one. The name has the process's number, so that runs do not collide.
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("dolab-c{}-{name}", std::process::id());
        ip(&format!("netns add {name}"));
        ip(&format!("-n {name} link set lo up"));
        Self { name }
    }

    /// Runs something on a thread that lives in it.
    pub(crate) fn within<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        let space = File::open(format!("/run/netns/{}", self.name)).expect("namespace");
        thread::scope(|s| {
            let inside = s.spawn(move || {
                setns(space, CloneFlags::CLONE_NEWNET).expect("enter the namespace");
                run()
            });
            inside
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Sets a parameter of the kernel's network in it, by the name below `/proc/sys/net`.
    pub(crate) fn set(&self, name: &str, value: &str) {
        self.within(|| std::fs::write(format!("/proc/sys/net/{name}"), value))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Feeds a script to nft in it.
    pub(crate) fn nft(&self, script: &str) {
        let mut nft = Command::new("ip")
            .args(["netns", "exec", &self.name, "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("nft");
        nft.stdin
            .take()
            .expect("stdin")
            .write_all(script.as_bytes())
            .expect("rules");
        assert!(nft.wait().expect("nft").success(), "{script}");
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
    }
}

/// Runs `ip` with words.
pub(crate) fn ip(args: &str) {
    let out = Command::new("ip")
        .args(args.split(' '))
        .output()
        .expect("ip");
    assert!(
        out.status.success(),
        "ip {args}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// Whether namespaces can be made here. Where not it says so, loudly, and fails the test where
/// `DOLAB_REQUIRE_NETNS` is set.
pub(crate) fn possible() -> bool {
    possible_with(&[])
}

/// The same of namespaces in which these programs run as well.
pub(crate) fn possible_with(programs: &[&str]) -> bool {
    let Some(why) = obstacle(programs) else {
        return true;
    };
    assert!(
        std::env::var_os("DOLAB_REQUIRE_NETNS").is_none(),
        "this test has to run here (DOLAB_REQUIRE_NETNS), but can not: {why}"
    );
    #[expect(clippy::print_stderr, reason = "a test that did not run says so")]
    {
        eprintln!("NOT RUN: this test in network namespaces can not run here: {why}");
    }
    false
}

fn obstacle(programs: &[&str]) -> Option<String> {
    for program in ["ip", "nft"].iter().chain(programs) {
        if Command::new(program)
            .arg("-V")
            .stdout(Stdio::null())
            .status()
            .is_err()
        {
            return Some(format!("{program} is not installed"));
        }
    }
    // Tests of one process ask at the same time.
    static TRIES: AtomicU32 = AtomicU32::new(0);
    let try_number = TRIES.fetch_add(1, Ordering::Relaxed);
    let name = format!("dolab-c{}-try{try_number}", std::process::id());
    let made = Command::new("ip")
        .args(["netns", "add", &name])
        .output()
        .ok()?;
    let _ = Command::new("ip").args(["netns", "del", &name]).output();
    (!made.status.success()).then(|| String::from_utf8_lossy(&made.stderr).trim().to_owned())
}
