//! TUNNEL_ENCAPSULATION (RFC 9012 §2), kept opaque.

use super::tlvs::wide_tlv;
use crate::parser::is_row;

/// Whether a value is a sequence of complete tunnels, each with a type and a length of two octets (RFC 9012
/// §13).
pub(crate) fn is_tunnel_encapsulation(value: &[u8]) -> bool {
    is_row(value, wide_tlv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tunnel_ends_with_the_value() {
        assert!(is_tunnel_encapsulation(&[0, 7, 0, 0]) && is_tunnel_encapsulation(&[0, 8, 0, 1, 9]));
        assert!(!is_tunnel_encapsulation(&[0, 7, 0]) && !is_tunnel_encapsulation(&[0, 1, 0, 255, 1, 2]));
    }
}
