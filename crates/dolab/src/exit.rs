//! What the program's exit code says.

use std::process::ExitCode;

use dolab_check::report::Verdict;

/// How a command ended. The codes are the same for every command, so that scripts can rely on
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, and nothing is wrong.
    Good,
    /// 1: something is wrong, and the output says what.
    Finding,
    /// 2: the command was not understood. The argument parser exits with it too.
    WrongUse,
    /// 3: this host can not run it: a port is taken, a privilege or disk space is missing.
    CannotRun,
    /// 4: too little was seen to say anything.
    Inconclusive,
}

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Finding => 1,
            Self::WrongUse => 2,
            Self::CannotRun => 3,
            Self::Inconclusive => 4,
        }
    }

    /// The worse of two, for a command that does several things: a finding outweighs everything
    /// that was not seen, and what was not seen outweighs what was good.
    pub fn worst(self, other: Self) -> Self {
        let weight = |exit| match exit {
            Self::Good => 0,
            Self::Inconclusive => 1,
            Self::Finding => 2,
            Self::CannotRun => 3,
            Self::WrongUse => 4,
        };
        if weight(other) > weight(self) {
            other
        } else {
            self
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Good,
            Verdict::Degraded | Verdict::Fail => Self::Finding,
            Verdict::Inconclusive => Self::Inconclusive,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The codes, as every `--help` ends with them.
pub const HELP: &str = "\
Exit codes: 0 good, 1 a finding, 2 wrong use, 3 this host cannot run it (port taken, no privilege,
disk full), 4 inconclusive.";
