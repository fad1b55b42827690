//! Values for property tests.

use proptest::prelude::*;

use super::{Hours, Raw, Value};
use crate::{
    Guid,
    table::{Kind, Policy},
};

/// Any value that a policy may have.
pub(crate) fn arbitrary(policy: &'static Policy) -> BoxedStrategy<Value> {
    match policy.kind {
        Kind::Choice(choices) => {
            prop::sample::select(choices.iter().map(|it| it.number).collect::<Vec<_>>())
                .prop_map(Value::Number)
                .boxed()
        }
        Kind::Number { min, max, .. } => (min..=max).prop_map(Value::Number).boxed(),
        Kind::Guid => any::<[u8; 16]>()
            .prop_map(|it| Value::Guid(Guid(it)))
            .boxed(),
        Kind::Path => "[%A-Za-z:\\\\ üß\"]{0,20}[A-Z]"
            .prop_map(Value::Text)
            .boxed(),
        Kind::List(_) => prop::collection::vec("[a-zA-Z0-9.\"\\\\é-]{1,20}", 0..5)
            .prop_map(Value::List)
            .boxed(),
        Kind::Hours => (0u8..24, 0u8..24, 0u8..=100, 0u8..=100)
            .prop_map(|(from, to, inside, outside)| {
                Value::Hours(Hours {
                    from,
                    to,
                    inside,
                    outside,
                })
            })
            .boxed(),
    }
}

impl Value {
    /// As a reader would have found it.
    pub(crate) fn into_raw(self) -> Raw {
        match self {
            Self::Number(number) => Raw::Number(number.into()),
            Self::Guid(guid) => Raw::Text(guid.to_string()),
            Self::Text(text) => Raw::Text(text),
            Self::List(texts) => Raw::List(texts),
            Self::Hours(hours) => {
                let Hours {
                    from,
                    to,
                    inside,
                    outside,
                } = hours;
                Raw::Hours([from, to, inside, outside].map(|it| Some(it.into())))
            }
        }
    }
}
