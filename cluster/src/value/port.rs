//! Ports of rules and endpoints.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::Value;

use crate::document::Node;
use crate::schema::{Decoder, Schema, integer, text};

/// A port of a rule: a number, a range `first:last`, or the name of a port that endpoints declare.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Port {
    /// Numbers from 1 to 65535; the first is not greater than the last.
    Range(RangeInclusive<u16>),
    /// A name.
    Named(String),
}

/// A text is not a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a port from 1 to 65535, a range such as 8000:8080, or the name of a port")]
pub struct NotAPort;

impl Port {
    /// A single port.
    #[must_use]
    pub const fn single(port: u16) -> Self {
        Self::Range(port..=port)
    }

    fn range(first: i128, last: i128) -> Result<Self, NotAPort> {
        let number = |port: i128| u16::try_from(port).ok().filter(|&port| port != 0).ok_or(NotAPort);
        let (first, last) = (number(first)?, number(last)?);
        if first <= last { Ok(Self::Range(first..=last)) } else { Err(NotAPort) }
    }
}

impl FromStr for Port {
    type Err = NotAPort;

    fn from_str(text: &str) -> Result<Self, NotAPort> {
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit());
        let number = |part: &str| part.parse().map_err(|_| NotAPort);
        match text.split_once(':') {
            Some((first, last)) if is_digits(first) && is_digits(last) => {
                Self::range(number(first)?, number(last)?)
            }
            None if is_digits(text) => number(text).and_then(|port| Self::range(port, port)),
            None if is_port_reference(text) => Ok(Self::Named(text.to_owned())),
            _ => Err(NotAPort),
        }
    }
}

/// Whether a rule can name a port this way.
fn is_port_reference(name: &str) -> bool {
    let is_good = |octet: u8| octet.is_ascii_alphanumeric() || b"_.-".contains(&octet);
    (1..=128).contains(&name.len()) && name.bytes().all(is_good)
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) if range.start() == range.end() => write!(f, "{}", range.start()),
            Self::Range(range) => write!(f, "{}:{}", range.start(), range.end()),
            Self::Named(name) => f.write_str(name),
        }
    }
}

impl Schema for Port {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let found = match node.as_text() {
            Some(text) => text.parse().ok(),
            None => integer(node).and_then(|port| Self::range(port, port).ok()),
        };
        if found.is_none() {
            decoder.report(node.position, format!("is {}; it must be {NotAPort}", node.describe()));
        }
        found
    }

    fn encode(&self) -> Value {
        match self {
            Self::Range(range) if range.start() == range.end() => (*range.start()).into(),
            _ => self.to_string().into(),
        }
    }
}

text! {
    /// The name that an endpoint gives to a port (RFC 6335 §5.1).
    pub struct NamedPort,
    "the name of a port: 1 to 15 lower case letters, digits and '-', with a letter, without '-' at an end or twice in a row",
    |name| {
        let is_good = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-');
        (1..=15).contains(&name.len())
            && name.bytes().all(is_good)
            && name.bytes().any(|octet| octet.is_ascii_lowercase())
            && !name.contains("--")
            && !name.starts_with('-')
            && !name.ends_with('-')
    }
}
