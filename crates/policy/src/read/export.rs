//! Exports of a registry: `.reg` files of version 5.00 and of REGEDIT4.
//!
//! Only the keys that hold policies matter: whatever else stands in the file is skipped unseen. Lines
//! under those keys have to make sense.

use super::{Problem, Trouble, registry::Collector, text};
use crate::{Key, Place, Raw, Settings};

const VERSION_5: &str = "Windows Registry Editor Version 5.00";
const VERSION_4: &str = "REGEDIT4";

/// Whether a text begins as an export does.
pub(super) fn begins(text: &str) -> bool {
    version(text).is_some()
}

/// Whether texts in hexadecimal are UTF-16.
fn version(text: &str) -> Option<bool> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    match first {
        VERSION_5 => Some(true),
        VERSION_4 => Some(false),
        _ => None,
    }
}

pub(super) fn read(file: &str, text: &str) -> (Settings, Vec<Problem>) {
    let mut collector = Collector::default();
    let Some(wide) = version(text) else {
        let what = "the first line has to be `Windows Registry Editor Version 5.00` or `REGEDIT4`";
        collector.trouble(1, Trouble::Export(what));
        return collector.finish();
    };
    let mut key = None;
    let mut lines = Lines::new(text);
    lines.skip_header();
    while let Some((line, text)) = lines.next() {
        if collector.is_full() {
            break;
        }
        if text.is_empty() || text.starts_with(';') {
            continue;
        }
        if let Some(rest) = text.strip_prefix('[') {
            match header(rest) {
                Some((path, false)) => key = Key::find(path),
                Some((path, true)) => {
                    key = None;
                    if let Some(gone) = Key::find(path) {
                        collector.clear(gone);
                    }
                }
                // A key that is broken may have been one of ours.
                None => {
                    key = None;
                    collector.trouble(line, Trouble::Export("the `]` after the key is missing"));
                }
            }
            continue;
        }
        let Some(key) = key else { continue };
        // The default value of a key is no policy.
        if text.starts_with('@') {
            lines.whole(text);
            continue;
        }
        let place = Place::File {
            file: file.to_owned(),
            line,
        };
        match entry(&lines.whole(text), wide) {
            Ok((name, Some(raw))) => collector.set(key, &name, raw, place, line),
            Ok((name, None)) => collector.unset(key, &name, line),
            Err(what) => collector.trouble(line, Trouble::Export(what)),
        }
    }
    collector.finish()
}

/// The path of a key, and whether it is taken away. The last bracket counts: keys may have some.
fn header(rest: &str) -> Option<(&str, bool)> {
    let path = &rest[..rest.rfind(']')?];
    Some(match path.strip_prefix('-') {
        Some(path) => (path, true),
        None => (path, false),
    })
}

/// The file's lines, counted.
struct Lines<'a> {
    rest: std::str::Lines<'a>,
    number: u32,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.lines(),
            number: 0,
        }
    }

    fn next(&mut self) -> Option<(u32, &'a str)> {
        let line = self.rest.next()?;
        self.number += 1;
        Some((self.number, line.trim()))
    }

    /// Past the line that tells the version.
    fn skip_header(&mut self) {
        while self.next().is_some_and(|(_, line)| line.is_empty()) {}
    }

    /// A line with those that go on with it: numbers in hexadecimal end in a backslash then.
    fn whole(&mut self, first: &str) -> String {
        let mut whole = first.to_owned();
        while is_hexadecimal(&whole) {
            let Some(head) = whole.strip_suffix('\\') else {
                break;
            };
            let head = head.trim_end().len();
            whole.truncate(head);
            match self.next() {
                Some((_, more)) => whole.push_str(more),
                None => break,
            }
        }
        whole
    }
}

/// Whether a line's value is written as bytes; a text may end in a backslash of its own.
fn is_hexadecimal(line: &str) -> bool {
    quoted(line)
        .map(|(_, rest)| rest)
        .or_else(|| line.strip_prefix('@'))
        .and_then(|rest| rest.trim_start().strip_prefix('='))
        .is_some_and(|value| has_prefix(value.trim_start(), "hex"))
}

type Entry = (String, Option<Raw>);

/// A line `"name"=value`.
fn entry(line: &str, wide: bool) -> Result<Entry, &'static str> {
    let (name, rest) = quoted(line).ok_or("a name in quotation marks is missing")?;
    let value = rest
        .trim_start()
        .strip_prefix('=')
        .ok_or("the `=` after the name is missing")?
        .trim();
    if uncommented(value) == "-" {
        return Ok((name, None));
    }
    if value.starts_with('"') {
        let (text, rest) = quoted(value).ok_or("the quotation mark at the end is missing")?;
        if !uncommented(rest).is_empty() {
            return Err("there is something behind the text");
        }
        return Ok((name, Some(Raw::Text(text))));
    }
    let value = uncommented(value);
    let (kind, digits) = value
        .split_once(':')
        .ok_or("the value's type is missing, such as dword:")?;
    let raw = match kind.trim().to_ascii_lowercase().as_str() {
        "dword" => Raw::Number(number(digits, 8)?),
        "qword" => Raw::Number(number(digits, 16)?),
        "hex" => Raw::Other("bytes"),
        other => {
            let kind = other
                .strip_prefix("hex(")
                .and_then(|rest| rest.strip_suffix(')'))
                .ok_or("the value's type is not known")?;
            typed(kind, &bytes(digits)?, wide)?
        }
    };
    Ok((name, Some(raw)))
}

/// What bytes of a registry type are.
fn typed(kind: &str, bytes: &[u8], wide: bool) -> Result<Raw, &'static str> {
    let little = |len: usize| {
        let exact = bytes.len() == len;
        let number = bytes
            .iter()
            .rev()
            .fold(0, |n, byte| n << 8 | i128::from(*byte));
        exact
            .then_some(Raw::Number(number))
            .ok_or("the number has too few or too many bytes")
    };
    match kind {
        "1" | "2" if wide => Ok(Raw::Text(text::value(bytes))),
        "1" | "2" => {
            let ends = bytes.iter().position(|byte| *byte == 0);
            let text = &bytes[..ends.unwrap_or(bytes.len())];
            Ok(Raw::Text(text.iter().copied().map(char::from).collect()))
        }
        "4" => little(4),
        "5" => {
            let number: [u8; 4] = bytes
                .try_into()
                .map_err(|_| "the number has too few or too many bytes")?;
            Ok(Raw::Number(u32::from_be_bytes(number).into()))
        }
        "7" => Ok(Raw::List(text::values(bytes, wide))),
        "b" => little(8),
        "0" | "3" => Ok(Raw::Other("bytes")),
        _ => Err("the value's type is not known"),
    }
}

fn number(digits: &str, most: usize) -> Result<i128, &'static str> {
    let digits = digits.trim();
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    i128::from_str_radix(digits, 16)
        .ok()
        .filter(|_| all && digits.len() <= most)
        .ok_or("the number has to be of hexadecimal digits, 8 for a dword and 16 for a qword")
}

/// Bytes separated by commas.
fn bytes(digits: &str) -> Result<Vec<u8>, &'static str> {
    digits
        .split(',')
        .map(str::trim)
        .filter(|byte| !byte.is_empty())
        .map(|byte| {
            let all = byte.len() <= 2 && byte.bytes().all(|byte| byte.is_ascii_hexdigit());
            u8::from_str_radix(byte, 16)
                .ok()
                .filter(|_| all)
                .ok_or("the bytes have to be of two hexadecimal digits, separated by commas")
        })
        .collect()
}

/// A text in quotation marks, with its escapes resolved, and what comes behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.char_indices();
    let mut out = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 2..])),
            '\\' => out.push(chars.next()?.1),
            c => out.push(c),
        }
    }
    None
}

/// Without what stands behind a semicolon.
fn uncommented(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim()
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}
