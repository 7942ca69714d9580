//! Where a prefix lies, and how long it is.

use bgp_codec::Prefix;

use crate::as_text;
use crate::length_range::LengthRange;
use crate::prefix_range::{ImpossibleLengths, PrefixRange};

/// Holds for a prefix and everything inside it; a range of lengths narrows this down.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct PrefixCondition {
    #[serde(with = "as_text::option")]
    prefix: Option<Prefix>,
    lengths: Option<LengthRange>,
}

impl PrefixCondition {
    /// Holds for every prefix.
    pub const ANY: Self = Self { prefix: None, lengths: None };

    /// Holds for prefixes inside `prefix` (itself included) whose length is in `lengths`; `None` asks for nothing.
    ///
    /// # Errors
    ///
    /// When `lengths` holds a length that no prefix inside `prefix` can have: the condition is not what was meant.
    pub fn new(prefix: Option<Prefix>, lengths: Option<LengthRange>) -> Result<Self, ImpossibleLengths> {
        prefix.map(|prefix| PrefixRange::new(prefix, lengths)).transpose()?;
        Ok(Self { prefix, lengths })
    }

    /// Whether the condition holds for a prefix.
    #[inline]
    pub fn holds_for(&self, prefix: Prefix) -> bool {
        self.lengths.is_none_or(|lengths| lengths.contains(prefix.length()))
            && self.prefix.is_none_or(|around| around.contains(prefix))
    }

    /// The prefix around all.
    pub fn prefix(&self) -> Option<Prefix> {
        self.prefix
    }

    /// The lengths.
    pub fn lengths(&self) -> Option<LengthRange> {
        self.lengths
    }
}

impl From<PrefixRange> for PrefixCondition {
    fn from(range: PrefixRange) -> Self {
        Self { prefix: Some(range.prefix()), lengths: Some(range.lengths()) }
    }
}
