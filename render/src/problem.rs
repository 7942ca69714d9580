//! What is wrong with an object, for its author.

use std::fmt;

/// Something that was left out, or is not as its author may think.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Problem {
    /// The object: `BGPPeer rack-1`.
    pub object: String,
    /// What is wrong, and what follows from it.
    pub what: String,
}

impl Problem {
    pub(crate) fn new(kind: &str, name: &str, what: impl Into<String>) -> Self {
        Self { object: format!("{kind} {name}"), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.what)
    }
}
