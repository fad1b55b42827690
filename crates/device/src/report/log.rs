//! `Get-DeliveryOptimizationLog`.

use std::fmt;

use dolab_wire::{DoCode, text::printable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    record::{Field, Record, field},
    trace::{CompletionTrace, ConnectionTrace, StartTrace},
};

/// Characters of a message that are kept: more than any of ours has.
const MAX_MESSAGE: usize = 4096;

/// How much an entry matters, with the numbers of Windows' event tracing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// 2: something did not work.
    Error,
    /// 3: something is not as it should be.
    Warning,
    /// 4: what happens.
    Info,
}

impl Level {
    /// The number.
    pub const fn number(self) -> u32 {
        match self {
            Self::Error => 2,
            Self::Warning => 3,
            Self::Info => 4,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One entry of the log, as `Get-DeliveryOptimizationLog` returns it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When it was written.
    pub time: Timestamp,
    /// The process that wrote it.
    pub process_id: u32,
    /// A number for the thread that wrote it. It tells threads of one process apart.
    pub thread_id: u64,
    /// How much it matters.
    pub level: Level,
    /// What happened. One line, printable.
    pub message: String,
    /// The function in the service that writes such an entry, where one is known.
    pub function: String,
    /// The line in our source. Microsoft's lines are its own.
    pub line: u32,
    /// The code, where something failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// What the entry says, as data, where it is one of the traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// The entries that carry data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trace {
    /// A download began.
    Start(Box<StartTrace>),
    /// A download ended.
    Completion(Box<CompletionTrace>),
    /// A connection to a peer ended.
    Connection(ConnectionTrace),
}

impl LogEntry {
    /// An entry of this process. Its time is set when it goes into the log.
    #[track_caller]
    pub fn new(level: Level, function: &str, message: impl fmt::Display) -> Self {
        Self {
            time: Timestamp::UNIX_EPOCH,
            process_id: std::process::id(),
            thread_id: thread_number(),
            level,
            message: printable(&message.to_string(), MAX_MESSAGE),
            function: function.to_owned(),
            line: std::panic::Location::caller().line(),
            code: None,
            trace: None,
        }
    }

    /// The same, with a code.
    #[must_use]
    pub fn coded(mut self, code: DoCode) -> Self {
        self.code = Some(code.0);
        self
    }

    /// An entry that is a trace: the data makes the message.
    #[track_caller]
    pub fn of(trace: Trace) -> Self {
        let (function, message, code) = match &trace {
            Trace::Start(start) => (StartTrace::FUNCTION, start.to_string(), start.hr),
            Trace::Completion(end) => (CompletionTrace::FUNCTION, end.to_string(), 0),
            Trace::Connection(conn) => (ConnectionTrace::FUNCTION, conn.to_string(), conn.status),
        };
        let level = if code == 0 {
            Level::Info
        } else {
            Level::Warning
        };
        Self {
            code: (code != 0).then_some(code),
            trace: Some(trace),
            ..Self::new(level, function, message)
        }
    }
}

impl Record for LogEntry {
    fn fields(&self) -> Vec<Field> {
        vec![
            field("TimeCreated", self.time),
            field("ProcessId", self.process_id),
            field("ThreadId", self.thread_id),
            field("Level", self.level.number()),
            field("LevelName", self.level.to_string()),
            field("Message", &self.message),
            field("Function", &self.function),
            field("LineNumber", self.line),
            field("ErrorCode", self.code.map(|code| DoCode(code).to_string())),
        ]
    }
}

/// The system's numbers for threads are not to be had without unsafe code.
fn thread_number() -> u64 {
    let name = format!("{:?}", std::thread::current().id());
    let digits = name.trim_matches(|c: char| !c.is_ascii_digit());
    digits.parse().unwrap_or_default()
}
