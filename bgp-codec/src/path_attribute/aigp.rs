//! AIGP (RFC 7311 §3).

use nom::Parser;
use nom::combinator::{map_opt, verify};
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16};

use crate::parser::{Parsed, is_row, row};

/// Whether a value is a sequence of TLVs whose lengths include their three octets of type and length, and
/// whose metric has eight octets.
pub(crate) fn is_aigp(value: &[u8]) -> bool {
    let acceptable = |(kind, content): &(u8, &[u8])| *kind != METRIC || content.len() == 8;
    !value.is_empty() && is_row(value, verify(tlv, acceptable))
}

/// The accumulated metric: that of the first TLV of its type (RFC 7311 §3).
pub(crate) fn metric(value: &[u8]) -> Option<u64> {
    let (_, metric) = row(value, tlv).find(|(kind, _)| *kind == METRIC)?;
    metric.try_into().ok().map(u64::from_be_bytes)
}

/// Type and content of a TLV.
fn tlv(octets: &[u8]) -> Parsed<'_, (u8, &[u8])> {
    let content_octets = map_opt(be_u16, |length| length.checked_sub(TLV_HEADER_OCTETS));
    (be_u8, length_data(content_octets)).parse_complete(octets)
}

const METRIC: u8 = 1;

const TLV_HEADER_OCTETS: u16 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metric_has_eight_octets() {
        let good = [1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9];
        assert!(is_aigp(&good));
        assert_eq!(metric(&good), Some(9));
        assert_eq!(metric(&[&[2, 0, 3][..], &good].concat()), Some(9));
        for value in [&[][..], &[1], &[1, 0, 2], &[1, 0, 3], &[1, 0, 12, 0, 0, 0, 0, 0, 0, 0, 9], &good[..10]]
        {
            assert!(!is_aigp(value), "{value:?}");
        }
    }
}
