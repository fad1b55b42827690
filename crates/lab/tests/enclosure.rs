//! What happens to an enclosure, and that nothing is left of it however it ends.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says by a panic what is wrong"
)]

#[cfg(target_os = "linux")]
mod common;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        collections::BTreeSet,
        fs,
        io::{BufRead as _, BufReader},
        os::unix::process::{CommandExt as _, ExitStatusExt as _},
        process::{Child, Command, ExitCode, ExitStatus, Stdio},
        thread,
        time::{Duration, Instant},
    };

    use dolab_lab::enclosure::{EnclosureError, Entered, clean, enter};
    use dolab_tests::{not_run, note};
    use rustix::process::{Pid, Signal, kill_process};

    use crate::common::{self, PAIR};

    /// What the enclosed program does.
    const TASK: &str = "DOLAB_TEST_TASK";
    /// Tells the processes of one test from all others.
    const TOKEN: &str = "DOLAB_TEST_TOKEN";

    pub(crate) fn main() -> ExitCode {
        if let Ok(task) = std::env::var(TASK) {
            return enclosed(&task);
        }
        for user in [User::Same, User::Nobody] {
            if user == User::Nobody && !rustix::process::geteuid().is_root() {
                not_run("another user can be had by root only");
                continue;
            }
            if !allowed(user) {
                continue;
            }
            exit_codes_are_passed_on(user);
            it_is_a_world_of_its_own(user);
            signals_are_passed_on(user);
            for victim in ["outer", "init", "inside"] {
                sigkill_leaves_nothing(user, victim);
            }
            note(&format!("test enclosure as {user:?} ... ok"));
        }
        assert_eq!(
            clean(&std::env::temp_dir()).removed,
            [],
            "something was left"
        );
        ExitCode::SUCCESS
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum User {
        Same,
        Nobody,
    }

    /// The program that is enclosed.
    fn enclosed(task: &str) -> ExitCode {
        match enter() {
            Ok(Entered::Inside) => {}
            Ok(Entered::Left(code)) => return code,
            Err(error @ EnclosureError::NotAllowed(_)) => {
                println!("NOT ALLOWED: {error}");
                return ExitCode::from(3);
            }
            Err(error) => panic!("{error}"),
        }
        let (what, number) = task.split_once(' ').unwrap_or((task, "0"));
        match what {
            "exit" => ExitCode::from(number.parse::<u8>().unwrap()),
            "look" => {
                let links = Command::new("/sbin/ip")
                    .args(["-o", "link"])
                    .output()
                    .unwrap();
                println!("{}", String::from_utf8_lossy(&links.stdout).lines().count());
                println!("{}", std::process::id());
                println!("{}", fs::read_link("/proc/self").unwrap().display());
                ExitCode::SUCCESS
            }
            "world" => {
                let world = common::world(PAIR).unwrap();
                common::echo(&world, "b", 7680);
                let stream = common::connect(&world, "a", "10.50.0.2:7680").unwrap();
                common::round_trip(&stream, 100_000).unwrap();
                let mut sleep = Command::new("sh");
                // One of them in a session of its own, as a daemon is.
                sleep.args(["-c", "setsid sleep 1000 & sleep 1000"]);
                let mut child = world.spawn("a", sleep).unwrap();
                println!("ready");
                child.wait().unwrap();
                ExitCode::FAILURE
            }
            _ => panic!("{task}: no such task"),
        }
    }

    fn start(user: User, task: &str) -> (Child, String) {
        use std::sync::atomic::{AtomicU32, Ordering};

        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let token = format!("{}-{count}", std::process::id());
        let own = std::env::current_exe().unwrap();
        let mut command = match user {
            User::Same => Command::new(own),
            User::Nobody => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
                command.arg(own);
                command
            }
        };
        command.env(TASK, task).env(TOKEN, &token);
        // Apart from the terminal's group, which may be interrupted.
        let child = command
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        (child, token)
    }

    fn finish(mut child: Child) -> (ExitStatus, Vec<String>) {
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = lines.map(Result::unwrap).collect();
        (child.wait().unwrap(), lines)
    }

    fn allowed(user: User) -> bool {
        let (status, lines) = finish(start(user, "exit 0").0);
        if status.code() == Some(3) {
            not_run(&format!("as {user:?}: {}", lines.join(" ")));
            return false;
        }
        assert!(status.success(), "{status}: {lines:?}");
        true
    }

    fn exit_codes_are_passed_on(user: User) {
        for code in [0, 1, 42, 255] {
            let (status, _) = finish(start(user, &format!("exit {code}")).0);
            assert_eq!(status.code(), Some(code));
        }
    }

    fn it_is_a_world_of_its_own(user: User) {
        let (status, lines) = finish(start(user, "look").0);
        assert!(status.success());
        // Only loopback; process 2, after init; /proc says the same.
        assert_eq!(lines, ["1", "2", "2"]);
    }

    fn signals_are_passed_on(user: User) {
        let (child, token) = start(user, "world");
        let (child, ready) = wait_ready(child);
        assert_eq!(ready, "ready");
        kill(child.id(), Signal::TERM);
        let status = { child }.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(128 + 15), None));
        assert_gone(&token);
    }

    fn sigkill_leaves_nothing(user: User, victim: &str) {
        let before = seen_from_here();
        let (child, token) = start(user, "world");
        let (mut child, ready) = wait_ready(child);
        assert_eq!(ready, "ready");
        // Outer, init, inside, a shell and two that sleep. Nobody tells when a program has replaced
        // another, and until then it has no environment to be found by.
        let patience = Instant::now() + Duration::from_secs(30);
        while processes(&token).len() != 6 {
            assert!(Instant::now() < patience, "{:?}", processes(&token));
            thread::sleep(Duration::from_millis(5));
        }
        let all = processes(&token);
        let outer = child.id();
        let init = *all.iter().find(|pid| parent(**pid) == Some(outer)).unwrap();
        let inside = *all.iter().find(|pid| parent(**pid) == Some(init)).unwrap();
        kill(
            match victim {
                "outer" => outer,
                "init" => init,
                _ => inside,
            },
            Signal::KILL,
        );
        child.wait().unwrap();
        assert_gone(&token);
        assert_eq!(seen_from_here(), before);
    }

    fn wait_ready(mut child: Child) -> (Child, String) {
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        (child, line.trim().to_owned())
    }

    fn kill(pid: u32, signal: Signal) {
        kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
    }

    fn processes(token: &str) -> BTreeSet<u32> {
        let mark = format!("{TOKEN}={token}");
        let all = fs::read_dir("/proc").unwrap().flatten();
        let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers
            .filter(|pid: &u32| {
                let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                environment
                    .split(|byte| *byte == 0)
                    .any(|entry| entry == mark.as_bytes())
            })
            .collect()
    }

    fn parent(pid: u32) -> Option<u32> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        line.trim().parse().ok()
    }

    fn assert_gone(token: &str) {
        let patience = Instant::now() + Duration::from_secs(30);
        while !processes(token).is_empty() {
            assert!(Instant::now() < patience, "{:?}", processes(token));
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Mounts, and names of namespaces. Interfaces too, though other tests come and go.
    fn seen_from_here() -> (String, Vec<String>) {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let links = Command::new("ip").args(["-br", "link"]).output().unwrap();
        let links = String::from_utf8(links.stdout).unwrap();
        let names = links
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        (mounts, names.map(str::to_owned).collect())
    }
}
