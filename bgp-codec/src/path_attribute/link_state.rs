//! BGP-LS attribute (RFC 9552 §5.3), kept opaque.

use super::tlvs::wide_tlv;
use crate::parser::is_row;

/// Whether a value is a sequence of TLVs with types and lengths of two octets (RFC 9552 §8.2.2).
pub(crate) fn is_link_state(value: &[u8]) -> bool {
    is_row(value, wide_tlv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tlv_ends_with_the_value() {
        assert!(is_link_state(&[]) && is_link_state(&[4, 0, 0, 1, 9, 4, 1, 0, 0]));
        assert!(!is_link_state(&[4, 0, 0, 0xff, 0]) && !is_link_state(&[4, 0, 0]));
    }
}
