//! Programs that run beside a test.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Instant,
};

use crate::PATIENCE;

/// A running program. Dropped, it and everything that it started are killed.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
    reaped: Option<ExitStatus>,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote on standard output.
    pub stdout: String,
    /// What it wrote on standard error.
    pub stderr: String,
}

impl Finished {
    /// Whether it ended with this exit code.
    ///
    /// # Panics
    /// When not, with what it said.
    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
    }
}

#[derive(Debug, Default)]
struct Output {
    lines: Mutex<Lines>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    stdout: Vec<String>,
    stderr: Vec<String>,
    closed: usize,
}

#[derive(Clone, Copy, Debug)]
enum Stream {
    Stdout,
    Stderr,
}

impl Process {
    /// Starts a program.
    ///
    /// # Panics
    /// When it can not be started.
    pub fn start(mut command: Command) -> Self {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let name = format!("{command:?}");
        let mut child = command
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: can not be started: {error}"));
        let output = Arc::new(Output::default());
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let readers = vec![
            read_lines(stdout, Stream::Stdout, &output),
            read_lines(stderr, Stream::Stderr, &output),
        ];
        Self {
            name,
            child,
            output,
            readers,
            reaped: None,
        }
    }

    /// Runs a program to its end.
    ///
    /// # Panics
    /// When it can not be started or does not end.
    pub fn run(command: Command) -> Finished {
        Self::start(command).finish()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard output that `wanted` likes, and returns it. Lines that came
    /// earlier count.
    ///
    /// # Panics
    /// When the program ends before, or runs out of time.
    pub fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.line_of(Stream::Stdout, wanted)
    }

    /// The same on standard error.
    ///
    /// # Panics
    /// As [`line`](Self::line).
    pub fn error_line(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.line_of(Stream::Stderr, wanted)
    }

    fn line_of(&self, stream: Stream, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.output.lock();
        let mut seen = 0;
        loop {
            let of_stream = lines.of(stream);
            if let Some(line) = of_stream[seen..].iter().find(|line| wanted(line)) {
                return line.clone();
            }
            seen = of_stream.len();
            let left = deadline.saturating_duration_since(Instant::now());
            let ended = lines.closed == 2;
            if ended || left.is_zero() {
                let how = if ended { "ended" } else { "ran out of time" };
                let said = lines.dump();
                drop(lines);
                panic!(
                    "{}: {how} before it said what was waited for\n{said}",
                    self.name
                );
            }
            lines = self.output.wait(lines, left);
        }
    }

    /// What it wrote on standard output until now.
    pub fn output_so_far(&self) -> String {
        self.output.lock().stdout.join("\n")
    }

    /// What it wrote on standard error until now.
    pub fn errors_so_far(&self) -> String {
        self.output.lock().stderr.join("\n")
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        if self.reaped.is_none() {
            self.reaped = self.child.try_wait().expect("a child can be waited for");
        }
        self.reaped.is_none()
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// When it runs out of time.
    pub fn finish(mut self) -> Finished {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.output.lock();
        while lines.closed < 2 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let said = lines.dump();
                drop(lines);
                panic!("{}: did not end in time\n{said}", self.name);
            }
            lines = self.output.wait(lines, left);
        }
        drop(lines);
        self.reap()
    }

    /// Ends it at once, with no chance to clean up.
    pub fn kill(mut self) -> Finished {
        self.kill_group();
        self.reap()
    }

    /// Asks it to end, as ctrl-c does, and waits until it has.
    ///
    /// # Panics
    /// When it runs out of time.
    #[cfg(unix)]
    pub fn interrupt(self) -> Finished {
        let pid = rustix::process::Pid::from_child(&self.child);
        // An error says that it has ended already.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        self.finish()
    }

    fn reap(&mut self) -> Finished {
        let status = match self.reaped {
            Some(status) => status,
            None => self.child.wait().expect("a child can be waited for"),
        };
        self.reaped = Some(status);
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader does not panic");
        }
        let lines = self.output.lock();
        Finished {
            code: status.code(),
            stdout: lines.stdout.join("\n"),
            stderr: lines.stderr.join("\n"),
        }
    }

    fn kill_group(&mut self) {
        if self.reaped.is_some() {
            return; // The id may be somebody else's by now.
        }
        #[cfg(unix)]
        {
            let group = rustix::process::Pid::from_child(&self.child);
            // An error says that it has ended already.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
        let _ = self.child.wait();
    }
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        lines: MutexGuard<'a, Lines>,
        left: std::time::Duration,
    ) -> MutexGuard<'a, Lines> {
        self.grown
            .wait_timeout(lines, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

impl Lines {
    fn of(&self, stream: Stream) -> &Vec<String> {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }

    fn dump(&self) -> String {
        let mut text = String::new();
        for (title, lines) in [
            ("standard output", &self.stdout),
            ("standard error", &self.stderr),
        ] {
            let skipped = lines.len().saturating_sub(200);
            writeln!(text, "--- {title} ({skipped} lines left out)").expect("writing to a string");
            lines[skipped..].iter().for_each(|line| {
                text.push_str(line);
                text.push('\n');
            });
        }
        text
    }
}

fn read_lines(
    from: impl Read + Send + 'static,
    stream: Stream,
    output: &Arc<Output>,
) -> JoinHandle<()> {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n') {
            // A line that can not be read ends the stream; what it said before is kept.
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line)
                .trim_end_matches('\r')
                .to_owned();
            let mut lines = output.lock();
            match stream {
                Stream::Stdout => lines.stdout.push(line),
                Stream::Stderr => lines.stderr.push(line),
            }
            output.grown.notify_all();
        }
        output.lock().closed += 1;
        output.grown.notify_all();
    })
}
