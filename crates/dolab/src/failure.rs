//! What ends a command early: one line that says what went wrong, one that says what to do next.

use std::{fmt::Display, io, path::Path};

use serde::Serialize;

use crate::exit::Exit;

/// An error as the user sees it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the process ends with.
    pub(crate) exit: Exit,
    /// What went wrong: lower-case, one line.
    pub(crate) error: String,
    /// What to do next.
    pub(crate) hint: Option<String>,
    /// Delivery Optimization's code for it, where there is one.
    pub(crate) do_error: Option<String>,
}

/// What a command ends with.
pub(crate) type CommandResult = Result<Exit, Failure>;

impl Failure {
    /// Ends the command with `exit` because of `error`.
    pub(crate) fn new(exit: Exit, error: impl Display) -> Self {
        Self {
            exit,
            error: error.to_string(),
            hint: None,
            do_error: None,
        }
    }

    /// The user asked for something that makes no sense.
    pub(crate) fn wrong_use(error: impl Display) -> Self {
        Self::new(Exit::WrongUse, error)
    }

    /// This host can not do it.
    pub(crate) fn cannot_run(error: impl Display) -> Self {
        Self::new(Exit::CannotRun, error)
    }

    /// A file that the user named can not be read.
    pub(crate) fn unreadable(file: &Path, error: &io::Error) -> Self {
        let name = file.display();
        if file.is_dir() {
            Self::wrong_use(format!("{name}: this is a folder, and not a file"))
        } else if error.kind() == io::ErrorKind::NotFound {
            Self::wrong_use(format!("{name}: there is no such file"))
        } else {
            Self::cannot_run(format!("{name}: the file can not be read: {error}"))
        }
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Adds Delivery Optimization's code.
    pub(crate) fn do_code(mut self, code: dolab_wire::DoCode) -> Self {
        self.do_error = Some(code.to_string());
        self
    }

    /// The failure as a JSON document.
    pub(crate) fn document(&self) -> impl Serialize + '_ {
        #[derive(Serialize)]
        struct Document<'a> {
            schema: &'static str,
            exit_code: u8,
            error: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            hint: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            do_error: Option<&'a str>,
        }
        Document {
            schema: "dolab.error/1",
            exit_code: self.exit.code(),
            error: &self.error,
            hint: self.hint.as_deref(),
            do_error: self.do_error.as_deref(),
        }
    }
}
