//! A program that runs in a host of the lab, and what it writes.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ExitStatus},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

/// Lines that are kept of what a program writes on standard error: the last ones, of a program that
/// writes far more than any of ours.
const MAX_LINES: usize = 20_000;

/// A running program. Dropped, it and what it started are killed.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    output: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
    status: Option<ExitStatus>,
}

/// Everything that programs of one run write; who waits for a line waits here.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<u64>,
    grown: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.grown.notify_all();
    }

    /// How often it was rung: before a look at what it is rung for.
    pub(super) fn count(&self) -> u64 {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it was rung more often than that, or for so long.
    pub(super) fn wait(&self, count: u64, longest: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self
            .grown
            .wait_timeout_while(rung, longest, |rung| *rung == count);
    }
}

#[derive(Debug, Default)]
struct Output {
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    /// What it wrote on standard output that is JSON, and any other line as a text.
    stdout: Vec<Value>,
    stderr: Vec<String>,
    closed: usize,
}

/// What a program has left when it ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub(super) exit: Option<i32>,
    /// Its events and documents, in order.
    pub(super) stdout: Vec<Value>,
    /// The end of what it wrote on standard error.
    pub(super) stderr: Vec<String>,
}

impl Program {
    /// Takes over a child whose standard output and standard error are pipes, and that leads its
    /// own process group.
    pub(super) fn new(mut child: Child, bell: &Arc<Bell>) -> Self {
        let output = Arc::new(Output::default());
        let stdout = child.stdout.take().map(|from| {
            read_lines(from, &output, bell, |lines, line| {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                keep(&mut lines.stdout, value);
            })
        });
        let stderr = child.stderr.take().map(|from| {
            read_lines(from, &output, bell, |lines, line| {
                keep(&mut lines.stderr, line);
            })
        });
        Self {
            child,
            output,
            readers: stdout.into_iter().chain(stderr).collect(),
            status: None,
        }
    }

    /// The first event of this name that it has written.
    pub(super) fn event(&self, name: &str) -> Option<Value> {
        self.events(name).into_iter().next()
    }

    /// All events of this name that it has written.
    pub(super) fn events(&self, name: &str) -> Vec<Value> {
        let lines = self.output.lock();
        let of_name = lines.stdout.iter().filter(|line| line["event"] == name);
        of_name.cloned().collect()
    }

    /// Whether it has said its last word: nobody holds its output any more.
    pub(super) fn is_over(&self) -> bool {
        self.output.lock().closed == self.readers.len()
    }

    /// The last lines that it wrote on standard error.
    pub(super) fn errors(&self) -> Vec<String> {
        let lines = self.output.lock();
        let from = lines.stderr.len().saturating_sub(40);
        lines.stderr[from..].to_vec()
    }

    /// Asks it to end, as Ctrl-C does.
    pub(super) fn interrupt(&self) {
        // An error says that it has ended already.
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
    }

    /// What it has left, once [`is_over`](Self::is_over); else it is killed first.
    pub(super) fn end(mut self) -> Ended {
        if !self.is_over() {
            self.kill();
        }
        let status = self.child.wait().ok();
        self.status = status;
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let mut lines = self.output.lock();
        Ended {
            exit: status.and_then(|status| status.code()),
            stdout: std::mem::take(&mut lines.stdout),
            stderr: {
                let from = lines.stderr.len().saturating_sub(40);
                lines.stderr.split_off(from)
            },
        }
    }

    fn kill(&mut self) {
        if self.status.is_none() {
            // An error says that it has ended already.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.kill();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep<T>(lines: &mut Vec<T>, line: T) {
    if lines.len() >= MAX_LINES {
        lines.drain(..MAX_LINES / 2);
    }
    lines.push(line);
}

fn read_lines(
    from: impl Read + Send + 'static,
    output: &Arc<Output>,
    bell: &Arc<Bell>,
    keep: impl Fn(&mut Lines, String) + Send + 'static,
) -> JoinHandle<()> {
    let (output, bell) = (Arc::clone(output), Arc::clone(bell));
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n') {
            // A line that can not be read ends the stream; what came before is kept.
            let Ok(line) = line else { break };
            keep(
                &mut output.lock(),
                String::from_utf8_lossy(&line).into_owned(),
            );
            bell.ring();
        }
        output.lock().closed += 1;
        bell.ring();
    })
}

/// A time by which a thing must have happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    pub(super) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    pub(super) fn is_over(self) -> bool {
        Instant::now() >= self.0
    }

    pub(super) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}
