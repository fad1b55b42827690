//! What PowerShell shows as one object: named values in a fixed order.

use std::{fmt, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

/// An object as a cmdlet returns it. The order of its fields is Delivery Optimization's own.
pub trait Record {
    /// Its fields, in order. No name comes twice.
    fn fields(&self) -> Vec<Field>;
}

/// A named value.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name, as PowerShell prints it.
    pub name: &'static str,
    /// The value.
    pub value: Value,
}

/// A value of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: an empty value in a list, `null` in JSON.
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number: bytes, connections, per cent where it says so.
    Number(u64),
    /// A number with a fraction. Printed and written with two decimals at most.
    Real(f64),
    /// Text, and the name of an enum's value.
    Text(String),
    /// A length of time. `d.hh:mm:ss.fffffff` in a list and in JSON, as .NET writes a `TimeSpan`.
    Span(Duration),
    /// A moment. In a list the local time of day, in JSON UTC by RFC 3339.
    Time(Timestamp),
    /// Several values.
    List(Vec<Self>),
    /// An object within the object.
    Record(Vec<Field>),
}

/// A field, in few words.
pub(crate) fn field(name: &'static str, value: impl Into<Value>) -> Field {
    Field {
        name,
        value: value.into(),
    }
}

/// A record as JSON: an object with its fields in their order.
pub struct Json<'a, R>(pub &'a R);

impl<R: Record> Serialize for Json<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fields(&self.0.fields()).serialize(serializer)
    }
}

/// Several records as JSON: an array of objects.
pub struct JsonList<'a, R>(pub &'a [R]);

impl<R: Record> Serialize for JsonList<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Json))
    }
}

struct Fields<'a>(&'a [Field]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for field in self.0 {
            map.serialize_entry(field.name, &field.value)?;
        }
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => serializer.serialize_u64(*value),
            Self::Real(value) => serializer.serialize_f64(two_decimals(*value)),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Span(value) => serializer.collect_str(&TimeSpan(*value)),
            Self::Time(value) => serializer.collect_str(value),
            Self::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(value)?;
                }
                list.end()
            }
            Self::Record(fields) => Fields(fields).serialize(serializer),
        }
    }
}

/// The objects as PowerShell's `Format-List` prints them: each field on a line, its name padded to
/// the longest of the object, ` : `, its value; an empty line after each object. Moments stand in
/// the given time zone, in PowerShell's American form.
pub fn format_list<R: Record>(records: &[R], zone: &TimeZone) -> String {
    let mut text = String::new();
    for record in records {
        push_list(&mut text, &record.fields(), zone);
        text.push('\n');
    }
    text
}

fn push_list(text: &mut String, fields: &[Field], zone: &TimeZone) {
    let width = fields.iter().map(|field| field.name.len()).max();
    let width = width.unwrap_or_default();
    for field in fields {
        let value = shown(&field.value, zone);
        let line = format!("{:width$} : {value}", field.name);
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

/// A value as PowerShell prints it in a list.
fn shown(value: &Value, zone: &TimeZone) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(value) => value.to_string(),
        Value::Real(value) => two_decimals(*value).to_string(),
        Value::Text(value) => value.clone(),
        Value::Span(value) => TimeSpan(*value).to_string(),
        Value::Time(value) => local(*value, zone),
        Value::List(values) => {
            let values: Vec<_> = values.iter().map(|value| shown(value, zone)).collect();
            format!("{{{}}}", values.join(", "))
        }
        Value::Record(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|field| format!("{}={}", field.name, shown(&field.value, zone)))
                .collect();
            format!("@{{{}}}", fields.join("; "))
        }
    }
}

/// `11/23/2026 5:30:53 PM`.
fn local(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone())
        .strftime("%-m/%-d/%Y %-I:%M:%S %p")
        .to_string()
}

/// .NET's own form of a length of time: days only when there are any, seven decimals only when
/// there is a fraction.
struct TimeSpan(Duration);

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        if days > 0 {
            write!(f, "{days}.")?;
        }
        write!(
            f,
            "{:02}:{:02}:{:02}",
            rest / 3600,
            rest / 60 % 60,
            rest % 60
        )?;
        match self.0.subsec_nanos() / 100 {
            0 => Ok(()),
            ticks => write!(f, ".{ticks:07}"),
        }
    }
}

fn two_decimals(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Number(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Duration> for Value {
    fn from(value: Duration) -> Self {
        Self::Span(value)
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Time(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One(Vec<Field>);

    impl Record for One {
        fn fields(&self) -> Vec<Field> {
            self.0.clone()
        }
    }

    fn every_kind() -> One {
        One(vec![
            field("FileId", "a"),
            field("Nothing", Value::Null),
            field("IsPinned", true),
            field("Percent", 2.0 / 3.0 * 100.0),
            field("Whole", 50.0),
            field("Short", Duration::from_secs(12)),
            field("Long", Duration::new(90_061, 345_678_900)),
            field("ExpireOn", Timestamp::UNIX_EPOCH),
            field("Keywords", vec!["VPN", "Secure"]),
            field("Conns", Value::Record(vec![field("CDN", 2u32)])),
        ])
    }

    #[test]
    fn a_list_looks_as_powershell_prints_it() {
        let text = format_list(&[every_kind()], &TimeZone::UTC);
        assert_eq!(
            text,
            "\
FileId   : a
Nothing  :
IsPinned : True
Percent  : 66.67
Whole    : 50
Short    : 00:00:12
Long     : 1.01:01:01.3456789
ExpireOn : 1/1/1970 12:00:00 AM
Keywords : {VPN, Secure}
Conns    : @{CDN=2}

"
        );
    }

    #[test]
    fn json_has_the_same_names_in_the_same_order() {
        assert_eq!(
            serde_json::to_string(&Json(&every_kind())).unwrap(),
            r#"{"FileId":"a","Nothing":null,"IsPinned":true,"Percent":66.67,"Whole":50.0,"Short":"00:00:12","Long":"1.01:01:01.3456789","ExpireOn":"1970-01-01T00:00:00Z","Keywords":["VPN","Secure"],"Conns":{"CDN":2}}"#
        );
    }
}
