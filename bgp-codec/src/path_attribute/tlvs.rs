//! Rows of type, length and value inside attributes.

use crate::reader::Reader;

/// Whether `element` reads a value to its end, from element to element.
pub(super) fn is_row_of_tlvs<'a>(
    value: &'a [u8],
    mut element: impl FnMut(&mut Reader<'a>) -> Option<()>,
) -> bool {
    let mut reader = Reader::new(value);
    while !reader.is_empty() {
        if element(&mut reader).is_none() {
            return false;
        }
    }
    true
}
