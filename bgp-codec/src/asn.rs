//! Autonomous system numbers.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// A four-octet autonomous system number (RFC 6793).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Asn(pub u32);

impl Asn {
    /// AS_TRANS, which stands for a number that does not fit into two octets (RFC 6793 §9).
    pub const TRANS: Self = Self(23456);

    /// Whether this is AS 0, which no path or OPEN may carry (RFC 7607).
    #[must_use]
    pub fn is_reserved_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether the number is for private use (RFC 6996 §5).
    #[must_use]
    pub fn is_private(self) -> bool {
        matches!(self.0, 64_512..=65_534 | 4_200_000_000..=4_294_967_294)
    }

    /// The number as sent to a speaker without four-octet support: itself, or [`Asn::TRANS`].
    #[must_use]
    pub fn to_two_octets(self) -> u16 {
        u16::try_from(self.0).unwrap_or(23456)
    }

    /// Whether the number is lost in a two-octet field.
    #[must_use]
    pub fn needs_four_octets(self) -> bool {
        self.0 > u32::from(u16::MAX)
    }
}

impl From<u32> for Asn {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Asn {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ranges_of_numbers_are_private() {
        let private = [64_512, 65_000, 65_534, 4_200_000_000, 4_294_967_294];
        let public = [1, 23_456, 64_511, 65_535, 65_536, 4_199_999_999, 4_294_967_295];
        assert!(private.into_iter().all(|number| Asn(number).is_private()));
        assert!(!public.into_iter().any(|number| Asn(number).is_private()));
    }

    #[test]
    fn numbers_past_two_octets_become_as_trans() {
        for (asn, expected) in [(1, 1), (65535, 65535), (65536, 23456), (u32::MAX, 23456)] {
            assert_eq!(Asn(asn).to_two_octets(), expected, "AS {asn}");
            assert_eq!(Asn(asn).needs_four_octets(), asn != u32::from(expected), "AS {asn}");
        }
    }

    #[test]
    fn text_is_plain_decimal() {
        assert_eq!("4200000000".parse(), Ok(Asn(4_200_000_000)));
        assert_eq!(Asn(64512).to_string(), "64512");
        assert!("4294967296".parse::<Asn>().is_err());
    }
}
