//! The one way octets are read: a cursor that splits slices, so that no call site indexes.

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

    #[inline]
    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next `count` octets.
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// A field that says its own length in the octet before it.
    #[inline]
    pub(crate) fn u8_sized(&mut self) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let length_octets = ahead.u8()?;
        let field = ahead.take(length_octets.into())?;
        *self = ahead;
        Some(field)
    }

    /// A field that says its own length in the two octets before it.
    #[inline]
    pub(crate) fn u16_sized(&mut self) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let length_octets = ahead.u16()?;
        let field = ahead.take(length_octets.into())?;
        *self = ahead;
        Some(field)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
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
