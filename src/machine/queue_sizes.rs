//! Memory limits of the queues towards and from the speaker.

/// Memory limits of queues.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QueueSizes {
    /// For inputs to the speaker.
    pub inputs_octets: u32,
    /// For routes on one connection, except for one further batch.
    pub routes_octets: usize,
}

impl QueueSizes {
    /// Large enough that tasks rarely wait.
    pub const USUAL: Self = Self { inputs_octets: 8 << 20, routes_octets: 256 * 1024 };
}
