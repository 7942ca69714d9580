//! ONLY_TO_CUSTOMER (RFC 9234 §5): the autonomous system after which a route is only sent to customers.

use nom::number::complete::be_u32;

use crate::Asn;
use crate::parser::whole;

/// Decodes the value; `None` for any length other than four octets.
pub(crate) fn only_to_customer(value: &[u8]) -> Option<Asn> {
    whole(value, be_u32).map(Asn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_an_as_number() {
        assert_eq!(only_to_customer(&[0, 0, 0xfd, 0xe9]), Some(Asn(65001)));
        assert_eq!(only_to_customer(&[0xfd, 0xe9]), None);
    }
}
