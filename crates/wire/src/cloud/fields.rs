//! Reads the fields of a JSON document one by one, so that an error can name the field.

use std::{borrow::Cow, str::FromStr};

use serde_json::{Map, Value};

use super::{Document, MAX_REPLY_LEN, ReplyError};
use crate::text::printable;

/// The fields of one object.
pub(super) struct Fields<'a> {
    document: Document,
    /// Names of the objects around it, each with a dot.
    path: String,
    map: &'a Map<String, Value>,
}

/// Parses an answer of the service, and tells a web page from broken JSON.
pub(super) fn reply(
    document: Document,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Value, ReplyError> {
    let html = content_type.is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html")
    });
    if html || body.trim_ascii_start().starts_with(b"<") {
        return Err(ReplyError::CaptivePortal(document));
    }
    json(document, body, MAX_REPLY_LEN)
}

/// Parses JSON of a bounded length.
pub(super) fn json(document: Document, body: &[u8], max: usize) -> Result<Value, ReplyError> {
    if body.len() > max {
        return Err(ReplyError::TooLong {
            document,
            len: body.len(),
            max,
        });
    }
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if body.trim_ascii().is_empty() {
        return Err(ReplyError::Empty(document));
    }
    let value = serde_json::from_slice(body).map_err(|error| ReplyError::Json {
        document,
        why: error.to_string(),
    })?;
    let is_empty = match &value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if is_empty {
        return Err(ReplyError::Empty(document));
    }
    Ok(value)
}

impl<'a> Fields<'a> {
    pub(super) fn of(document: Document, value: &'a Value) -> Result<Self, ReplyError> {
        let map = value.as_object().ok_or_else(|| ReplyError::Json {
            document,
            why: "it is no object".into(),
        })?;
        let path = String::new();
        Ok(Self {
            document,
            path,
            map,
        })
    }

    /// The object in a field; `None` when it is not there.
    pub(super) fn object(&self, field: &str) -> Result<Option<Self>, ReplyError> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        let map = value
            .as_object()
            .ok_or_else(|| self.wrong(field, value, "an object"))?;
        Ok(Some(Self {
            document: self.document,
            path: format!("{}{field}.", self.path),
            map,
        }))
    }

    /// The objects of a list in a field, each with its own path.
    pub(super) fn objects(&self, field: &str) -> Result<Vec<Self>, ReplyError> {
        let Some(value) = self.value(field) else {
            return Ok(Vec::new());
        };
        let list = value
            .as_array()
            .ok_or_else(|| self.wrong(field, value, "a list"))?;
        let object = |(n, value): (usize, &'a Value)| {
            let name = format!("{field}[{n}]");
            let map = value
                .as_object()
                .ok_or_else(|| self.wrong(&name, value, "an object"))?;
            Ok(Self {
                document: self.document,
                path: format!("{}{name}.", self.path),
                map,
            })
        };
        list.iter().enumerate().map(object).collect()
    }

    /// The texts of a list; one text alone is a list of one, `null` is none.
    pub(super) fn texts(&self, field: &str) -> Result<Vec<String>, ReplyError> {
        const EXPECTED: &str = "a list of texts";
        match self.value(field) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Array(list)) => list
                .iter()
                .map(|value| {
                    let text = value.as_str().map(str::to_owned);
                    text.ok_or_else(|| self.wrong(field, value, EXPECTED))
                })
                .collect(),
            Some(value) => Err(self.wrong(field, value, EXPECTED)),
        }
    }

    /// A text that has to be there.
    pub(super) fn text(&self, field: &str) -> Result<String, ReplyError> {
        self.optional_text(field)?
            .ok_or_else(|| self.missing(field))
    }

    /// A text, at most `max` bytes long.
    pub(super) fn short_text(
        &self,
        field: &str,
        max: usize,
        expected: &'static str,
    ) -> Result<Option<String>, ReplyError> {
        match self.optional_text(field)? {
            Some(text) if text.len() > max => {
                Err(self.wrong(field, &Value::String(text), expected))
            }
            text => Ok(text),
        }
    }

    /// A text; `None` when it is not there or empty.
    pub(super) fn optional_text(&self, field: &str) -> Result<Option<String>, ReplyError> {
        Ok(self.scalar(field, "a text")?.map(Cow::into_owned))
    }

    /// A value that has to be there.
    pub(super) fn parse<T: FromStr>(
        &self,
        field: &str,
        expected: &'static str,
    ) -> Result<T, ReplyError> {
        self.optional(field, expected)?
            .ok_or_else(|| self.missing(field))
    }

    /// A value written as a text or as a number; `None` when it is not there or empty.
    pub(super) fn optional<T: FromStr>(
        &self,
        field: &str,
        expected: &'static str,
    ) -> Result<Option<T>, ReplyError> {
        let Some(text) = self.scalar(field, expected)? else {
            return Ok(None);
        };
        match text.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(self.wrong(field, &Value::String(text.into_owned()), expected)),
        }
    }

    /// A truth value, also as `"1"` or `"False"`.
    pub(super) fn flag(&self, field: &str) -> Result<Option<bool>, ReplyError> {
        const EXPECTED: &str = "true, false, 1 or 0";
        let Some(text) = self.scalar(field, EXPECTED)? else {
            return Ok(None);
        };
        match text.trim() {
            "1" => Ok(Some(true)),
            "0" => Ok(Some(false)),
            word if word.eq_ignore_ascii_case("true") => Ok(Some(true)),
            word if word.eq_ignore_ascii_case("false") => Ok(Some(false)),
            _ => Err(self.wrong(field, &Value::String(text.into_owned()), EXPECTED)),
        }
    }

    pub(super) fn missing(&self, field: &str) -> ReplyError {
        ReplyError::Missing {
            document: self.document,
            field: format!("{}{field}", self.path),
        }
    }

    pub(super) fn wrong(&self, field: &str, value: &Value, expected: &'static str) -> ReplyError {
        let value = match value {
            Value::String(text) => format!("`{}`", printable(text, 64)),
            Value::Array(_) => "a list".into(),
            Value::Object(_) => "an object".into(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        };
        ReplyError::Field {
            document: self.document,
            field: format!("{}{field}", self.path),
            value,
            expected,
        }
    }

    /// A text, number or truth value as a text; `None` when it is not there, `null` or empty.
    fn scalar(
        &self,
        field: &str,
        expected: &'static str,
    ) -> Result<Option<Cow<'a, str>>, ReplyError> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str().into())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string().into())),
            Some(value) => Err(self.wrong(field, value, expected)),
        }
    }

    fn value(&self, field: &str) -> Option<&'a Value> {
        let value = self.map.get(field)?;
        (!value.is_null() && value.as_str() != Some("")).then_some(value)
    }
}
