//! BGP communities as text.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::document::Node;
use crate::schema::{Decoder, Schema};

/// A BGP community: standard (RFC 1997) as `aa:nn`, or large (RFC 8092) as `aa:nn:mm`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Community {
    /// Two numbers of 16 bits.
    Standard(u16, u16),
    /// Three numbers of 32 bits.
    Large(u32, u32, u32),
}

/// A text is not a community.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("two numbers up to 65535 such as 65000:100, or three up to 4294967295 such as 65000:1:2")]
pub struct NotACommunity;

impl FromStr for Community {
    type Err = NotACommunity;

    fn from_str(text: &str) -> Result<Self, NotACommunity> {
        if !text.bytes().all(|octet| octet.is_ascii_digit() || octet == b':') {
            return Err(NotACommunity);
        }
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            [a, b] => Ok(Self::Standard(number(a)?, number(b)?)),
            [a, b, c] => Ok(Self::Large(number(a)?, number(b)?, number(c)?)),
            _ => Err(NotACommunity),
        }
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, NotACommunity> {
    text.parse().map_err(|_| NotACommunity)
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(a, b) => write!(f, "{a}:{b}"),
            Self::Large(a, b, c) => write!(f, "{a}:{b}:{c}"),
        }
    }
}

impl Schema for Community {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let found = node.as_text().and_then(|text| text.parse().ok());
        if found.is_none() {
            let message = format!("is {}; it must be a community: {NotACommunity}", node.describe());
            decoder.report(node.position, message);
        }
        found
    }

    fn encode(&self) -> Value {
        self.to_string().into()
    }
}
