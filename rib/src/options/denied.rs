//! External peers without filters (RFC 8212).

use serde::{Deserialize, Serialize};

/// The directions in which nothing is exchanged with an external peer, because it has no filters there (RFC 8212).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct DeniedDirections {
    /// Nothing that the peer announces is accepted.
    pub import: bool,
    /// Nothing is advertised to the peer, except for a default route that it is to get.
    pub export: bool,
}
