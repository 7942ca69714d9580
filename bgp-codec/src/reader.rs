//! The one way octets are read: nom parsers behind a cursor, so that no call site indexes.

use nom::Parser;
use nom::bytes::complete::take;
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u32};

/// Reads from the front of a slice. Every method returns `None`, and takes nothing, when the octets end early.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.parse(be_u8)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.parse(be_u16)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.parse(be_u32)
    }

    /// The next `count` octets.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        self.parse(take(count))
    }

    /// A field that says its own length in the octet before it.
    pub(crate) fn u8_sized(&mut self) -> Option<&'a [u8]> {
        self.parse(length_data(be_u8))
    }

    /// A field that says its own length in the two octets before it.
    pub(crate) fn u16_sized(&mut self) -> Option<&'a [u8]> {
        self.parse(length_data(be_u16))
    }

    fn parse<T>(&mut self, mut parser: impl Parser<&'a [u8], Output = T, Error = ()>) -> Option<T> {
        let (rest, value) = parser.parse(self.rest).ok()?;
        self.rest = rest;
        Some(value)
    }
}

/// The number that these octets are; `None` unless there are exactly four.
pub(crate) fn exact_u32(octets: &[u8]) -> Option<u32> {
    octets.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_in_network_order() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7, 2, 8, 9, 0, 1, 10, 11]);
        assert_eq!(reader.u8(), Some(1));
        assert_eq!(reader.u16(), Some(0x0203));
        assert_eq!(reader.u32(), Some(0x0405_0607));
        assert_eq!(reader.u8_sized(), Some(&[8, 9][..]));
        assert_eq!(reader.u16_sized(), Some(&[10][..]));
        assert_eq!(reader.take(1), Some(&[11][..]));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_field_past_the_end_takes_nothing() {
        let mut reader = Reader::new(&[0, 9, 1]);
        assert_eq!(reader.u32(), None);
        assert_eq!(reader.u16_sized(), None);
        assert_eq!(reader.take(4), None);
        assert_eq!(reader.rest(), [0, 9, 1]);
    }
}
