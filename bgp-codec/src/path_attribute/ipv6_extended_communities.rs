//! IPV6_EXTENDED_COMMUNITIES (RFC 5701).

use std::fmt;
use std::net::Ipv6Addr;

/// An extended community around an IPv6 address: type and subtype, sixteen octets of address, two of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ipv6ExtendedCommunity(pub [u8; 20]);

impl Ipv6ExtendedCommunity {
    fn parts(self) -> (u16, Ipv6Addr, u16) {
        let [a, b, rest @ ..] = self.0;
        let (address, number) = rest.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        let number = number.first_chunk().map_or(0, |octets| u16::from_be_bytes(*octets));
        (u16::from_be_bytes([a, b]), Ipv6Addr::from(*address), number)
    }
}

/// Route targets and route origins as operators write them, the others with their type in hexadecimal digits.
impl fmt::Display for Ipv6ExtendedCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, address, number) = self.parts();
        match kind {
            0x0002 => write!(f, "rt:[{address}]:{number}"),
            0x0003 => write!(f, "ro:[{address}]:{number}"),
            _ => write!(f, "0x{kind:04x}:[{address}]:{number}"),
        }
    }
}

impl From<[u8; 20]> for Ipv6ExtendedCommunity {
    fn from(octets: [u8; 20]) -> Self {
        Self(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_stands_between_type_and_number() {
        let address = "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets();
        for (kind, text) in [
            ([0, 2], "rt:[2001:db8::1]:7"),
            ([0, 3], "ro:[2001:db8::1]:7"),
            ([0x40, 0xb], "0x400b:[2001:db8::1]:7"),
        ] {
            let value = [&kind[..], &address, &[0, 7]].concat();
            assert_eq!(Ipv6ExtendedCommunity(value.try_into().unwrap()).to_string(), text);
        }
    }
}
