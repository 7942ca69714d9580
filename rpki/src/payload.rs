//! A validated payload: which AS may originate a prefix, and how far it may be split.

use bgp_codec::{Asn, Prefix};
use serde::{Deserialize, Serialize};

/// A validated route origin authorisation (RFC 6811 §2, a VRP).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct RoutePayload {
    /// Routes inside this prefix are covered.
    pub prefix: Prefix,
    /// The longest prefix that may be announced, in bits: between the length of `prefix` and 32 or 128.
    pub max_length: u8,
    /// The AS that may originate them. AS 0 authorises nobody (RFC 6483 §4).
    pub asn: Asn,
}

/// The maximum length is shorter than the prefix, or longer than an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{max_length} is not a maximum length of {prefix}")]
pub struct InvalidPayload {
    /// The prefix.
    pub prefix: Prefix,
    /// The maximum length that does not fit it.
    pub max_length: u8,
}

impl RoutePayload {
    /// Makes a payload.
    ///
    /// # Errors
    ///
    /// The maximum length does not fit the prefix.
    pub fn new(prefix: Prefix, max_length: u8, asn: Asn) -> Result<Self, InvalidPayload> {
        let longest = if prefix.network().is_ipv4() { 32 } else { 128 };
        if (prefix.length()..=longest).contains(&max_length) {
            Ok(Self { prefix, max_length, asn })
        } else {
            Err(InvalidPayload { prefix, max_length })
        }
    }
}
