//! Conditional requests (RFC 9110, section 13), for contents with one strong tag each.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::{
    HeaderMap, Method,
    header::{
        HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
    },
};

/// What a copy of a content is recognised by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validators {
    /// With its quotation marks, and strong.
    pub(crate) tag: String,
    pub(crate) modified: SystemTime,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is answered, and the range that it asks for is given or not.
    Proceed { range: bool },
    /// 304: the caller has it already.
    NotModified,
    /// 412: it is not what the caller thinks.
    Failed,
}

impl Validators {
    /// Looks at the conditions in the order that the standard sets.
    pub(crate) fn judge(&self, method: &Method, headers: &HeaderMap) -> Outcome {
        let reading = method == Method::GET || method == Method::HEAD;
        if let Some(tags) = text(headers, IF_MATCH) {
            if !self.listed(&tags, Compare::Strong) {
                return Outcome::Failed;
            }
        } else if date(headers, IF_UNMODIFIED_SINCE).is_some_and(|date| self.seconds() > date) {
            return Outcome::Failed;
        }
        if let Some(tags) = text(headers, IF_NONE_MATCH) {
            if self.listed(&tags, Compare::Weak) {
                return if reading {
                    Outcome::NotModified
                } else {
                    Outcome::Failed
                };
            }
        } else if reading
            && date(headers, IF_MODIFIED_SINCE).is_some_and(|date| self.seconds() <= date)
        {
            return Outcome::NotModified;
        }
        Outcome::Proceed {
            range: method == Method::GET && self.same_copy(headers),
        }
    }

    /// Whether the copy that a range is to complete is of this content.
    fn same_copy(&self, headers: &HeaderMap) -> bool {
        if !headers.contains_key(IF_RANGE) {
            return true;
        }
        let Some(value) = text(headers, IF_RANGE) else {
            return false;
        };
        value == self.tag || parse_date(&value).is_some_and(|date| date == self.seconds())
    }

    fn listed(&self, tags: &str, compare: Compare) -> bool {
        tags.split(',').map(str::trim).any(|tag| {
            tag == "*"
                || tag == self.tag
                || compare == Compare::Weak && tag.strip_prefix("W/") == Some(&self.tag)
        })
    }

    /// Dates in headers have whole seconds.
    fn seconds(&self) -> u64 {
        let since = self.modified.duration_since(UNIX_EPOCH);
        since.unwrap_or(Duration::ZERO).as_secs()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compare {
    Strong,
    Weak,
}

/// All values of a header, as one.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .map(str::trim)
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// A date that can not be read counts as none.
fn date(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    parse_date(&text(headers, name)?)
}

fn parse_date(text: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(text).ok()?;
    date.duration_since(UNIX_EPOCH).ok().map(|it| it.as_secs())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const GIVEN: Outcome = Outcome::Proceed { range: true };
    const WHOLE: Outcome = Outcome::Proceed { range: false };

    fn judge(method: Method, headers: &[(HeaderName, &str)]) -> Outcome {
        let validators = Validators {
            tag: "\"abc\"".into(),
            modified: UNIX_EPOCH + Duration::from_millis(784_111_777_900),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        validators.judge(&method, &map)
    }

    #[test]
    fn each_condition_by_itself() {
        for (name, value, outcome) in [
            (IF_MATCH, "\"abc\"", GIVEN),
            (IF_MATCH, "*", GIVEN),
            (IF_MATCH, "W/\"abc\"", Outcome::Failed),
            (IF_MATCH, "\"x\"", Outcome::Failed),
            (IF_NONE_MATCH, "\"x\", W/\"abc\"", Outcome::NotModified),
            (IF_NONE_MATCH, "*", Outcome::NotModified),
            (IF_NONE_MATCH, "\"x\"", GIVEN),
            (IF_MODIFIED_SINCE, THEN, Outcome::NotModified),
            (IF_MODIFIED_SINCE, LATER, Outcome::NotModified),
            (IF_MODIFIED_SINCE, BEFORE, GIVEN),
            (IF_MODIFIED_SINCE, "yesterday", GIVEN),
            (IF_UNMODIFIED_SINCE, THEN, GIVEN),
            (IF_UNMODIFIED_SINCE, BEFORE, Outcome::Failed),
            (IF_RANGE, "\"abc\"", GIVEN),
            (IF_RANGE, "W/\"abc\"", WHOLE),
            (IF_RANGE, "\"x\"", WHOLE),
            (IF_RANGE, THEN, GIVEN),
            (IF_RANGE, LATER, WHOLE),
        ] {
            assert_eq!(
                judge(Method::GET, &[(name.clone(), value)]),
                outcome,
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn tags_count_before_dates() {
        let both = [(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, LATER)];
        assert_eq!(judge(Method::GET, &both), GIVEN);
        let both = [(IF_MATCH, "\"abc\""), (IF_UNMODIFIED_SINCE, BEFORE)];
        assert_eq!(judge(Method::GET, &both), GIVEN);
    }

    #[test]
    fn a_range_is_for_get_only() {
        assert_eq!(judge(Method::HEAD, &[]), WHOLE);
        let same = [(IF_NONE_MATCH, "\"abc\"")];
        assert_eq!(judge(Method::HEAD, &same), Outcome::NotModified);
        assert_eq!(judge(Method::POST, &same), Outcome::Failed);
    }
}
