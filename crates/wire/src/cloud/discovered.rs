use serde::Serialize;

use super::{Document, ReplyError, fields};

/// An array that serves a content (observed; an array's object holds more than this).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Discovered {
    /// The array's URL, with a slash at its end. Mandatory.
    pub collective_array: String,
}

impl Discovered {
    /// Reads an answer: a list, of which the first is the one to use.
    ///
    /// # Errors
    /// When a web page came, the JSON is not valid or empty, or an array has no URL.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Vec<Self>, ReplyError> {
        let document = Document::Discovery;
        let value = fields::reply(document, content_type, body)?;
        let list = value.as_array().ok_or_else(|| ReplyError::Json {
            document,
            why: "it is no list".into(),
        })?;
        let array = |value| {
            Ok(Self {
                collective_array: fields::Fields::of(document, value)?.text("CollectiveArray")?,
            })
        };
        list.iter().map(array).collect()
    }

    /// Where to send a join (observed).
    pub fn join_url(&self) -> String {
        self.below("join/")
    }

    /// Where to send a leave (**assumed**).
    pub fn leave_url(&self) -> String {
        self.below("leave/")
    }

    fn below(&self, verb: &str) -> String {
        let base = self.collective_array.trim_end_matches('/');
        format!("{base}/{verb}")
    }
}
