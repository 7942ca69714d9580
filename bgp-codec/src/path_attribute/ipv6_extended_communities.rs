//! IPV6_EXTENDED_COMMUNITIES (RFC 5701).

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// An extended community with an IPv6 address: type and subtype, sixteen octets of address, and two octets of
/// data.
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

/// Route targets and route origins as operators write them, others with their type in hexadecimal digits.
impl fmt::Display for Ipv6ExtendedCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, address, number) = self.parts();
        match kind {
            0x0002 => write!(f, "rt:[{address}]:{number}"),
            0x0003 => write!(f, "soo:[{address}]:{number}"),
            _ => write!(f, "0x{kind:04x}:[{address}]:{number}"),
        }
    }
}

/// The text is not an extended community with an IPv6 address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "an IPv6 extended community is written rt:[2001:db8::1]:7, soo:[2001:db8::1]:7 or 0x400b:[2001:db8::1]:7"
)]
pub struct Ipv6ExtendedCommunityError;

impl FromStr for Ipv6ExtendedCommunity {
    type Err = Ipv6ExtendedCommunityError;

    fn from_str(text: &str) -> Result<Self, Ipv6ExtendedCommunityError> {
        parse(text).ok_or(Ipv6ExtendedCommunityError)
    }
}

fn parse(text: &str) -> Option<Ipv6ExtendedCommunity> {
    let (name, value) = text.split_once(":[")?;
    let (address, number) = value.split_once("]:")?;
    let kind = match name {
        "rt" => 0x0002,
        "soo" | "ro" => 0x0003,
        other => {
            let digits = other.strip_prefix("0x").filter(|digits| digits.len() == 4)?;
            u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?
        }
    };
    let address: Ipv6Addr = address.parse().ok()?;
    let number: u16 = number.parse().ok().filter(|_| !number.starts_with('+'))?;
    let value = kind.to_be_bytes().into_iter().chain(address.octets()).chain(number.to_be_bytes());
    let mut octets = [0; 20];
    octets.iter_mut().zip(value).for_each(|(octet, given)| *octet = given);
    Some(Ipv6ExtendedCommunity(octets))
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
    fn other_text_is_not_a_community() {
        for text in [
            "",
            "rt:2001:db8::1:7",
            "rt:[10.0.0.1]:7",
            "rt:[::1]:65536",
            "rt:[::1]:+1",
            "0x4:[::1]:1",
            "xx:[::1]:1",
        ] {
            assert_eq!(text.parse::<Ipv6ExtendedCommunity>(), Err(Ipv6ExtendedCommunityError), "{text}");
        }
    }

    #[test]
    fn the_address_is_between_type_and_number() {
        let address = "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets();
        for (kind, text) in [
            ([0, 2], "rt:[2001:db8::1]:7"),
            ([0, 3], "soo:[2001:db8::1]:7"),
            ([0x40, 0xb], "0x400b:[2001:db8::1]:7"),
        ] {
            let value = [&kind[..], &address, &[0, 7]].concat();
            let community = Ipv6ExtendedCommunity(value.try_into().unwrap());
            assert_eq!(community.to_string(), text);
            assert_eq!(text.parse(), Ok(community), "{text}");
        }
    }
}
