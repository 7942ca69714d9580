//! Whether packets can be sent over a link.

use serde::{Deserialize, Serialize};

use crate::link_name::LinkName;

/// A change of a link that static routes lead over.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LinkUsability {
    /// The link.
    pub link: LinkName,
    /// Whether it exists, is up and has a carrier.
    pub is_usable: bool,
}
