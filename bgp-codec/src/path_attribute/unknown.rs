//! Attributes that are not recognised here but have to be passed on (RFC 4271 §5).

use super::{AttributeFlags, AttributeType, RawAttribute};

/// An optional transitive attribute of a type that is not recognised; it goes out with the Partial bit set.
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
    /// The type, which is none of the constants of [`AttributeType`].
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
    /// An attribute of this type; `None` when the type is recognised, and so has a place of its own.
    #[must_use]
    pub fn new(attribute_type: AttributeType, value: Vec<u8>) -> Option<Self> {
        match attribute_type.specified_flags() {
            Some(_) => None,
            None => Some(Self { attribute_type, value }),
        }
    }

    /// A view of it.
    #[must_use]
    pub fn as_unknown(&self) -> UnknownAttribute<'_> {
        UnknownAttribute { attribute_type: self.attribute_type, value: &self.value }
    }

    pub(crate) fn as_raw(&self) -> RawAttribute<'_> {
        let flags = AttributeFlags::OPTIONAL_TRANSITIVE.with_partial(true);
        RawAttribute { flags, attribute_type: self.attribute_type, value: &self.value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recognised_type_is_not_unknown() {
        assert_eq!(UnknownAttributeBuf::new(AttributeType::COMMUNITIES, vec![]), None);
        let unknown = UnknownAttributeBuf::new(AttributeType(99), vec![1, 2]).unwrap();
        assert_eq!(unknown.as_unknown().to_owned(), unknown);
        assert_eq!(unknown.as_unknown().value(), [1, 2]);
    }
}
