//! Export groups.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All export groups with members, by family and number: `GET /v1/groups`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ExportGroups {
    /// The groups.
    pub groups: Vec<ExportGroup>,
}

/// Peers with equal export rules, which are sent the same octets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ExportGroup {
    /// The family, such as `ipv4-unicast`.
    pub family: String,
    /// The group's number in the family.
    pub group: u64,
    /// The names of its members, sorted.
    pub members: Vec<String>,
    /// Number of routes that are withheld from the group because they do not fit into a message.
    pub too_long: u64,
}
