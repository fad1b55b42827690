//! Our own files, in TOML: `DODownloadMode = 2`.
//!
//! A policy at the top is set as group policy would set it; under `[mdm]`, `[settings]` or `[admin]` it
//! is that provider's. Hours are tables of `from`, `to`, `inside` and `outside`.

use std::{collections::BTreeMap, ops::Range};

use toml::de::{DeTable, DeValue};

use super::{Problem, Problems, Trouble};
use crate::{
    Name, Place, Provider, Raw, Setting, Settings, Value, settings::Change, table::Kind,
    value::HOURS,
};

pub(super) fn read(file: &str, text: &str) -> (Settings, Vec<Problem>) {
    match DeTable::parse(text) {
        Ok(table) => read_table(file, text, table.get_ref()),
        Err(error) => {
            let mut reader = Reader::new(file, text);
            let span = error.span().unwrap_or(0..0);
            reader.trouble(&span, Trouble::Toml(error.message().to_owned()));
            (reader.settings, reader.problems.into_vec())
        }
    }
}

/// A table that was parsed from a part of this text.
pub(super) fn read_table(file: &str, text: &str, table: &DeTable<'_>) -> (Settings, Vec<Problem>) {
    let mut reader = Reader::new(file, text);
    reader.top(table);
    (reader.settings, reader.problems.into_vec())
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    /// In which line each policy was set, by provider.
    seen: BTreeMap<(Provider, Name), u32>,
    settings: Settings,
    problems: Problems,
}

impl<'a> Reader<'a> {
    fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            seen: BTreeMap::new(),
            settings: Settings::new(),
            problems: Problems::default(),
        }
    }

    fn top(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            let provider = Provider::ALL
                .into_iter()
                .find(|provider| provider.table() == Some(key.get_ref().as_ref()));
            let Some(provider) = provider else {
                self.policy(Provider::Registry, key.get_ref(), &key.span(), value);
                continue;
            };
            match value.get_ref().as_table() {
                Some(table) => {
                    for (key, value) in table {
                        self.policy(provider, key.get_ref(), &key.span(), value);
                    }
                }
                None => {
                    let name = provider.table().unwrap_or_default();
                    self.trouble(&key.span(), Trouble::NoTable(name));
                }
            }
        }
    }

    fn policy(
        &mut self,
        provider: Provider,
        key: &str,
        span: &Range<usize>,
        value: &toml::Spanned<DeValue<'_>>,
    ) {
        if self.problems.is_full() {
            return;
        }
        let name = match key.parse::<Name>() {
            Ok(name) => name,
            Err(error) => return self.trouble(span, error.into()),
        };
        let (line, _) = self.position(span.start);
        // TOML knows that a key is there twice only where it is written alike.
        if let Some(before) = self.seen.insert((provider, name), line) {
            let (first, second) = (before.min(line), before.max(line));
            let problem = Trouble::Twice(name.mdm(), first);
            return self.problems.push(second, None, problem);
        }
        let raw = match self.raw(name, value) {
            Ok(raw) => raw,
            Err((span, what)) => return self.trouble(&span, what),
        };
        match Value::new(name.policy(), raw) {
            Ok(value) => self.settings.push(Change::Set(Setting {
                name,
                value,
                provider,
                place: Place::File {
                    file: self.file.to_owned(),
                    line,
                },
            })),
            Err(error) => self.trouble(&value.span(), error.into()),
        }
    }

    fn raw(
        &self,
        name: Name,
        value: &toml::Spanned<DeValue<'_>>,
    ) -> Result<Raw, (Range<usize>, Trouble)> {
        Ok(match value.get_ref() {
            DeValue::String(text) => Raw::Text(text.to_string()),
            DeValue::Integer(_) => integer(value.get_ref()),
            DeValue::Boolean(is) => Raw::Bool(*is),
            DeValue::Array(items) => items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .map_or(Raw::Other("a list of something that is no text"), Raw::List),
            DeValue::Table(table) if matches!(name.policy().kind, Kind::Hours) => {
                Raw::Hours(hours(name, table)?)
            }
            DeValue::Table(_) => Raw::Other("a table"),
            DeValue::Float(_) => Raw::Other("a number with a fraction"),
            DeValue::Datetime(_) => Raw::Other("a date"),
        })
    }

    fn trouble(&mut self, span: &Range<usize>, what: Trouble) {
        let (line, column) = self.position(span.start);
        self.problems.push(line, Some(column), what);
    }

    /// Line and column of a byte, from 1.
    fn position(&self, byte: usize) -> (u32, u32) {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        // A file has at most 16 MiB.
        (line as u32, column as u32)
    }
}

fn integer(value: &DeValue<'_>) -> Raw {
    value
        .as_integer()
        .and_then(|it| i128::from_str_radix(it.as_str(), it.radix()).ok())
        .map_or(Raw::Other("a number of too many digits"), Raw::Number)
}

fn hours(name: Name, table: &DeTable<'_>) -> Result<[Option<i128>; 4], (Range<usize>, Trouble)> {
    let mut parts = [None; 4];
    for (key, value) in table {
        let part = HOURS.iter().position(|part| part == key.get_ref());
        let part = part.ok_or_else(|| {
            let found = dolab_wire::text::printable(key.get_ref(), 40);
            (key.span(), Trouble::Part(found, name.mdm()))
        })?;
        let Raw::Number(number) = integer(value.get_ref()) else {
            let what = crate::BadValue::Kind {
                policy: name.mdm(),
                found: format!("`{}` that is no number", HOURS[part]),
                allowed: name.policy().kind.describe(name.policy().unit),
            };
            return Err((value.span(), what.into()));
        };
        parts[part] = Some(number);
    }
    Ok(parts)
}
