//! The BGP Identifier, also known as router id.

use std::fmt;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::str::FromStr;

/// A speaker's BGP Identifier: four octets, not all zero (RFC 6286 §2.1).
///
/// Compared as a number (RFC 4271 §9.1.2.2 f) and written like an IPv4 address, although it need not be one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct BgpIdentifier(NonZeroU32);

/// The value is zero, or the text is not in dotted form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a BGP Identifier is four octets in dotted form, not all zero")]
pub struct BgpIdentifierError;

impl BgpIdentifier {
    /// The identifier with this value; `None` for zero.
    #[must_use]
    pub fn new(value: u32) -> Option<Self> {
        NonZeroU32::new(value).map(Self)
    }

    /// The value as a number.
    #[must_use]
    pub fn to_u32(self) -> u32 {
        self.0.get()
    }

    /// The value as an address.
    #[must_use]
    pub fn to_ipv4(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.0.get())
    }
}

impl TryFrom<Ipv4Addr> for BgpIdentifier {
    type Error = BgpIdentifierError;

    fn try_from(address: Ipv4Addr) -> Result<Self, BgpIdentifierError> {
        Self::new(address.to_bits()).ok_or(BgpIdentifierError)
    }
}

impl FromStr for BgpIdentifier {
    type Err = BgpIdentifierError;

    fn from_str(text: &str) -> Result<Self, BgpIdentifierError> {
        let address: Ipv4Addr = text.parse().map_err(|_| BgpIdentifierError)?;
        Self::try_from(address)
    }
}

impl fmt::Display for BgpIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ipv4().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_not_an_identifier() {
        assert_eq!(BgpIdentifier::new(0), None);
        assert_eq!("0.0.0.0".parse::<BgpIdentifier>(), Err(BgpIdentifierError));
        assert_eq!(BgpIdentifier::try_from(Ipv4Addr::UNSPECIFIED), Err(BgpIdentifierError));
    }

    #[test]
    fn order_is_numeric_and_text_is_dotted() {
        let low: BgpIdentifier = "9.255.255.255".parse().unwrap();
        let high: BgpIdentifier = "10.0.0.0".parse().unwrap();
        assert!(low < high);
        assert_eq!(high.to_string(), "10.0.0.0");
        assert_eq!(high.to_u32(), 0x0a00_0000);
    }
}
