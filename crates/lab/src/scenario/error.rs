//! What is wrong with a file, and where.

use std::{fmt, ops::Range};

/// An error in a scenario file. Shown, it has the line in question and points at the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct FileError(Box<Located>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
struct Located {
    /// How the file is called.
    place: String,
    /// Where in it, from 1 on: line and column.
    at: Option<(usize, usize)>,
    /// What is wrong.
    message: String,
    /// What was meant perhaps.
    hint: Option<String>,
    /// The line, and how many of its characters are meant.
    line: Option<(String, usize)>,
}

impl FileError {
    pub(super) fn new(
        place: &str,
        text: &str,
        span: Option<Range<usize>>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Self {
        let span = span.filter(|span| text.is_char_boundary(span.start));
        let located = span.map(|span| locate(text, &span));
        Self(Box::new(Located {
            place: place.to_owned(),
            at: located.as_ref().map(|found| found.0),
            message: message.into(),
            hint,
            line: located.map(|found| found.1),
        }))
    }

    /// Where in the file, from 1 on: line and column. `None` where it is not the file's text.
    pub fn at(&self) -> Option<(usize, usize)> {
        self.0.at
    }
}

/// Line and column, and the line with the length of what is meant on it, in characters.
fn locate(text: &str, span: &Range<usize>) -> ((usize, usize), (String, usize)) {
    let before = &text[..span.start];
    let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[begin..].lines().next().unwrap_or_default();
    let column = text[begin..span.start].chars().count();
    let meant = text
        .get(span.clone())
        .and_then(|meant| meant.lines().next())
        .map_or(1, |meant| meant.chars().count().max(1));
    let number = before.matches('\n').count() + 1;
    ((number, column + 1), (line.to_owned(), meant))
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message.trim_end())?;
        if let (Some((number, column)), Some((line, meant))) = (self.at, &self.line) {
            let gutter = " ".repeat(number.to_string().len());
            let (before, marks) = (" ".repeat(column - 1), "^".repeat(*meant));
            // A tab is as wide in the line below as in the line itself.
            let line = line.replace('\t', " ");
            write!(
                f,
                "\n{gutter} |\n{number} | {line}\n{gutter} | {before}{marks}"
            )?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}
