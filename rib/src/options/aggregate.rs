//! Options of aggregates.

use std::num::NonZeroU32;

use margay_filter::FilterChain;
use margay_forwarding::Discard;
use serde::{Deserialize, Serialize};

/// A prefix that is originated while enough routes inside it are in use (RFC 4271 §9.2.2.2).
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct AggregateOptions {
    /// The best routes inside the prefix that contribute are those that these filters accept.
    pub contributors: FilterChain,
    /// How many have to contribute.
    pub least: NonZeroU32,
    /// What the forwarding table does with packets that match no more specific route; `None` leaves the prefix alone.
    pub hold: Option<Discard>,
    /// The operator's mark, which filters read.
    pub tag: Option<u32>,
}
