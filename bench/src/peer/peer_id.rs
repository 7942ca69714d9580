//! The number of a peer.

/// Names one of [`Peers`](super::Peers): numbered from 0 in the order of their creation.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct PeerId(pub(super) usize);

impl PeerId {
    /// The peer with this number.
    #[cfg(test)]
    pub(crate) fn new(index: usize) -> Self {
        Self(index)
    }

    /// The number.
    pub(crate) fn index(self) -> usize {
        self.0
    }
}
