//! IPv4 prefixes.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use bytes::BufMut;

use super::{IpPrefix, Prefix, PrefixError, address_octets, split_text};
use crate::Family;

/// An IPv4 prefix in eight octets, ordered by address, then by length.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ipv4Prefix {
    bits: u32,
    length_bits: u8,
}

impl Ipv4Prefix {
    /// The prefix with this address and length.
    ///
    /// # Errors
    ///
    /// The length exceeds 32, or host bits are set.
    pub fn new(address: Ipv4Addr, length_bits: u8) -> Result<Self, PrefixError> {
        if length_bits > Self::MAX_LENGTH {
            return Err(PrefixError::Length { length_bits, max_bits: Self::MAX_LENGTH });
        }
        let prefix = Self::truncating(address, length_bits);
        if prefix.bits == address.to_bits() {
            Ok(prefix)
        } else {
            Err(PrefixError::HostBits { truncated: prefix.erase() })
        }
    }

    /// The prefix of this length that covers an address: host bits are cleared.
    #[must_use]
    pub fn truncating(address: Ipv4Addr, length_bits: u8) -> Self {
        <Self as IpPrefix>::truncating(address, length_bits)
    }
}

impl IpPrefix for Ipv4Prefix {
    const FAMILY: Family = Family::IPV4_UNICAST;
    const MAX_LENGTH: u8 = 32;
    type Address = Ipv4Addr;

    fn truncating(address: Ipv4Addr, length_bits: u8) -> Self {
        let length_bits = length_bits.min(Self::MAX_LENGTH);
        Self { bits: address.to_bits() & mask(length_bits), length_bits }
    }

    fn address(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.bits)
    }

    fn length(self) -> u8 {
        self.length_bits
    }

    fn contains(self, other: Self) -> bool {
        self.length_bits <= other.length_bits && other.bits & mask(self.length_bits) == self.bits
    }

    fn erase(self) -> Prefix {
        Prefix::Ipv4(self)
    }

    fn narrow(prefix: Prefix) -> Option<Self> {
        match prefix {
            Prefix::Ipv4(prefix) => Some(prefix),
            Prefix::Ipv6(_) => None,
        }
    }

    #[inline]
    fn decode(octets: &[u8]) -> Option<(Self, &[u8])> {
        let (&length_bits, octets) = octets.split_first()?;
        if length_bits > Self::MAX_LENGTH {
            return None;
        }
        let (address, rest) = octets.split_at_checked(address_octets(length_bits))?;
        // Four octets are read if the message has that many left: the mask removes those of the next NLRI.
        let bits = match octets.first_chunk() {
            Some(chunk) => u32::from_be_bytes(*chunk),
            None => bits_of(address),
        };
        Some((Self { bits: bits & mask(length_bits), length_bits }, rest))
    }

    fn encode(self, out: &mut impl BufMut) {
        out.put_u8(self.length_bits);
        let octets = self.bits.to_be_bytes();
        out.put_slice(octets.get(..address_octets(self.length_bits)).unwrap_or(&octets));
    }
}

/// The address with these leading octets.
fn bits_of(leading: &[u8]) -> u32 {
    let mut octets = [0; 4];
    octets.iter_mut().zip(leading).for_each(|(octet, given)| *octet = *given);
    u32::from_be_bytes(octets)
}

/// The leading bits set, all others clear.
fn mask(length_bits: u8) -> u32 {
    u32::MAX.checked_shr(u32::from(length_bits)).map_or(u32::MAX, |host_bits| !host_bits)
}

impl FromStr for Ipv4Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, length_bits) = split_text(text)?;
        Self::new(address, length_bits)
    }
}

impl fmt::Display for Ipv4Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address(), self.length_bits)
    }
}

impl fmt::Debug for Ipv4Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
