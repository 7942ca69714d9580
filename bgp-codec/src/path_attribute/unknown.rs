//! Attributes that are passed on as octets (RFC 4271 §5).

use super::RawAttribute;
use crate::AttributeType;
use crate::attribute_flags::AttributeFlags;

/// An optional transitive attribute that is not recognised, or that is only checked: PMSI_TUNNEL,
/// TUNNEL_ENCAPSULATION, IPV6_EXTENDED_COMMUNITIES, ONLY_TO_CUSTOMER, PREFIX_SID, ATTR_SET. One that is not
/// recognised is sent with the Partial bit.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct UnknownAttribute<'a> {
    pub(crate) attribute_type: AttributeType,
    pub(crate) value: &'a [u8],
}

/// An [`UnknownAttribute`] that owns its value.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UnknownAttributeBuf {
    attribute_type: AttributeType,
    value: Vec<u8>,
}

impl UnknownAttribute<'_> {
    /// The type.
    #[must_use]
    pub fn attribute_type(&self) -> AttributeType {
        self.attribute_type
    }

    /// The octets after the attribute's header.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.value
    }

    /// The same, owning its value.
    #[must_use]
    pub fn to_owned(&self) -> UnknownAttributeBuf {
        UnknownAttributeBuf { attribute_type: self.attribute_type, value: self.value.to_vec() }
    }
}

impl UnknownAttributeBuf {
    /// An attribute of this type; `None` if the type has its own member in an attribute set.
    #[must_use]
    pub fn new(attribute_type: AttributeType, value: Vec<u8>) -> Option<Self> {
        attribute_type.is_carried_as_octets().then_some(Self { attribute_type, value })
    }

    /// A view of it.
    #[must_use]
    pub fn as_unknown(&self) -> UnknownAttribute<'_> {
        UnknownAttribute { attribute_type: self.attribute_type, value: &self.value }
    }

    /// The attribute as it is sent, with the Partial bit if it was received with it or is not recognised.
    pub(crate) fn as_raw(&self, came_partial: bool) -> RawAttribute<'_> {
        let is_recognised = self.attribute_type.specified_flags().is_some();
        let flags = AttributeFlags::OPTIONAL_TRANSITIVE.with_partial(came_partial || !is_recognised);
        RawAttribute { flags, attribute_type: self.attribute_type, value: &self.value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_with_its_own_member_is_not_unknown() {
        assert_eq!(UnknownAttributeBuf::new(AttributeType::COMMUNITIES, vec![]), None);
        assert_eq!(UnknownAttributeBuf::new(AttributeType::AIGP, vec![]), None);
        let otc = UnknownAttributeBuf::new(AttributeType::ONLY_TO_CUSTOMER, vec![0; 4]).unwrap();
        assert!(!otc.as_raw(false).flags.is_partial() && otc.as_raw(true).flags.is_partial());
        let unknown = UnknownAttributeBuf::new(AttributeType(99), vec![1, 2]).unwrap();
        assert_eq!(unknown.as_unknown().to_owned(), unknown);
        assert_eq!(unknown.as_unknown().value(), [1, 2]);
    }
}
