//! Limits of the paths of a peer, beyond which further ones are refused.

use serde::{Deserialize, Serialize};

/// How many paths of a peer are taken in each family; further ones are refused, and the session goes on.
///
/// A limit that is lowered below the present number removes nothing: paths are refused until enough have gone.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct PathLimits {
    /// Most paths that are kept in the Adj-RIB-In, rejected ones included. Further ones are only counted, so the peer has to
    /// announce them again when there is room. `None` for any number.
    pub received: Option<u32>,
    /// Most paths that import accepts. Further ones are kept in the Adj-RIB-In and accepted when there is room. `None` for
    /// any number.
    pub accepted: Option<u32>,
}

impl PathLimits {
    /// Whether a peer with this number of received paths may not have another one.
    pub(crate) fn are_received_full(self, received: usize) -> bool {
        self.received.is_some_and(|most| received >= most as usize)
    }

    /// Whether a peer with this number of accepted paths may not have another one.
    pub(crate) fn are_accepted_full(self, accepted: usize) -> bool {
        self.accepted.is_some_and(|most| accepted >= most as usize)
    }
}
