//! The FQDN capability (draft-walton-bgp-hostname-capability), and text in capabilities.

use std::fmt;

use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::combinator::{map_res, opt};

use crate::parser::{Parsed, u8_sized, whole};

/// The name of a speaker: two strings, each with its length in an octet before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fqdn {
    /// The name of the host, at most 64 octets.
    pub host: String,
    /// The domain of the host, at most 64 octets; empty when it is not told.
    pub domain: String,
}

impl Fqdn {
    /// Reads the value; `None` when it is not two pieces of UTF-8. Some speakers leave out the second.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (host, domain) = whole(value, (text, opt(text)))?;
        Some(Self { host, domain: domain.unwrap_or_default() })
    }

    pub(super) fn encode(&self, out: &mut BytesMut) {
        encode_text(&self.host, 64, out);
        encode_text(&self.domain, 64, out);
    }
}

/// The one string that a value is; `None` when it is something else.
pub(super) fn only_text(value: &[u8]) -> Option<String> {
    whole(value, text)
}

fn text(octets: &[u8]) -> Parsed<'_, String> {
    map_res(u8_sized, |text| String::from_utf8(text.to_vec())).parse_complete(octets)
}

/// Appends a string with its length before it, cut between characters to `max_octets`.
pub(super) fn encode_text(text: &str, max_octets: usize, out: &mut BytesMut) {
    let text = text.get(..text.floor_char_boundary(max_octets)).unwrap_or_default();
    out.put_u8(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.put_slice(text.as_bytes());
}

/// As a resolver would be asked; control characters of a peer do not reach the terminal.
impl fmt::Display for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host.escape_debug())?;
        if self.domain.is_empty() { Ok(()) } else { write!(f, ".{}", self.domain.escape_debug()) }
    }
}
