//! The types of the standard library in documents.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::document::{Content, Node, Position, Step, resolve_float, resolve_integer};

use super::{Decoder, Schema};

/// Any value, kept as it is.
impl Schema for Value {
    fn decode(node: &Node<'_>, _: &mut Decoder) -> Option<Self> {
        Some(node.to_json())
    }

    fn encode(&self) -> Value {
        self.clone()
    }
}

impl Schema for bool {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        match &node.content {
            Content::Bool(value) => return Some(*value),
            Content::Plain(text) if matches!(&**text, "true" | "True" | "TRUE") => return Some(true),
            Content::Plain(text) if matches!(&**text, "false" | "False" | "FALSE") => return Some(false),
            _ => {}
        }
        decoder.report(node.position, format!("is {}; it must be true or false", node.describe()));
        None
    }

    fn decode_absent(_: Option<Position>, _: &mut Decoder) -> Option<Self> {
        Some(false)
    }

    fn encode(&self) -> Value {
        Value::Bool(*self)
    }

    fn is_omitted(&self) -> bool {
        !*self
    }
}

/// The number of a value that is one without a fraction.
pub(crate) fn integer(node: &Node<'_>) -> Option<i128> {
    match &node.content {
        Content::Integer(value) => Some(*value),
        Content::Plain(text) => resolve_integer(text),
        _ => None,
    }
}

macro_rules! integers {
    ($($type:ty),*) => { $(
        impl Schema for $type {
            fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
                let found = integer(node).and_then(|value| Self::try_from(value).ok());
                if found.is_none() {
                    let message = format!(
                        "is {}; it must be a whole number from {} to {}", node.describe(), Self::MIN, Self::MAX,
                    );
                    decoder.report(node.position, message);
                }
                found
            }

            fn encode(&self) -> Value {
                Value::from(*self)
            }
        }
    )* };
}

integers!(u8, u16, u32, u64, usize, i32, i64);

impl Schema for f64 {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "an order of 2^53 and more is only compared")]
        let found = integer(node).map(|value| value as Self).or_else(|| match &node.content {
            Content::Float(value) => Some(*value),
            Content::Plain(text) => resolve_float(text),
            _ => None,
        });
        if found.is_none() {
            decoder.report(node.position, format!("is {}; it must be a number", node.describe()));
        }
        found
    }

    fn encode(&self) -> Value {
        // Whole numbers are written without a fraction, as Go does.
        #[expect(clippy::cast_possible_truncation, reason = "the range is looked at")]
        if self.fract() == 0.0 && self.abs() < 1e15 {
            return Value::from(*self as i64);
        }
        serde_json::Number::from_f64(*self).map_or(Value::Null, Value::Number)
    }
}

impl Schema for String {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let found = node.as_text().map(ToOwned::to_owned);
        if found.is_none() {
            decoder.report(node.position, format!("is {}; it must be text", node.describe()));
        }
        found
    }

    fn decode_absent(_: Option<Position>, _: &mut Decoder) -> Option<Self> {
        Some(Self::new())
    }

    fn encode(&self) -> Value {
        Value::String(self.clone())
    }

    fn is_omitted(&self) -> bool {
        self.is_empty()
    }
}

/// Absent, `null` and empty text are `None`.
impl<T: Schema> Schema for Option<T> {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        if node.is_null() || node.as_text() == Some("") {
            return Some(None);
        }
        T::decode(node, decoder).map(Some)
    }

    fn decode_absent(_: Option<Position>, _: &mut Decoder) -> Option<Self> {
        Some(None)
    }

    fn encode(&self) -> Value {
        self.as_ref().map_or(Value::Null, Schema::encode)
    }

    fn is_omitted(&self) -> bool {
        self.is_none()
    }
}

impl<T: Schema> Schema for Vec<T> {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let Content::List(items) = &node.content else {
            decoder.report(node.position, format!("is {}; it must be a list", node.describe()));
            return None;
        };
        let decoded: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| decoder.within(Step::Index(index), |decoder| T::decode(item, decoder)))
            .collect();
        decoded.into_iter().collect()
    }

    fn decode_absent(_: Option<Position>, _: &mut Decoder) -> Option<Self> {
        Some(Self::new())
    }

    fn encode(&self) -> Value {
        Value::Array(self.iter().map(Schema::encode).collect())
    }

    fn is_omitted(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Schema> Schema for BTreeMap<String, T> {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let Content::Map(entries) = &node.content else {
            decoder.report(node.position, format!("is {}; it must be a map", node.describe()));
            return None;
        };
        let decoded: Vec<Option<(String, T)>> = entries
            .iter()
            .map(|entry| {
                let key = entry.key.clone().into_owned();
                let step = Step::Key(key.clone());
                let value = decoder.within(step, |decoder| T::decode(&entry.value, decoder))?;
                Some((key, value))
            })
            .collect();
        decoded.into_iter().collect()
    }

    fn decode_absent(_: Option<Position>, _: &mut Decoder) -> Option<Self> {
        Some(Self::new())
    }

    fn encode(&self) -> Value {
        Value::Object(self.iter().map(|(key, value)| (key.clone(), value.encode())).collect())
    }

    fn is_omitted(&self) -> bool {
        self.is_empty()
    }
}

macro_rules! addresses {
    ($($type:ty, $what:literal);*) => { $(
        impl Schema for $type {
            fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
                let found = node.as_text().and_then(|text| text.parse().ok());
                if found.is_none() {
                    decoder.report(node.position, format!(concat!("is {}; it must be ", $what), node.describe()));
                }
                found
            }

            fn encode(&self) -> Value {
                Value::String(self.to_string())
            }
        }
    )* };
}

addresses!(
    IpAddr, "an IP address without a length, such as 10.0.0.1 or fd00::1";
    Ipv4Addr, "an IPv4 address without a length, such as 10.0.0.1";
    Ipv6Addr, "an IPv6 address without a length, such as fd00::1"
);
