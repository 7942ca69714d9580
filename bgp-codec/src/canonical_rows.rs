//! The parts of a message that are canonical attributes already, so that a set is made by copying them.

use crate::AttributeType;
use crate::attribute_flags::AttributeFlags;
use crate::path_attribute::{RawAttribute, has_duplicates};

/// Start and end of a row in its message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowPlace {
    start: u16,
    end: u16,
}

impl RowPlace {
    #[inline]
    pub(crate) fn octets(self, message: &[u8]) -> &[u8] {
        message.get(usize::from(self.start)..usize::from(self.end)).unwrap_or_default()
    }
}

/// Rows of adjacent attributes that belong in the set and have its order and form.
///
/// Senders write attributes in ascending order, and attributes that do not belong in the set separate the
/// others into two or three rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CanonicalRows {
    rows: [RowPlace; MAX_ROWS],
    count: u8,
    last: AttributeType,
    /// Whether the rows contain the whole set.
    is_whole: bool,
}

impl CanonicalRows {
    /// Starts without rows. With two-octet AS numbers there are never any, because a set uses four octets for
    /// each.
    pub(crate) fn new(four_octet_as: bool) -> Self {
        Self {
            rows: [RowPlace::default(); MAX_ROWS],
            count: 0,
            last: AttributeType(0),
            is_whole: four_octet_as,
        }
    }

    /// Adds an attribute of the set that goes on with these flags, and is at `start` in the message.
    #[inline]
    pub(crate) fn note(&mut self, attribute: &RawAttribute<'_>, flags: AttributeFlags, start: usize) {
        let attribute_type = attribute.attribute_type;
        let repeats = attribute_type == AttributeType::LARGE_COMMUNITIES && has_duplicates(attribute.value);
        if !attribute.has_canonical_header(flags) || attribute_type <= self.last || repeats {
            self.is_whole = false;
        }
        if self.is_whole {
            self.last = attribute_type;
            self.extend(start, start.saturating_add(attribute.encoded_octets()));
        }
    }

    fn extend(&mut self, start: usize, end: usize) {
        let (Ok(start), Ok(end)) = (u16::try_from(start), u16::try_from(end)) else {
            self.is_whole = false;
            return;
        };
        match self.rows.get_mut(usize::from(self.count.wrapping_sub(1))) {
            Some(last) if last.end == start => last.end = end,
            _ => match self.rows.get_mut(usize::from(self.count)) {
                Some(row) => {
                    *row = RowPlace { start, end };
                    self.count = self.count.saturating_add(1);
                }
                None => self.is_whole = false,
            },
        }
    }

    /// Whether the rows contain the whole set.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The octets of each row, in order. Each consists of whole attributes.
    #[inline]
    pub(crate) fn octets<'a>(&'a self, message: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.places().iter().map(|row| row.octets(message))
    }

    #[inline]
    pub(crate) fn places(&self) -> &[RowPlace] {
        self.rows.get(..usize::from(self.count)).unwrap_or(&self.rows)
    }
}

const MAX_ROWS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// The set of a field of valid attributes, of which those of type 3 do not belong in it.
    fn copied(field: &[u8]) -> Option<Vec<u8>> {
        let mut rows = CanonicalRows::new(true);
        let mut rest = field;
        while !rest.is_empty() {
            let start = field.len().saturating_sub(rest.len());
            let (after, attribute) = RawAttribute::decode(rest).unwrap();
            rest = after;
            if attribute.attribute_type != AttributeType::NEXT_HOP {
                let flags = attribute.attribute_type.specified_flags().unwrap();
                rows.note(&attribute, flags, start);
            }
        }
        rows.is_whole().then(|| rows.octets(field).collect::<Vec<_>>().concat())
    }

    const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
    const AS_PATH: &[u8] = &[0x40, 2, 0];
    const NEXT_HOP: &[u8] = &[0x40, 3, 4, 10, 0, 0, 1];
    const MED: &[u8] = &[0x80, 4, 4, 0, 0, 0, 1];

    #[test]
    fn canonical_attributes_are_copied_without_those_between_them() {
        let expected = [ORIGIN, AS_PATH, MED].concat();
        for field in [&[ORIGIN, AS_PATH, NEXT_HOP, MED], &[NEXT_HOP, ORIGIN, AS_PATH, MED]] {
            assert_eq!(copied(&field.concat()), Some(expected.clone()));
        }
        assert_eq!(copied(&[]), Some(vec![]));
    }

    #[test]
    fn other_attributes_have_to_be_encoded_again() {
        let extended: &[u8] = &[0x50, 2, 0, 0];
        let low_bits: &[u8] = &[0x41, 1, 1, 0];
        let large = [&[0xc0, 32, 24][..], &[7; 24]].concat();
        for field in [&[AS_PATH, ORIGIN][..], &[ORIGIN, extended], &[low_bits, AS_PATH], &[ORIGIN, &large]] {
            assert_eq!(copied(&field.concat()), None, "{field:?}");
        }
        let apart = [16, 32].map(|kind| [&[0xc0, kind, 24][..], &(0..24).collect::<Vec<u8>>()].concat());
        let many: [&[u8]; 9] =
            [ORIGIN, NEXT_HOP, AS_PATH, NEXT_HOP, MED, NEXT_HOP, &apart[0], NEXT_HOP, &apart[1]];
        assert_eq!(copied(&many.concat()), None, "five rows");
        assert!(copied(&many[..7].concat()).is_some(), "four rows");
    }
}
