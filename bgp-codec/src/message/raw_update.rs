//! An UPDATE as it stands in octets, before anything is judged: for those who show messages or look for one thing.

use crate::AttributeType;
use crate::parser::{row, u16_sized};
use crate::path_attribute::{RawAttribute, aigp};

/// The three variable fields of an UPDATE (RFC 4271 §4.3).
#[derive(Clone, Copy, Debug)]
pub struct RawUpdate<'a> {
    /// The octets of the withdrawn routes.
    pub withdrawn: &'a [u8],
    /// The octets of the path attributes: what they have in common with those of another message is a comparison.
    pub attributes: &'a [u8],
    /// The octets of the network layer reachability information.
    pub nlri: &'a [u8],
}

/// A path attribute as it stands in octets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RawPathAttribute<'a> {
    /// Optional, Transitive, Partial, Extended Length, from the highest bit on.
    pub flags: u8,
    /// Its type.
    pub attribute_type: AttributeType,
    /// What follows its header.
    pub value: &'a [u8],
}

impl<'a> RawUpdate<'a> {
    /// Splits what follows the header of an UPDATE; `None` when the lengths do not fit.
    #[must_use]
    pub fn decode(body: &'a [u8]) -> Option<Self> {
        let (rest, withdrawn) = u16_sized(body).ok()?;
        let (nlri, attributes) = u16_sized(rest).ok()?;
        Some(Self { withdrawn, attributes, nlri })
    }

    /// The path attributes in the order of the message, as far as they are whole.
    pub fn path_attributes(&self) -> impl Iterator<Item = RawPathAttribute<'a>> + use<'a> {
        row(self.attributes, RawAttribute::decode).map(|attribute| {
            let RawAttribute { flags, attribute_type, value } = attribute;
            RawPathAttribute { flags: flags.0, attribute_type, value }
        })
    }
}

impl RawPathAttribute<'_> {
    /// The accumulated metric, when this is a well-formed AIGP (RFC 7311 §3).
    #[must_use]
    pub fn accumulated_igp_metric(&self) -> Option<u64> {
        let is_aigp = self.attribute_type == AttributeType::AIGP && aigp::is_aigp(self.value);
        is_aigp.then(|| aigp::metric(self.value)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_attributes_are_split_and_not_judged() {
        let body = [0, 2, 8, 10, 0, 7, 0xff, 1, 0, 1, 9, 0x40, 2, 24];
        let raw = RawUpdate::decode(&body).unwrap();
        assert_eq!((raw.withdrawn, raw.nlri), (&[8, 10][..], &[24][..]));
        let attributes: Vec<_> = raw.path_attributes().collect();
        let origin = RawPathAttribute { flags: 0xff, attribute_type: AttributeType::ORIGIN, value: &[9] };
        assert_eq!(attributes, [origin]);
        assert!(RawUpdate::decode(&body[..9]).is_none());
    }
}
