//! The names of ORIGIN in serialised edits.

use bgp_codec::Origin;

/// Serialises [`Origin`].
#[derive(serde::Deserialize, serde::Serialize)]
#[serde(remote = "Origin")]
pub(super) enum OriginName {
    Igp,
    Egp,
    Incomplete,
}
