//! Prefixes: one type for each family, and an enum for where the family is not known beforehand.

mod ipv4;
mod ipv6;

use std::fmt::{self, Debug, Display};
use std::hash::Hash;
use std::net::IpAddr;
use std::str::FromStr;

use bytes::BufMut;

pub use ipv4::Ipv4Prefix;
pub use ipv6::Ipv6Prefix;

use crate::Family;

/// A prefix of one family. Bits beyond the length are always zero.
pub trait IpPrefix:
    Copy + Eq + Ord + Hash + Debug + Display + FromStr<Err = PrefixError> + Send + Sync + 'static
{
    /// The family whose NLRI these prefixes are.
    const FAMILY: Family;
    /// The length of a host prefix, in bits.
    const MAX_LENGTH: u8;
    /// The family's addresses.
    type Address: Copy + Eq + Ord + Hash + Debug + Display + Send + Sync + 'static;

    /// The prefix of `length_bits` around an address, whose further bits are cleared. A length past
    /// [`IpPrefix::MAX_LENGTH`] counts as that.
    fn truncating(address: Self::Address, length_bits: u8) -> Self;

    /// The lowest address of the prefix.
    fn address(self) -> Self::Address;

    /// The length in bits.
    fn length(self) -> u8;

    /// Whether `other` is this prefix or lies inside it.
    fn contains(self, other: Self) -> bool;

    /// The prefix with its family in the value instead of the type.
    fn erase(self) -> Prefix;

    /// The prefix when it is of this family.
    fn narrow(prefix: Prefix) -> Option<Self>;

    /// Takes one prefix off the front of NLRI octets, and returns what follows it (RFC 4271 §4.3).
    ///
    /// Bits beyond the length are ignored. `None` when the length is past [`IpPrefix::MAX_LENGTH`] or the octets
    /// end early.
    fn decode(octets: &[u8]) -> Option<(Self, &[u8])>;

    /// Appends the prefix as NLRI: its length, and as many octets as that needs.
    fn encode(self, out: &mut impl BufMut);

    /// The prefix that covers just one address.
    #[must_use]
    fn host(address: Self::Address) -> Self {
        Self::truncating(address, Self::MAX_LENGTH)
    }

    /// The prefix of at most `length_bits` that covers this one; itself when it is no longer than that.
    #[must_use]
    fn truncated(self, length_bits: u8) -> Self {
        Self::truncating(self.address(), length_bits.min(self.length()))
    }

    /// How many octets [`IpPrefix::encode`] writes.
    #[must_use]
    fn encoded_octets(self) -> usize {
        encoded_octets(self.length())
    }
}

/// A prefix of either family.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Prefix {
    /// An IPv4 prefix.
    Ipv4(Ipv4Prefix),
    /// An IPv6 prefix.
    Ipv6(Ipv6Prefix),
}

impl Prefix {
    /// The lowest address of the prefix.
    #[must_use]
    pub fn network(self) -> IpAddr {
        match self {
            Self::Ipv4(prefix) => prefix.address().into(),
            Self::Ipv6(prefix) => prefix.address().into(),
        }
    }

    /// The length in bits.
    #[must_use]
    pub fn length(self) -> u8 {
        match self {
            Self::Ipv4(prefix) => prefix.length(),
            Self::Ipv6(prefix) => prefix.length(),
        }
    }

    /// The family whose NLRI the prefix is.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Self::Ipv4(_) => Ipv4Prefix::FAMILY,
            Self::Ipv6(_) => Ipv6Prefix::FAMILY,
        }
    }

    /// The prefix of this length around an address.
    ///
    /// # Errors
    ///
    /// The length exceeds the family's, or bits beyond it are set.
    pub fn new(address: IpAddr, length_bits: u8) -> Result<Self, PrefixError> {
        match address {
            IpAddr::V4(address) => Ipv4Prefix::new(address, length_bits).map(Self::Ipv4),
            IpAddr::V6(address) => Ipv6Prefix::new(address, length_bits).map(Self::Ipv6),
        }
    }

    /// The prefix that covers just one address.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Ipv4(Ipv4Prefix::host(address)),
            IpAddr::V6(address) => Self::Ipv6(Ipv6Prefix::host(address)),
        }
    }

    /// Whether `other` is of the same family, and is this prefix or lies inside it.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        match (self, other) {
            (Self::Ipv4(outer), Self::Ipv4(inner)) => outer.contains(inner),
            (Self::Ipv6(outer), Self::Ipv6(inner)) => outer.contains(inner),
            (Self::Ipv4(_), Self::Ipv6(_)) | (Self::Ipv6(_), Self::Ipv4(_)) => false,
        }
    }
}

impl From<Ipv4Prefix> for Prefix {
    fn from(prefix: Ipv4Prefix) -> Self {
        Self::Ipv4(prefix)
    }
}

impl From<Ipv6Prefix> for Prefix {
    fn from(prefix: Ipv6Prefix) -> Self {
        Self::Ipv6(prefix)
    }
}

impl Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(prefix) => Display::fmt(prefix, f),
            Self::Ipv6(prefix) => Display::fmt(prefix, f),
        }
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, length_bits) = split_text::<IpAddr>(text)?;
        Self::new(address, length_bits)
    }
}

/// Why something is not a prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PrefixError {
    /// The text is not an address, a slash and a decimal length.
    #[error("a prefix is an address, a slash and a length, as in 10.0.0.0/8 or 2001:db8::/32")]
    Syntax,
    /// The length is more than the family's addresses have bits.
    #[error("the length is {length_bits}, but at most {max_bits} is possible")]
    Length {
        /// What was asked for.
        length_bits: u8,
        /// The longest there is.
        max_bits: u8,
    },
    /// Bits beyond the length are set.
    #[error("the address has bits set beyond the length; {truncated} would be a prefix")]
    HostBits {
        /// The same with those bits cleared.
        truncated: Prefix,
    },
}

/// Parses an address, a slash, and a length of at most three digits.
fn split_text<A: FromStr>(text: &str) -> Result<(A, u8), PrefixError> {
    let (address, length) = text.split_once('/').ok_or(PrefixError::Syntax)?;
    if length.is_empty() || length.len() > 3 || !length.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(PrefixError::Syntax);
    }
    let address = address.parse().map_err(|_| PrefixError::Syntax)?;
    let length_bits = length.parse().map_err(|_| PrefixError::Syntax)?;
    Ok((address, length_bits))
}

/// How many octets NLRI of this length take, the length octet included.
fn encoded_octets(length_bits: u8) -> usize {
    address_octets(length_bits).saturating_add(1)
}

/// How many octets hold this many bits.
#[inline]
pub(crate) fn address_octets(length_bits: u8) -> usize {
    usize::from(length_bits).saturating_add(7) >> 3
}

#[cfg(test)]
mod tests;
