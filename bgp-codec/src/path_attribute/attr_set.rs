//! ATTR_SET (RFC 6368 §5): the attributes of a customer's route, carried through a provider.

use super::RawAttribute;
use super::tlvs::is_row_of_tlvs;
use crate::reader::Reader;

/// Whether a value is an AS number of four octets and whole attributes (RFC 7606 §7.16).
pub(crate) fn is_attr_set(value: &[u8]) -> bool {
    let mut reader = Reader::new(value);
    reader.u32().is_some() && is_row_of_tlvs(reader.rest(), |reader| RawAttribute::decode(reader).map(|_| ()))
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
