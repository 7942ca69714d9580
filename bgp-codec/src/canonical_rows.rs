//! Which octets of a message are canonical as they stand, so that its attribute set is made by copying them.

use crate::AttributeType;
use crate::path_attribute::{AttributeFlags, RawAttribute, has_duplicates};
use crate::path_attributes::{CanonicalSet, Summary};

/// Rows of attributes that belong in the set and stand next to each other, in its order and form.
///
/// Senders write attributes in ascending order, and what does not belong in the set parts them into two rows or three.
#[derive(Debug)]
pub(crate) struct CanonicalRows {
    /// Where each row starts and ends in the field of the path attributes.
    rows: [(u16, u16); MAX_ROWS],
    count: usize,
    last: AttributeType,
    summary: Summary,
    /// Whether the rows are all that there is.
    is_whole: bool,
}

impl CanonicalRows {
    /// No rows yet. With two-octet AS numbers there never are any, as a set has four octets for each.
    pub(crate) fn new(four_octet_as: bool) -> Self {
        Self {
            rows: [(0, 0); MAX_ROWS],
            count: 0,
            last: AttributeType(0),
            summary: Summary::EMPTY,
            is_whole: four_octet_as,
        }
    }

    /// Takes in an attribute that belongs in the set with these flags, and stands at `start`.
    pub(crate) fn note(&mut self, attribute: &RawAttribute<'_>, flags: AttributeFlags, start: usize) {
        let attribute_type = attribute.attribute_type;
        let repeats = attribute_type == AttributeType::LARGE_COMMUNITIES && has_duplicates(attribute.value);
        if !attribute.has_canonical_header(flags) || attribute_type <= self.last || repeats {
            self.is_whole = false;
        }
        if self.is_whole {
            self.last = attribute_type;
            self.summary.take_in(attribute);
            self.extend(start, start.saturating_add(attribute.encoded_octets()));
        }
    }

    fn extend(&mut self, start: usize, end: usize) {
        let (Ok(start), Ok(end)) = (u16::try_from(start), u16::try_from(end)) else {
            self.is_whole = false;
            return;
        };
        match self.rows.get_mut(self.count.wrapping_sub(1)) {
            Some((_, last_end)) if *last_end == start => *last_end = end,
            _ => match self.rows.get_mut(self.count) {
                Some(row) => {
                    *row = (start, end);
                    self.count = self.count.saturating_add(1);
                }
                None => self.is_whole = false,
            },
        }
    }

    /// The set of so many octets, copied from the field of the path attributes; `None` when the rows are not all.
    pub(crate) fn copy(&self, field: &[u8], size_octets: usize) -> Option<CanonicalSet> {
        if !self.is_whole {
            return None;
        }
        let mut octets = Vec::with_capacity(size_octets);
        for (start, end) in self.rows.iter().take(self.count) {
            octets.extend_from_slice(field.get(usize::from(*start)..usize::from(*end))?);
        }
        Some(CanonicalSet::new(octets, self.summary))
    }
}

const MAX_ROWS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::Reader;

    /// The set of a field of good attributes, of which those of type 3 do not belong in it.
    fn copied(field: &[u8]) -> Option<Vec<u8>> {
        let mut rows = CanonicalRows::new(true);
        let mut reader = Reader::new(field);
        let mut size_octets: usize = 0;
        while !reader.is_empty() {
            let start = field.len().saturating_sub(reader.rest().len());
            let attribute = RawAttribute::decode(&mut reader).unwrap();
            if attribute.attribute_type != AttributeType::NEXT_HOP {
                size_octets = attribute.encoded_octets().saturating_add(size_octets);
                let flags = attribute.attribute_type.specified_flags().unwrap();
                rows.note(&attribute, flags, start);
            }
        }
        rows.copy(field, size_octets).map(|set| set.finish().octets().to_vec())
    }

    const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
    const AS_PATH: &[u8] = &[0x40, 2, 0];
    const NEXT_HOP: &[u8] = &[0x40, 3, 4, 10, 0, 0, 1];
    const MED: &[u8] = &[0x80, 4, 4, 0, 0, 0, 1];

    #[test]
    fn what_is_in_order_and_form_is_copied_without_what_is_between() {
        let expected = [ORIGIN, AS_PATH, MED].concat();
        for field in [&[ORIGIN, AS_PATH, NEXT_HOP, MED], &[NEXT_HOP, ORIGIN, AS_PATH, MED]] {
            assert_eq!(copied(&field.concat()), Some(expected.clone()));
        }
        assert_eq!(copied(&[]), Some(vec![]));
    }

    #[test]
    fn what_is_not_is_left_to_be_written_anew() {
        let extended: &[u8] = &[0x50, 2, 0, 0];
        let low_bits: &[u8] = &[0x41, 1, 1, 0];
        let large = [&[0xc0, 32, 24][..], &[7; 24]].concat();
        for field in [&[AS_PATH, ORIGIN][..], &[ORIGIN, extended], &[low_bits, AS_PATH], &[ORIGIN, &large]] {
            assert_eq!(copied(&field.concat()), None, "{field:?}");
        }
        let apart = [16, 32].map(|kind| [&[0xc0, kind, 24][..], &(0..24).collect::<Vec<u8>>()].concat());
        let many: [&[u8]; 13] = [
            ORIGIN,
            NEXT_HOP,
            AS_PATH,
            NEXT_HOP,
            MED,
            NEXT_HOP,
            &[0x40, 5, 4, 0, 0, 0, 1],
            NEXT_HOP,
            &[0x40, 6, 0],
            NEXT_HOP,
            &apart[0],
            NEXT_HOP,
            &apart[1],
        ];
        assert_eq!(copied(&many.concat()), None, "seven rows");
        assert!(copied(&many[..11].concat()).is_some(), "six rows");
    }
}
