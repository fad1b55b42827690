//! Builds the networks, lets the faults happen one after the other, and counts.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use dolab_lab::world::World;
use serde_json::Value;

use crate::{
    faults::Random,
    judge::{Blamed, Placed, Result, judge},
    network::Shape,
};

/// Faults at one time, each in networks of its own: a check mostly waits.
const WORKERS: usize = 6;

/// Where the cloud is, in both networks.
const CLOUD: &str = "10.9.0.9";

pub(crate) fn run(arguments: &[String]) {
    let after = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse().ok()
    };
    let seed: u64 = after("--seed").unwrap_or(5);
    let only: Option<u64> = after("--only");
    let with_cloud = !arguments.iter().any(|it| it == "--without-cloud");
    let count = arguments
        .first()
        .and_then(|text| text.parse().ok())
        .unwrap_or(200);
    // Built now, not while others wait for it.
    dolab_tests::dolab();
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let results: Mutex<Vec<(Random, Result)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(count as usize) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed) + 1;
                    if number > count {
                        break;
                    }
                    if only.is_some_and(|only| only != number) {
                        continue;
                    }
                    let fault = Random::new(seed, number);
                    // A network of its own: kernels send the answers of earlier calls again for a
                    // minute, which would count for this one.
                    let result = Site::new(fault.shape, with_cloud).check(&fault);
                    say(&format!("{fault}: {:?} {:?}", result.blamed, result.placed));
                    if result.blamed != Blamed::Right || result.placed == Some(Placed::Wrong) {
                        result
                            .notes
                            .iter()
                            .for_each(|note| say(&format!("    {note}")));
                    }
                    results
                        .lock()
                        .expect("nobody panicked")
                        .push((fault, result));
                }
            });
        }
    });
    let results = results.into_inner().expect("nobody panicked");
    let blamed = |wanted| results.iter().filter(|(_, r)| r.blamed == wanted).count();
    let placed = |wanted| {
        results
            .iter()
            .filter(|(_, r)| r.placed == Some(wanted))
            .count()
    };
    let (right, unknown, wrong) = (
        blamed(Blamed::Right),
        blamed(Blamed::Unknown),
        blamed(Blamed::Wrong),
    );
    let total = results.iter().filter(|(fault, _)| fault.protocol.is_none());
    let (all, known) = total.fold((0, 0), |(all, known), (_, result)| {
        (all + 1, known + usize::from(result.blamed == Blamed::Right))
    });
    let percent = right as f64 * 100.0 / results.len().max(1) as f64;
    say(&format!(
        "\n{} faults, seed {seed}: blame right in {right} ({percent:.1} %), unknown in {unknown}, \
         wrong in {wrong}; {:.0} s",
        results.len(),
        began.elapsed().as_secs_f64()
    ));
    say(&format!(
        "of them {all} hit everything in one direction, so that the two can not talk on any way between them: right in {known}"
    ));
    say(&format!(
        "of the faults at routers: place exact in {}, a part that holds it in {}, not named in {}, \
         wrong in {}",
        placed(Placed::Exact),
        placed(Placed::Around),
        placed(Placed::NotNamed),
        placed(Placed::Wrong)
    ));
    if wrong > 0 || placed(Placed::Wrong) > 0 {
        std::process::exit(1);
    }
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn say(line: &str) {
    println!("{line}");
}

/// A network with a peer at `pc2`, and the cloud, through which the two can talk where no way between them
/// is left.
struct Site {
    world: World,
    running: Vec<Child>,
    folder: tempfile::TempDir,
    with_cloud: bool,
}

impl Site {
    fn new(shape: Shape, with_cloud: bool) -> Self {
        let mut site = Self {
            world: World::build(&shape.topology(), &[]).expect("namespaces can be made"),
            running: Vec::new(),
            folder: tempfile::tempdir().expect("a folder can be made"),
            with_cloud,
        };
        if with_cloud {
            let mut cloud = site.program("cloud", "cloud");
            cloud.args(["--listen", CLOUD, "--ca-out", "ca.pem"]);
            site.start("cloud", cloud);
        }
        let peer = site.program("peer", "pc2");
        site.start("pc2", peer);
        site
    }

    /// Starts a program, and waits until it is ready.
    fn start(&mut self, host: &str, mut command: Command) {
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = self.world.spawn(host, command).expect("a program starts");
        let said = BufReader::new(program.stdout.take().expect("it is piped"));
        self.running.push(program);
        let mut lines = said.lines();
        let ready = |line: &std::io::Result<String>| {
            line.as_ref().is_ok_and(|line| line.contains("\"ready\""))
        };
        let found = lines.find(ready);
        drop(found.expect("the program gets ready"));
        // It must not be held up by what nobody reads.
        std::thread::spawn(move || lines.for_each(drop));
    }

    fn check(&self, fault: &Random) -> Result {
        let _applied = self
            .world
            .apply(&fault.fault())
            .expect("the fault can happen");
        let mut command = self.program("check", "pc1");
        command.args(["10.4.0.1", "--size", "0"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let check = self.world.spawn("pc1", command).expect("a check starts");
        let output = check.wait_with_output().expect("a check ends");
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.lines().last().unwrap_or_default();
        let report: Value = serde_json::from_str(last).expect("the report is JSON");
        judge(fault, &report)
    }

    fn program(&self, verb: &str, host: &str) -> Command {
        let folder = self.folder.path();
        let mut command = dolab_tests::dolab();
        command.args([verb, "--json"]).current_dir(folder);
        command.env("XDG_STATE_HOME", folder.join(host));
        if self.with_cloud && verb != "cloud" {
            command.args(["--cloud", &format!("https://{CLOUD}"), "--ca", "ca.pem"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for program in &mut self.running {
            // It may have ended by itself.
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}
