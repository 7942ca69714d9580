//! ORIGIN (RFC 4271 §5.1.1).

use std::fmt;

/// How the first speaker learned the route.
///
/// Ordered as in the decision process: the lower one is preferred (RFC 4271 §9.1.2.2 b).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Origin {
    /// From inside its autonomous system.
    Igp,
    /// From the protocol EGP.
    Egp,
    /// Some other way.
    Incomplete,
}

impl Origin {
    /// Decodes the value: one octet from 0 to 2; `None` for anything else.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        match value {
            [0] => Some(Self::Igp),
            [1] => Some(Self::Egp),
            [2] => Some(Self::Incomplete),
            _ => None,
        }
    }

    /// The octet of the value.
    pub(crate) fn octet(self) -> u8 {
        match self {
            Self::Igp => 0,
            Self::Egp => 1,
            Self::Incomplete => 2,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Igp => "igp",
            Self::Egp => "egp",
            Self::Incomplete => "incomplete",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_values_of_one_octet_exist() {
        for origin in [Origin::Igp, Origin::Egp, Origin::Incomplete] {
            assert_eq!(Origin::decode(&[origin.octet()]), Some(origin));
        }
        for value in [&[3][..], &[255], &[], &[0, 0]] {
            assert_eq!(Origin::decode(value), None, "{value:?}");
        }
    }

    #[test]
    fn igp_is_preferred_to_egp_and_that_to_incomplete() {
        assert!(Origin::Igp < Origin::Egp && Origin::Egp < Origin::Incomplete);
    }
}
