//! Address families: AFI, SAFI and the pair of them.

use std::fmt;
use std::str::FromStr;

/// An Address Family Identifier of IANA's registry (RFC 4760 §3).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Afi(pub u16);

impl Afi {
    /// IP version 4.
    pub const IPV4: Self = Self(1);
    /// IP version 6.
    pub const IPV6: Self = Self(2);
}

/// A Subsequent Address Family Identifier of IANA's registry (RFC 4760 §6).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Safi(pub u8);

impl Safi {
    /// Routes for unicast forwarding.
    pub const UNICAST: Self = Self(1);
    /// Routes for multicast reverse path lookups.
    pub const MULTICAST: Self = Self(2);
}

/// What the NLRI of a message are about: an AFI and a SAFI.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Family {
    /// The address family.
    pub afi: Afi,
    /// What its routes are for.
    pub safi: Safi,
}

impl Family {
    /// IPv4 unicast: the family of RFC 4271's own fields.
    pub const IPV4_UNICAST: Self = Self { afi: Afi::IPV4, safi: Safi::UNICAST };
    /// IPv6 unicast (RFC 2545).
    pub const IPV6_UNICAST: Self = Self { afi: Afi::IPV6, safi: Safi::UNICAST };

    const NAMES: [(Self, &'static str); 2] =
        [(Self::IPV4_UNICAST, "ipv4-unicast"), (Self::IPV6_UNICAST, "ipv6-unicast")];
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(family, _)| family == self) {
            Some((_, name)) => f.pad(name),
            None => write!(f, "afi-{}-safi-{}", self.afi.0, self.safi.0),
        }
    }
}

/// Text that names no address family which has routes here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an address family is ipv4-unicast or ipv6-unicast")]
pub struct FamilyError;

impl FromStr for Family {
    type Err = FamilyError;

    fn from_str(text: &str) -> Result<Self, FamilyError> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(family, _)| *family).ok_or(FamilyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
            assert_eq!(family.to_string().parse(), Ok(family));
        }
        assert_eq!("ipv4".parse::<Family>(), Err(FamilyError));
    }

    #[test]
    fn a_family_without_a_name_shows_its_numbers() {
        assert_eq!(Family { afi: Afi(25), safi: Safi(70) }.to_string(), "afi-25-safi-70");
    }
}
