//! An UPDATE split into its fields without any check, to show a message or to search it.

use crate::AttributeType;
use crate::parser::{row, u16_sized};
use crate::path_attribute::{RawAttribute, aigp};

/// The three variable fields of an UPDATE (RFC 4271 §4.3).
#[derive(Clone, Copy, Debug)]
pub struct RawUpdate<'a> {
    /// The octets of the withdrawn routes.
    pub withdrawn: &'a [u8],
    /// The octets of the path attributes, by which those of two messages can be compared.
    pub attributes: &'a [u8],
    /// The octets of the network layer reachability information.
    pub nlri: &'a [u8],
}

/// A path attribute in its encoded form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RawPathAttribute<'a> {
    /// Optional, Transitive, Partial and Extended Length, from the highest bit down.
    pub flags: u8,
    /// Its type.
    pub attribute_type: AttributeType,
    /// The octets after its header.
    pub value: &'a [u8],
}

impl<'a> RawUpdate<'a> {
    /// Splits the octets after the header of an UPDATE; `None` if the lengths do not fit.
    #[must_use]
    pub fn decode(body: &'a [u8]) -> Option<Self> {
        let (rest, withdrawn) = u16_sized(body).ok()?;
        let (nlri, attributes) = u16_sized(rest).ok()?;
        Some(Self { withdrawn, attributes, nlri })
    }

    /// The path attributes in the order of the message, as far as they are complete.
    pub fn path_attributes(&self) -> impl Iterator<Item = RawPathAttribute<'a>> + use<'a> {
        row(self.attributes, RawAttribute::decode).map(|attribute| {
            let RawAttribute { flags, attribute_type, value } = attribute;
            RawPathAttribute { flags: flags.0, attribute_type, value }
        })
    }
}

impl RawPathAttribute<'_> {
    /// The accumulated metric, if this is a well-formed AIGP (RFC 7311 §3).
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
    fn fields_and_attributes_are_split_and_not_checked() {
        let body = [0, 2, 8, 10, 0, 7, 0xff, 1, 0, 1, 9, 0x40, 2, 24];
        let raw = RawUpdate::decode(&body).unwrap();
        assert_eq!((raw.withdrawn, raw.nlri), (&[8, 10][..], &[24][..]));
        let attributes: Vec<_> = raw.path_attributes().collect();
        let origin = RawPathAttribute { flags: 0xff, attribute_type: AttributeType::ORIGIN, value: &[9] };
        assert_eq!(attributes, [origin]);
        assert!(RawUpdate::decode(&body[..9]).is_none());
    }
}
