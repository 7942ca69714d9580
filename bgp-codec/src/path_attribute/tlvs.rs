//! Type-length-value elements inside attributes.

use nom::Parser;
use nom::number::complete::{be_u8, be_u16};

use crate::parser::{Parsed, u16_sized};

/// An element with a type of one octet and a length of two: its type and its value.
pub(super) fn narrow_tlv(octets: &[u8]) -> Parsed<'_, (u8, &[u8])> {
    (be_u8, u16_sized).parse_complete(octets)
}

/// An element with a type and a length of two octets: its type and its value.
pub(super) fn wide_tlv(octets: &[u8]) -> Parsed<'_, (u16, &[u8])> {
    (be_u16, u16_sized).parse_complete(octets)
}
