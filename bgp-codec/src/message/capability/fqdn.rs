//! The FQDN capability (draft-walton-bgp-hostname-capability), and text in capabilities.

use std::fmt;

use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::combinator::{map_res, opt};

use crate::parser::{Parsed, u8_sized, whole};

/// The name of a speaker: two strings, each preceded by its length in one octet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fqdn {
    /// The host name, at most 64 octets.
    pub host: String,
    /// The domain, at most 64 octets; empty if it is not sent.
    pub domain: String,
}

impl Fqdn {
    /// Decodes the value; `None` if it is not two strings in UTF-8. Some speakers leave out the second.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (host, domain) = whole(value, (text, opt(text)))?;
        Some(Self { host, domain: domain.unwrap_or_default() })
    }

    pub(super) fn encode(&self, out: &mut BytesMut) {
        encode_text(&self.host, 64, out);
        encode_text(&self.domain, 64, out);
    }
}

/// A value that consists of one string; `None` for any other.
pub(super) fn only_text(value: &[u8]) -> Option<String> {
    whole(value, text)
}

fn text(octets: &[u8]) -> Parsed<'_, String> {
    map_res(u8_sized, |text| String::from_utf8(text.to_vec())).parse_complete(octets)
}

/// Appends a string preceded by its length, truncated at a character boundary to `max_octets`.
pub(super) fn encode_text(text: &str, max_octets: usize, out: &mut BytesMut) {
    let text = text.get(..text.floor_char_boundary(max_octets)).unwrap_or_default();
    out.put_u8(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.put_slice(text.as_bytes());
}

/// In the form of a domain name; control characters sent by a peer do not reach the terminal.
impl fmt::Display for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host.escape_debug())?;
        if self.domain.is_empty() { Ok(()) } else { write!(f, ".{}", self.domain.escape_debug()) }
    }
}
