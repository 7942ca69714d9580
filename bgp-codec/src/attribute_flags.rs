//! The flags of path attributes.

/// The flags octet of a path attribute (RFC 4271 §4.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AttributeFlags(pub(crate) u8);

impl AttributeFlags {
    const OPTIONAL: u8 = 0x80;
    const TRANSITIVE: u8 = 0x40;
    const PARTIAL: u8 = 0x20;
    pub(crate) const EXTENDED_LENGTH: u8 = 0x10;

    pub(crate) const WELL_KNOWN: Self = Self(Self::TRANSITIVE);
    pub(crate) const OPTIONAL_TRANSITIVE: Self = Self(Self::OPTIONAL | Self::TRANSITIVE);
    pub(crate) const OPTIONAL_NON_TRANSITIVE: Self = Self(Self::OPTIONAL);

    pub(crate) fn is_optional(self) -> bool {
        self.0 & Self::OPTIONAL != 0
    }

    pub(crate) fn is_transitive(self) -> bool {
        self.0 & Self::TRANSITIVE != 0
    }

    pub(crate) fn is_partial(self) -> bool {
        self.0 & Self::PARTIAL != 0
    }

    pub(crate) fn has_extended_length(self) -> bool {
        self.0 & Self::EXTENDED_LENGTH != 0
    }

    /// Whether Optional and Transitive are the same as in `other`: the two bits that RFC 7606 §3 (c) concerns.
    pub(crate) fn agrees_with(self, other: Self) -> bool {
        let significant = Self::OPTIONAL | Self::TRANSITIVE;
        self.0 & significant == other.0 & significant
    }

    /// The same flags, with the Partial bit if `partial` is set.
    pub(crate) fn with_partial(self, partial: bool) -> Self {
        if partial { Self(self.0 | Self::PARTIAL) } else { self }
    }
}
