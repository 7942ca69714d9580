//! Errors of single path attributes, and their consequences by RFC 7606.

use std::fmt;

use crate::{AttributeType, Family};

/// An error in one path attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AttributeError {
    /// Which attribute.
    pub attribute_type: AttributeType,
    /// The error.
    pub fault: AttributeFault,
    /// The consequence.
    pub outcome: AttributeOutcome,
}

impl AttributeError {
    /// Whether the attribute is only of a family that is not supported here.
    #[must_use]
    pub fn is_about_foreign_family(&self) -> bool {
        matches!(self.fault, AttributeFault::UnsupportedFamily(_))
    }
}

/// What is wrong with a path attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AttributeFault {
    /// The Optional or Transitive flag is not as specified.
    Flags,
    /// The length is not valid for the attribute.
    Length,
    /// The value is not valid for the attribute.
    Value,
    /// The attribute is missing, and the routes of the message need it.
    Missing,
    /// The attribute occurs more than once.
    Duplicate,
    /// It runs past the end of the path attributes.
    Overrun,
    /// The attribute claims to be well-known, but is not recognised.
    UnrecognizedWellKnown,
    /// External peers must not send it.
    FromExternalPeer,
    /// Peers with four-octet AS numbers must not send it.
    FromFourOctetPeer,
    /// It is of a family whose routes are not supported here.
    UnsupportedFamily(Family),
}

/// Consequence of a malformed path attribute, from the mildest to the most severe (RFC 7606 §2).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum AttributeOutcome {
    /// The attribute is removed.
    Discard,
    /// The routes of the message are treated as withdrawn.
    TreatAsWithdraw,
    /// The family of the routes is disabled for the rest of the session.
    DisableFamily,
    /// The session is closed with a NOTIFICATION.
    SessionReset,
}

impl fmt::Display for AttributeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.attribute_type, self.fault, self.outcome)
    }
}

impl std::error::Error for AttributeError {}

impl fmt::Display for AttributeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flags => "has wrong flags",
            Self::Length => "has a wrong length",
            Self::Value => "is malformed",
            Self::Missing => "is missing",
            Self::Duplicate => "occurs more than once",
            Self::Overrun => "runs past the end of the attributes",
            Self::UnrecognizedWellKnown => "is well-known but not recognised",
            Self::FromExternalPeer => "must not come from an external peer",
            Self::FromFourOctetPeer => "must not come from a peer with four-octet AS numbers",
            Self::UnsupportedFamily(family) => return write!(f, "is of the unsupported family {family}"),
        })
    }
}

impl fmt::Display for AttributeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discard => "attribute discarded",
            Self::TreatAsWithdraw => "routes treated as withdrawn",
            Self::DisableFamily => "family disabled",
            Self::SessionReset => "session closed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_fault_and_consequence() {
        let error = AttributeError {
            attribute_type: AttributeType::AGGREGATOR,
            fault: AttributeFault::Length,
            outcome: AttributeOutcome::Discard,
        };
        assert_eq!(error.to_string(), "AGGREGATOR has a wrong length: attribute discarded");
    }

    #[test]
    fn outcomes_are_ordered_by_strength() {
        assert!(AttributeOutcome::Discard < AttributeOutcome::TreatAsWithdraw);
        assert!(AttributeOutcome::TreatAsWithdraw < AttributeOutcome::DisableFamily);
        assert!(AttributeOutcome::DisableFamily < AttributeOutcome::SessionReset);
    }
}
