//! MP_UNREACH_NLRI (RFC 4760 §4).

use crate::Family;

/// The fields of an MP_UNREACH_NLRI, with unparsed NLRI: AFI (2 octets), SAFI (1 octet), NLRI.
#[derive(Clone, Copy, Debug)]
pub struct MpUnreach<'a> {
    /// The family of the routes.
    pub family: Family,
    /// The octets of the NLRI.
    pub nlri: &'a [u8],
}

impl<'a> MpUnreach<'a> {
    /// Splits the value; `None` if it has fewer than three octets (RFC 7606 §5.3).
    #[must_use]
    pub fn decode(value: &'a [u8]) -> Option<Self> {
        let (nlri, family) = Family::decode(value).ok()?;
        Some(Self { family, nlri })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_octets_are_enough() {
        let unreach = MpUnreach::decode(&[0, 2, 1]).unwrap();
        assert_eq!((unreach.family, unreach.nlri), (Family::IPV6_UNICAST, &[][..]));
        assert!(MpUnreach::decode(&[0, 2]).is_none());
    }
}
