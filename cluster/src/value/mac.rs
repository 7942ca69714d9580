//! Hardware addresses.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::document::Node;
use crate::schema::{Decoder, Schema};

/// An address of Ethernet, 48 bits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MacAddress(pub [u8; 6]);

/// A text is not a hardware address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a MAC address such as 66:4e:0a:c0:00:02")]
pub struct NotAMac;

/// Reads `66:4e:0a:c0:00:02`, `66-4e-0a-c0-00-02` and `664e.0ac0.0002`.
impl FromStr for MacAddress {
    type Err = NotAMac;

    fn from_str(text: &str) -> Result<Self, NotAMac> {
        let (separator, digits_each) = match text.as_bytes().get(2) {
            Some(b':') => (':', 2),
            Some(b'-') => ('-', 2),
            _ => ('.', 4),
        };
        let groups: Vec<&str> = text.split(separator).collect();
        if groups.iter().any(|group| group.len() != digits_each) {
            return Err(NotAMac);
        }
        let digits: Option<Vec<u8>> = groups
            .concat()
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let octets: Vec<u8> = digits
            .ok_or(NotAMac)?
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit))
            .collect();
        octets.try_into().map(Self).map_err(|_| NotAMac)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Schema for MacAddress {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let found = node.as_text().and_then(|text| text.parse().ok());
        if found.is_none() {
            decoder.report(node.position, format!("is {}; it must be {NotAMac}", node.describe()));
        }
        found
    }

    fn encode(&self) -> Value {
        self.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_three_forms() {
        for text in ["66:4e:0A:c0:00:02", "66-4e-0a-c0-00-02", "664e.0ac0.0002"] {
            assert_eq!(text.parse::<MacAddress>().unwrap().to_string(), "66:4e:0a:c0:00:02");
        }
        for text in [
            "",
            "66:4e:0a:c0:00",
            "66:4e:0a:c0:00:02:03",
            "66:4e:0a:c0:00:0g",
            "664e0ac00002",
            "6ö:4e:0a:c0:00:0",
        ] {
            assert_eq!(text.parse::<MacAddress>(), Err(NotAMac), "{text}");
        }
    }
}
