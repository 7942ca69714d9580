//! Where the next hop lies.

use bgp_codec::{NextHop, Prefix};

use crate::as_text;
use crate::prefix_set::PrefixSet;

/// A condition on the next hop: on the global address, where there are two. This speaker's own routes have none.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum NextHopCondition {
    /// It lies in a prefix.
    In(#[serde(with = "as_text")] Prefix),
    /// It is in a set, as a prefix of one address.
    InSet(PrefixSet),
}

impl NextHopCondition {
    pub(super) fn holds_for(&self, next_hop: NextHop) -> bool {
        match self {
            Self::In(prefix) => next_hop.is_in(*prefix),
            Self::InSet(set) => set.contains(Prefix::host(next_hop.address())),
        }
    }
}
