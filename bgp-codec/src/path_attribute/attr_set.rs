//! ATTR_SET (RFC 6368 §5): the attributes of a customer's route, carried through a provider.

use nom::multi::many0_count;
use nom::number::complete::be_u32;

use super::RawAttribute;
use crate::parser::whole;

/// Whether a value is an AS number of four octets and whole attributes (RFC 7606 §7.16).
pub(crate) fn is_attr_set(value: &[u8]) -> bool {
    whole(value, (be_u32, many0_count(RawAttribute::decode))).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_follow_an_as_number() {
        assert!(is_attr_set(&[0, 0, 0, 1]) && is_attr_set(&[0, 0, 0, 1, 0x40, 1, 1, 0]));
        assert!(!is_attr_set(&[0, 0, 1]) && !is_attr_set(&[0, 0, 0, 1, 0x40, 1, 2, 0]));
    }
}
