//! Differentiated services code points.

use serde_json::Value;

use crate::document::Node;
use crate::schema::{Decoder, Schema, integer};

/// A code point (RFC 2474): a number from 0 to 63, or the name of a class.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dscp {
    number: u8,
    name: Option<&'static str>,
}

/// Names of code points (RFC 4594 §1.5.4); `BE` is another name for `DF`.
const NAMES: &[(&str, u8)] = &[
    ("DF", 0),
    ("BE", 0),
    ("EF", 46),
    ("AF11", 10),
    ("AF12", 12),
    ("AF13", 14),
    ("AF21", 18),
    ("AF22", 20),
    ("AF23", 22),
    ("AF31", 26),
    ("AF32", 28),
    ("AF33", 30),
    ("AF41", 34),
    ("AF42", 36),
    ("AF43", 38),
    ("CS0", 0),
    ("CS1", 8),
    ("CS2", 16),
    ("CS3", 24),
    ("CS4", 32),
    ("CS5", 40),
    ("CS6", 48),
];

impl Dscp {
    /// The six bits of the header.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.number
    }

    fn from_number(number: i128) -> Option<Self> {
        u8::try_from(number).ok().filter(|&number| number < 64).map(|number| Self { number, name: None })
    }

    fn from_text(text: &str) -> Option<Self> {
        if let Some(&(name, number)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Some(Self { number, name: Some(name) });
        }
        let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        if is_number { Self::from_number(text.parse().ok()?) } else { None }
    }
}

impl Schema for Dscp {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let found = match node.as_text() {
            Some(text) => Self::from_text(text),
            None => integer(node).and_then(Self::from_number),
        };
        if found.is_none() {
            let message = format!(
                "is {}; it must be a code point: a number from 0 to 63, or DF, EF, AF11 to AF43, CS0 to CS6",
                node.describe()
            );
            decoder.report(node.position, message);
        }
        found
    }

    fn encode(&self) -> Value {
        self.name.map_or_else(|| self.number.into(), Value::from)
    }
}
