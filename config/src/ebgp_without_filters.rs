//! `ebgp_without_filters`: what is exchanged with external peers that have no filters (RFC 8212).

/// What is exchanged with external peers in a direction in which they have no filters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum EbgpWithoutFilters {
    /// Nothing (RFC 8212).
    #[default]
    Deny,
    /// Everything.
    Accept,
}

impl EbgpWithoutFilters {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "deny" => Ok(Self::Deny),
            "accept" => Ok(Self::Accept),
            _ => Err(format!("{text:?} is not \"deny\" or \"accept\"")),
        }
    }
}
