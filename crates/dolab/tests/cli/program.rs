//! Runs the program and reads what it says, as it says it.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Longer than anything here can take. Only a test that fails anyway waits for it.
const DEADLINE: Duration = Duration::from_secs(120);

/// The program, with nothing of the caller's environment that changes its output.
pub(crate) fn dolab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dolab"));
    command
        .env_remove("RUST_LOG")
        .env_remove("NO_COLOR")
        .env_remove("DOLAB_KEY")
        .env_remove("COLUMNS")
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Ended {
    Ended::from(dolab().args(args).output().expect("the program starts"))
}

/// A program that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("the output is text"),
            stderr: String::from_utf8(output.stderr).expect("the errors are text"),
        }
    }
}

impl Ended {
    /// Standard output as one JSON value for each line, each checked for the rules that hold for
    /// all of them.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let lines: Vec<_> = self.stdout.lines().map(json_line).collect();
        let (last, events) = lines.split_last().expect("there is a final document");
        assert!(
            last.get("event").is_none(),
            "the final document is no event: {last}"
        );
        for event in events {
            assert!(
                event["event"].is_string(),
                "before the final document come events: {event}"
            );
        }
        lines
    }
}

/// A line of `--json`: an object with a schema, and no key twice at any depth.
#[track_caller]
pub(crate) fn json_line(line: &str) -> Value {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    assert!(value["schema"].is_string(), "no schema: {line}");
    crate::strict::check(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    value
}

/// A program that runs. It is killed when the test is done with it.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    stderr: Option<thread::JoinHandle<String>>,
    seen: String,
}

impl Running {
    /// Starts it.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = dolab()
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        thread::spawn(move || {
            // Ends with the program, or with the test that no longer listens.
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        let mut stderr = child.stderr.take().expect("it is piped");
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            stderr
                .read_to_string(&mut text)
                .expect("the errors are text");
            text
        });
        Self {
            child,
            lines,
            stderr: Some(stderr),
            seen: String::new(),
        }
    }

    /// The next line that `wanted` takes something from.
    #[track_caller]
    pub(crate) fn wait_for<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                let _ = self.child.kill();
                let stderr = self.stderr.take().map(|thread| thread.join().unwrap());
                panic!("not seen in\n{}\nstandard error:\n{stderr:?}", self.seen);
            };
            self.seen.push_str(&line);
            self.seen.push('\n');
            if let Some(found) = wanted(&line) {
                return found;
            }
        }
    }

    /// The next event of that name, from a program with `--json`.
    #[track_caller]
    pub(crate) fn wait_for_event(&mut self, event: &str) -> Value {
        self.wait_for(|line| Some(json_line(line)).filter(|value| value["event"] == event))
    }

    /// Asks it to end, as Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        use rustix::process::{Pid, Signal, kill_process};
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("it runs");
    }

    /// Waits for its end.
    #[cfg(unix)]
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + DEADLINE;
        while let Ok(line) = self
            .lines
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.seen.push_str(&line);
            self.seen.push('\n');
        }
        // Standard output is closed; if the program hangs all the same, it says so by its code.
        if Instant::now() > deadline {
            let _ = self.child.kill();
        }
        let status = self.child.wait().expect("it can be waited for");
        let stderr = self.stderr.take().map(|thread| thread.join().unwrap());
        Ended {
            code: status.code(),
            stdout: std::mem::take(&mut self.seen),
            stderr: stderr.unwrap_or_default(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
