//! IPv6 prefixes.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use bytes::BufMut;

use super::{IpPrefix, Prefix, PrefixError, address_octets, split_text};
use crate::Family;

/// An IPv6 prefix in seventeen octets, without alignment, ordered by address, then by length.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ipv6Prefix {
    octets: [u8; 16],
    length_bits: u8,
}

impl Ipv6Prefix {
    /// The prefix with this address and length.
    ///
    /// # Errors
    ///
    /// The length exceeds 128, or host bits are set.
    pub fn new(address: Ipv6Addr, length_bits: u8) -> Result<Self, PrefixError> {
        if length_bits > Self::MAX_LENGTH {
            return Err(PrefixError::Length { length_bits, max_bits: Self::MAX_LENGTH });
        }
        let prefix = Self::truncating(address, length_bits);
        if prefix.octets == address.octets() {
            Ok(prefix)
        } else {
            Err(PrefixError::HostBits { truncated: prefix.erase() })
        }
    }

    /// The prefix of this length that covers an address: host bits are cleared.
    #[must_use]
    pub fn truncating(address: Ipv6Addr, length_bits: u8) -> Self {
        <Self as IpPrefix>::truncating(address, length_bits)
    }

    fn masked(bits: u128, length_bits: u8) -> Self {
        Self { octets: (bits & mask(length_bits)).to_be_bytes(), length_bits }
    }
}

impl IpPrefix for Ipv6Prefix {
    const FAMILY: Family = Family::IPV6_UNICAST;
    const MAX_LENGTH: u8 = 128;
    type Address = Ipv6Addr;

    fn truncating(address: Ipv6Addr, length_bits: u8) -> Self {
        Self::masked(address.to_bits(), length_bits.min(Self::MAX_LENGTH))
    }

    fn address(self) -> Ipv6Addr {
        Ipv6Addr::from(self.octets)
    }

    fn length(self) -> u8 {
        self.length_bits
    }

    fn contains(self, other: Self) -> bool {
        let covered = u128::from_be_bytes(other.octets) & mask(self.length_bits);
        self.length_bits <= other.length_bits && covered.to_be_bytes() == self.octets
    }

    fn erase(self) -> Prefix {
        Prefix::Ipv6(self)
    }

    fn narrow(prefix: Prefix) -> Option<Self> {
        match prefix {
            Prefix::Ipv6(prefix) => Some(prefix),
            Prefix::Ipv4(_) => None,
        }
    }

    #[inline]
    fn decode(octets: &[u8]) -> Option<(Self, &[u8])> {
        let (&length_bits, octets) = octets.split_first()?;
        if length_bits > Self::MAX_LENGTH {
            return None;
        }
        let (address, rest) = octets.split_at_checked(address_octets(length_bits))?;
        // Sixteen octets are read if the message has that many left: the mask removes those of the next NLRI.
        let bits = match octets.first_chunk() {
            Some(chunk) => u128::from_be_bytes(*chunk),
            None => bits_of(address),
        };
        Some((Self::masked(bits, length_bits), rest))
    }

    fn encode(self, out: &mut impl BufMut) {
        out.put_u8(self.length_bits);
        out.put_slice(self.octets.get(..address_octets(self.length_bits)).unwrap_or(&self.octets));
    }
}

/// The address with these leading octets.
fn bits_of(leading: &[u8]) -> u128 {
    let mut octets = [0; 16];
    octets.iter_mut().zip(leading).for_each(|(octet, given)| *octet = *given);
    u128::from_be_bytes(octets)
}

/// The leading bits set, all others clear.
fn mask(length_bits: u8) -> u128 {
    u128::MAX.checked_shr(u32::from(length_bits)).map_or(u128::MAX, |host_bits| !host_bits)
}

impl FromStr for Ipv6Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, length_bits) = split_text(text)?;
        Self::new(address, length_bits)
    }
}

impl fmt::Display for Ipv6Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address(), self.length_bits)
    }
}

impl fmt::Debug for Ipv6Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
