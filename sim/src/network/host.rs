//! A host of the network.

/// A host, by number.
pub(crate) type Host = usize;

/// What a host does with packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Power {
    /// It accepts them; without a daemon it refuses connections.
    On,
    /// It is without power, and does not answer.
    Off,
}
