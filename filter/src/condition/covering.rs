//! Prefixes around another one.

use bgp_codec::Prefix;

use crate::as_text;

/// Holds for a prefix and for everything around it: for the routes that its addresses may be sent by.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Covering(#[serde(with = "as_text")] pub Prefix);

impl Covering {
    pub(super) fn holds_for(self, prefix: Prefix) -> bool {
        prefix.contains(self.0)
    }
}
