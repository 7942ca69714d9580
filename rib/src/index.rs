//! The numbers that name things in the Rib.

use bgp_codec::PathId;
use serde::{Deserialize, Serialize};

/// Names a peer's session in the Rib. A peer that comes back is given another one, so that nothing of the former
/// session is taken for the new one's.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub struct PeerIndex(pub(crate) u32);

impl PeerIndex {
    /// The source of the routes that this speaker originates.
    pub const LOCAL: Self = Self(0);

    /// The number, for recordings and logs.
    #[must_use]
    pub fn to_u32(self) -> u32 {
        self.0
    }

    /// The index with a number that was written down.
    #[must_use]
    pub fn from_u32(number: u32) -> Self {
        Self(number)
    }
}

/// Names a source of paths. An entry has at most one path of each source.
///
/// A number is used again when no path of its source is left. So it separates the paths to a prefix, at any one time
/// and for as long as each lives, and serves as path id towards peers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct SourceIndex(pub(crate) u32);

impl SourceIndex {
    /// The source of the routes that this speaker originates.
    pub(crate) const LOCAL: Self = Self(0);
    /// The source of the routes that the kernel has and this speaker announces.
    pub(crate) const KERNEL: Self = Self(1);

    /// The lowest number that there may be.
    pub(crate) const FIRST: Self = Self(0);
    /// The highest number that there may be.
    pub(crate) const LAST: Self = Self(u32::MAX);

    /// The path id towards peers that take several paths. Never zero, which some implementations take for none.
    pub(crate) fn exported_path_id(self) -> PathId {
        PathId(self.0.wrapping_add(1))
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Names an entry of a [`Table`]. It stays the same as long as the prefix has a path or anything pins it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct EntryIndex(pub(crate) u32);

impl EntryIndex {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Names an export group. Numbers are not used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct GroupId(pub(crate) u64);

/// Names a slot of a log: a table entry's number, or that of a path where a group is sent several.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct SlotIndex(pub(crate) u32);

impl SlotIndex {
    pub(crate) fn of(index: usize) -> Self {
        Self(u32::try_from(index).expect("memory ends long before the slot numbers"))
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
