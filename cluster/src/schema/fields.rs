//! The fields of a map while it is decoded, and reports about them.

use crate::document::{Content, Node, Path, Position, Step};

use margay_suggestion::did_you_mean;

use super::{Decoder, Schema, UnknownFields};

/// The fields of a map that is being decoded.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'n, 't> {
    node: &'n Node<'t>,
}

impl<'n, 't> Fields<'n, 't> {
    /// Looks at a map, and reports keys that are not in `known` or appear twice.
    ///
    /// Returns `None` when the value is not a map; a problem has then been reported.
    pub fn read(node: &'n Node<'t>, known: &[&str], decoder: &mut Decoder) -> Option<Self> {
        let Content::Map(entries) = &node.content else {
            decoder.report(node.position, format!("is {}; it must be a map", node.describe()));
            return None;
        };
        if decoder.unknown_fields == UnknownFields::Refuse {
            for (number, entry) in entries.iter().enumerate() {
                let below = [Step::Key(entry.key.clone().into_owned())];
                if !known.contains(&&*entry.key) {
                    let hint = did_you_mean(&entry.key, known.iter().copied());
                    decoder.report_at(&below, entry.position, format!("is not a known field{hint}"));
                } else if entries.iter().take(number).any(|earlier| earlier.key == entry.key) {
                    decoder.report_at(&below, entry.position, "appears twice".to_owned());
                }
            }
        }
        Some(Self { node })
    }

    /// Decodes a field; one that is `null` or not there is absent.
    pub fn field<T: Schema>(&self, key: &str, decoder: &mut Decoder) -> Option<T> {
        decoder.within(Step::Key(key.to_owned()), |decoder| match self.node.get(key) {
            Some(value) if !value.is_null() => T::decode(value, decoder),
            _ => T::decode_absent(self.node.position, decoder),
        })
    }

    /// Decodes a field; one that is `null`, empty text or not there has the value `default`.
    pub fn field_or<T: Schema>(&self, key: &str, default: T, decoder: &mut Decoder) -> Option<T> {
        match self.field::<Option<T>>(key, decoder)? {
            Some(value) => Some(value),
            None => Some(default),
        }
    }

    /// Where checks over several fields report to.
    #[must_use]
    pub const fn report<'d>(&self, decoder: &'d mut Decoder) -> Report<'n, 't, 'd> {
        Report { node: self.node, decoder }
    }
}

/// Where a check over several fields of a map reports to.
#[derive(Debug)]
pub struct Report<'n, 't, 'd> {
    node: &'n Node<'t>,
    decoder: &'d mut Decoder,
}

impl Report<'_, '_, '_> {
    /// Reports a problem of a value below the map, such as `ingress[2].source`; its place in the text is found if it is
    /// there, and otherwise that of the nearest map or list around it.
    pub fn problem(&mut self, path: &str, message: impl Into<String>) {
        let path = Path::parse(path);
        let position = place_of(self.node, &path.0);
        self.decoder.report_at(&path.0, position, message.into());
    }
}

fn place_of(node: &Node<'_>, steps: &[Step]) -> Option<Position> {
    let Some((step, rest)) = steps.split_first() else { return node.position };
    let next = match (step, &node.content) {
        (Step::Key(key), Content::Map(_)) => match node.entry(key) {
            Some(entry) if rest.is_empty() => return entry.position.or(entry.value.position),
            Some(entry) => Some(&entry.value),
            None => None,
        },
        (Step::Index(index), Content::List(items)) => items.get(*index),
        _ => None,
    };
    match next {
        Some(next) => place_of(next, rest).or(node.position),
        None => node.position,
    }
}
