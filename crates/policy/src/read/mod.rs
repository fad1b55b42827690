//! Reading what was set: our own TOML files, exports of a registry, a live registry.

mod export;
mod file;
mod registry;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;

pub use self::registry::RegistryValue;
use crate::{BadValue, Settings, UnknownPolicy};

/// The largest file that is read. An export of Delivery Optimization's keys has some kilobytes, one of
/// all of HKEY_LOCAL_MACHINE\SOFTWARE some hundred megabytes: export the keys alone.
pub const MAX_FILE: usize = 16 << 20;

/// The most problems that are told of one source. More than these are not looked for.
pub const MAX_PROBLEMS: usize = 20;

/// Why a source was refused: everything that is wrong with it. The fault of whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The file's name, as it was given.
    pub file: String,
    /// What is wrong, in the order of the lines; at least one, at most [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
}

/// Something that is wrong with a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1, or 0 where there are no lines.
    pub line: u32,
    /// The column, from 1, in characters, where it is known.
    pub column: Option<u32>,
    /// What is wrong.
    pub what: Trouble,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// A name that is no policy's.
    #[error(transparent)]
    Name(#[from] UnknownPolicy),
    /// A value that the policy can not have.
    #[error(transparent)]
    Value(#[from] BadValue),
    /// The same policy twice for one provider.
    #[error("{0} is set twice: it is in line {1} already")]
    Twice(&'static str, u32),
    /// A part of hours that there is not.
    #[error("`{0}` is no part of {1}: it has from, to, inside and outside")]
    Part(String, &'static str),
    /// A provider's name that does not hold policies.
    #[error("`{0}` has to be a table of policies, such as [{0}]")]
    NoTable(&'static str),
    /// The file is no TOML.
    #[error("this is no TOML: {0}")]
    Toml(String),
    /// A file that states a situation says something that there is not.
    #[error("{0}")]
    Situation(String),
    /// The file is no registry export, or a line of it is none.
    #[error("this is no line of a registry export: {0}")]
    Export(&'static str),
    /// The bytes are no text.
    #[error("this is no text in UTF-8 or UTF-16")]
    NoText,
    /// The file is larger than [`MAX_FILE`].
    #[error(
        "the file has {0} bytes, and at most {max} are read: export the keys of Delivery Optimization alone",
        max = MAX_FILE
    )]
    TooLarge(usize),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{problem}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for ReadError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        if let Some(column) = self.column {
            write!(f, "{column}:")?;
        }
        write!(f, " {}", self.what)
    }
}

impl Settings {
    /// Reads a file: an export of the registry if it begins like one or is called `.reg`, else TOML.
    ///
    /// # Errors
    ///
    /// Names everything that is wrong with the file, with its lines.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, ReadError> {
        let refused = |what| ReadError {
            file: file.to_owned(),
            problems: vec![Problem {
                line: 0,
                column: None,
                what,
            }],
        };
        if bytes.len() > MAX_FILE {
            return Err(refused(Trouble::TooLarge(bytes.len())));
        }
        let text = text::decode(bytes).ok_or_else(|| refused(Trouble::NoText))?;
        let is_export = file.to_ascii_lowercase().ends_with(".reg") || export::begins(&text);
        let (settings, problems) = if is_export {
            export::read(file, &text)
        } else {
            file::read(file, &text)
        };
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(ReadError {
                file: file.to_owned(),
                problems,
            })
        }
    }
}

/// What is wrong with policies that stand in a table of a longer file in TOML, which reads like a file
/// of our own: lines and columns are those of the whole text that the table was parsed from.
pub fn problems_of_table(text: &str, table: &toml::de::DeTable<'_>) -> Vec<Problem> {
    file::read_table("", text, table).1
}

/// The problems of one source, up to the bound.
#[derive(Debug, Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn push(&mut self, line: u32, column: Option<u32>, what: impl Into<Trouble>) {
        if !self.is_full() {
            self.0.push(Problem {
                line,
                column,
                what: what.into(),
            });
        }
    }

    /// Whether no more are taken.
    fn is_full(&self) -> bool {
        self.0.len() >= MAX_PROBLEMS
    }

    /// In the order of the lines.
    fn into_vec(mut self) -> Vec<Problem> {
        self.0.sort_by_key(|problem| (problem.line, problem.column));
        self.0
    }
}
