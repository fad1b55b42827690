use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// What stays as it is in a parameter or a path segment (RFC 3986: unreserved).
const KEEP: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(super) fn encode(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, KEEP)
}

/// An endpoint with parameters behind it, also when it carries some already. Empty values are
/// left out.
pub fn with_query(endpoint: &str, parameters: &[(&str, &str)]) -> String {
    let mut url = endpoint.to_string();
    let mut joint = if endpoint.contains('?') { '&' } else { '?' };
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        url.push(joint);
        url.push_str(name);
        url.push('=');
        url.extend(encode(value));
        joint = '&';
    }
    url
}

/// The parameters of a request.
///
/// Names are told apart without regard to case: Microsoft's own page writes `ContentId` and
/// `doClientVersion`, what is observed has `altCatalogId` and `countryCode`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Parameters that are read; more are passed over.
    pub const MAX: usize = 64;

    /// Reads what stands behind the question mark. Escapes that are none stay as they are.
    pub fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let read = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        };
        Self(pairs.take(Self::MAX).map(read).collect())
    }

    /// The first value of a parameter; `None` when it is not there or empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let (_, value) = values.next()?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }
}

fn decode(text: &str) -> String {
    let text: Cow<'_, str> = if text.contains('+') {
        text.replace('+', " ").into()
    } else {
        text.into()
    };
    percent_encoding::percent_decode_str(&text)
        .decode_utf8_lossy()
        .into_owned()
}
