//! AS numbers.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::document::Node;
use crate::schema::{Decoder, Schema, integer};

/// An AS number, written as a number, or as text in plain (`"65000"`) or dotted (`"1.10"`, RFC 5396 asdot+) form.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Asn(pub u32);

/// A text is not an AS number.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "not an AS number: it must be from 0 to 4294967295, or two numbers up to 65535 with a dot between them"
)]
pub struct NotAnAsn;

impl FromStr for Asn {
    type Err = NotAnAsn;

    fn from_str(text: &str) -> Result<Self, NotAnAsn> {
        let is_digits = |part: &str| part.bytes().all(|octet| octet.is_ascii_digit());
        let number = match text.split_once('.') {
            Some((high, low)) if is_digits(high) && is_digits(low) => {
                let half = |part: &str| part.parse::<u16>().map_err(|_| NotAnAsn);
                (u32::from(half(high)?) << 16) | u32::from(half(low)?)
            }
            None if is_digits(text) => text.parse().map_err(|_| NotAnAsn)?,
            _ => return Err(NotAnAsn),
        };
        Ok(Self(number))
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Schema for Asn {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        // An unquoted 1.10 of YAML is text here: it never was a number with a fraction.
        let found = match node.as_text() {
            Some(text) => text.parse().ok(),
            None => integer(node).and_then(|number| u32::try_from(number).ok()).map(Self),
        };
        if found.is_none() {
            decoder.report(node.position, format!("is {}, {NotAnAsn}", node.describe()));
        }
        found
    }

    fn encode(&self) -> Value {
        self.0.into()
    }
}
