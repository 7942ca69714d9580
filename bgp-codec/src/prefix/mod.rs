//! Prefixes: one type for each family, and an enum for prefixes of any family.

#[cfg(feature = "ipnet")]
mod ip_net;
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
    /// The family of NLRI with these prefixes.
    const FAMILY: Family;
    /// Length of a host prefix in bits.
    const MAX_LENGTH: u8;
    /// The family's addresses.
    type Address: Copy + Eq + Ord + Hash + Debug + Display + Send + Sync + 'static;

    /// The prefix of `length_bits` that covers an address: host bits are cleared. A length beyond
    /// [`IpPrefix::MAX_LENGTH`] is reduced to that.
    fn truncating(address: Self::Address, length_bits: u8) -> Self;

    /// The lowest address of the prefix.
    fn address(self) -> Self::Address;

    /// Length in bits.
    fn length(self) -> u8;

    /// Whether `other` equals this prefix or is inside it.
    fn contains(self, other: Self) -> bool;

    /// The prefix as a value of either family.
    fn erase(self) -> Prefix;

    /// The prefix if it is of this family.
    fn narrow(prefix: Prefix) -> Option<Self>;

    /// Splits one prefix off the front of NLRI octets, and returns it with the remaining octets (RFC 4271
    /// §4.3).
    ///
    /// Host bits are ignored. `None` if the length exceeds [`IpPrefix::MAX_LENGTH`] or the octets end early.
    fn decode(octets: &[u8]) -> Option<(Self, &[u8])>;

    /// Appends the prefix as NLRI: its length, and the octets that the length needs.
    fn encode(self, out: &mut impl BufMut);

    /// The prefix that covers exactly one address.
    #[must_use]
    fn host(address: Self::Address) -> Self {
        Self::truncating(address, Self::MAX_LENGTH)
    }

    /// The prefix of at most `length_bits` that covers this one; itself if it is not longer.
    #[must_use]
    fn truncated(self, length_bits: u8) -> Self {
        Self::truncating(self.address(), length_bits.min(self.length()))
    }

    /// Length in octets of what [`IpPrefix::encode`] writes.
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

    /// Length in bits.
    #[must_use]
    pub fn length(self) -> u8 {
        match self {
            Self::Ipv4(prefix) => prefix.length(),
            Self::Ipv6(prefix) => prefix.length(),
        }
    }

    /// The family of NLRI with this prefix.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Self::Ipv4(_) => Ipv4Prefix::FAMILY,
            Self::Ipv6(_) => Ipv6Prefix::FAMILY,
        }
    }

    /// The prefix with this address and length.
    ///
    /// # Errors
    ///
    /// The length exceeds the family's, or host bits are set.
    pub fn new(address: IpAddr, length_bits: u8) -> Result<Self, PrefixError> {
        match address {
            IpAddr::V4(address) => Ipv4Prefix::new(address, length_bits).map(Self::Ipv4),
            IpAddr::V6(address) => Ipv6Prefix::new(address, length_bits).map(Self::Ipv6),
        }
    }

    /// The prefix of this length that the address is in; a length that is too long is that of the address.
    #[must_use]
    pub fn truncating(address: IpAddr, length_bits: u8) -> Self {
        match address {
            IpAddr::V4(address) => Self::Ipv4(Ipv4Prefix::truncating(address, length_bits)),
            IpAddr::V6(address) => Self::Ipv6(Ipv6Prefix::truncating(address, length_bits)),
        }
    }

    /// The prefix that covers exactly one address.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Ipv4(Ipv4Prefix::host(address)),
            IpAddr::V6(address) => Self::Ipv6(Ipv6Prefix::host(address)),
        }
    }

    /// Whether `other` is of the same family, and equals this prefix or is inside it.
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

/// Why a value is not a prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PrefixError {
    /// The text is not an address, a slash and a decimal length.
    #[error("a prefix is an address, a slash and a length, as in 10.0.0.0/8 or 2001:db8::/32")]
    Syntax,
    /// The length exceeds the number of bits of the family's addresses.
    #[error("the length is {length_bits}, but at most {max_bits} is possible")]
    Length {
        /// The requested length.
        length_bits: u8,
        /// The greatest length.
        max_bits: u8,
    },
    /// Host bits are set.
    #[error("the address has bits set beyond the length; {truncated} would be a prefix")]
    HostBits {
        /// The prefix with these bits cleared.
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

/// Octets that NLRI of this length need, including the length octet.
fn encoded_octets(length_bits: u8) -> usize {
    address_octets(length_bits).saturating_add(1)
}

/// Octets that this many bits need.
#[inline]
pub(crate) fn address_octets(length_bits: u8) -> usize {
    usize::from(length_bits).saturating_add(7) >> 3
}

#[cfg(test)]
mod tests;
