//! What can be wrong with one path attribute, and what RFC 7606 has done about it.

use std::fmt;

use crate::{AttributeType, Family};

/// One bad path attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AttributeError {
    /// Which attribute.
    pub attribute_type: AttributeType,
    /// What is wrong with it.
    pub fault: AttributeFault,
    /// What is done about it.
    pub outcome: AttributeOutcome,
}

impl AttributeError {
    /// Whether nothing is wrong but that the family of the routes is not understood here.
    #[must_use]
    pub fn is_about_foreign_family(&self) -> bool {
        matches!(self.fault, AttributeFault::UnsupportedFamily(_))
    }
}

/// What is wrong with a path attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AttributeFault {
    /// Optional or Transitive are not as specified.
    Flags,
    /// The length is none that the attribute may have.
    Length,
    /// The value is none that the attribute may have.
    Value,
    /// It has to be there for the routes of the message, and is not.
    Missing,
    /// It is there more than once.
    Duplicate,
    /// It runs past the end of the path attributes.
    Overrun,
    /// It claims to be well-known, and is not known.
    UnrecognizedWellKnown,
    /// An external peer must not send it.
    FromExternalPeer,
    /// A peer with four-octet AS numbers must not send it.
    FromFourOctetPeer,
    /// It is about a family whose routes are not read here.
    UnsupportedFamily(Family),
}

/// What is done about a bad path attribute, from the mildest to the strongest (RFC 7606 §2).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum AttributeOutcome {
    /// The attribute is left out.
    Discard,
    /// The routes of the message count as withdrawn.
    TreatAsWithdraw,
    /// The family of the routes goes out of use for the rest of the session.
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
            Self::Duplicate => "comes more than once",
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
            Self::DisableFamily => "family out of use",
            Self::SessionReset => "session closed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_and_what_is_done() {
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
