//! An accepted attribute set inside a message, without a copy.

use std::fmt;

use crate::canonical_rows::{CanonicalRows, RowPlace};
use crate::path_attribute::RawAttribute;
use crate::{PathAttribute, PathAttributes};

/// The attribute set of a message, with the same canonical octets as [`PathAttributes`], but not copied.
///
/// A store that keeps each set once looks up the [octets](Self::canonical_octets), and
/// [copies](Self::to_path_attributes) only new sets.
#[derive(Clone, Copy)]
pub struct AttributeView<'a> {
    octets: Octets<'a>,
}

#[derive(Clone, Copy)]
enum Octets<'a> {
    /// In pieces, separated by attributes that do not belong in the set.
    Rows(&'a [u8], &'a CanonicalRows),
    Whole(&'a PathAttributes),
}

impl<'a> AttributeView<'a> {
    pub(crate) fn of_rows(message: &'a [u8], rows: &'a CanonicalRows) -> Self {
        Self { octets: Octets::Rows(message, rows) }
    }

    pub(crate) fn of_path_attributes(attributes: &'a PathAttributes) -> Self {
        Self { octets: Octets::Whole(attributes) }
    }

    /// The canonical octets of the set, as in [`PathAttributes::octets`]. They are assembled in `buffer` if
    /// they are in several pieces.
    #[must_use]
    pub fn canonical_octets<'b>(&self, buffer: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        match self.octets {
            Octets::Whole(attributes) => attributes.octets(),
            Octets::Rows(message, rows) => {
                buffer.clear();
                rows.octets(message).for_each(|row| buffer.extend_from_slice(row));
                buffer
            }
        }
    }

    /// A copy of the set.
    #[must_use]
    pub fn to_path_attributes(&self) -> PathAttributes {
        match self.octets {
            Octets::Whole(attributes) => attributes.clone(),
            Octets::Rows(message, rows) => {
                let size_octets = rows.octets(message).map(<[u8]>::len).fold(0, usize::saturating_add);
                let mut octets = Vec::with_capacity(size_octets);
                rows.octets(message).for_each(|row| octets.extend_from_slice(row));
                PathAttributes::from_canonical(octets.into_boxed_slice())
            }
        }
    }

    /// The attributes as typed values, in ascending order of their types.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = PathAttribute<'a>> + 'a {
        match self.octets {
            Octets::Rows(message, rows) => Attributes { row: &[], message, rows: rows.places() },
            Octets::Whole(attributes) => Attributes { row: attributes.octets(), message: &[], rows: &[] },
        }
    }
}

/// The attributes of one row after another.
struct Attributes<'a> {
    row: &'a [u8],
    message: &'a [u8],
    rows: &'a [RowPlace],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = PathAttribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<PathAttribute<'a>> {
        loop {
            while self.row.is_empty() {
                let (row, rows) = self.rows.split_first()?;
                self.rows = rows;
                self.row = row.octets(self.message);
            }
            let (rest, attribute) = RawAttribute::decode(self.row).ok()?;
            self.row = rest;
            if let Some(attribute) = PathAttribute::of_raw(attribute) {
                return Some(attribute);
            }
        }
    }
}

impl PartialEq for AttributeView<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.canonical_octets(&mut Vec::new()) == other.canonical_octets(&mut Vec::new())
    }
}

impl Eq for AttributeView<'_> {}

impl PartialEq<PathAttributes> for AttributeView<'_> {
    fn eq(&self, other: &PathAttributes) -> bool {
        self.canonical_octets(&mut Vec::new()) == other.octets()
    }
}

impl fmt::Debug for AttributeView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_path_attributes().fmt(f)
    }
}
