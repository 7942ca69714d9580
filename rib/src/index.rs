//! Indexes that name the things in a Rib.

use bgp_codec::PathId;
use serde::{Deserialize, Serialize};

/// Names a peer's session in the Rib. A peer that comes back gets another one, so that nothing of the former
/// session is attributed to the new one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub struct PeerIndex(pub(crate) u32);

impl PeerIndex {
    /// The source of the routes that this speaker originates.
    pub const LOCAL: Self = Self(0);

    /// The number, for recordings and log lines.
    #[must_use]
    pub fn to_u32(self) -> u32 {
        self.0
    }

    /// The index with a recorded number.
    #[must_use]
    pub fn from_u32(number: u32) -> Self {
        Self(number)
    }
}

/// Names a source of paths. An entry has at most one path of each source.
///
/// A number is reused once its source has no paths left. So it distinguishes the paths to a prefix at any one
/// time, and throughout the life of each, which allows it to serve as path identifier towards peers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct SourceIndex(pub(crate) u32);

impl SourceIndex {
    /// The source of the routes that this speaker originates.
    pub(crate) const LOCAL: Self = Self(0);
    /// The source of the routes that the kernel has and this speaker announces.
    pub(crate) const KERNEL: Self = Self(1);

    /// The lowest number.
    pub(crate) const FIRST: Self = Self(0);
    /// The highest number.
    pub(crate) const LAST: Self = Self(u32::MAX);

    /// Whether it is the source of networks or of kernel routes, which the speaker always has.
    pub(crate) fn is_permanent(self) -> bool {
        self == Self::LOCAL || self == Self::KERNEL
    }

    /// The path identifier towards peers that receive several paths. Never zero, which some implementations
    /// treat as absent.
    pub(crate) fn exported_path_id(self) -> PathId {
        PathId(self.0.wrapping_add(1))
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Names an entry of a [`Table`]. It is stable as long as the prefix has a path or anything pins it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct EntryIndex(pub(crate) u32);

impl EntryIndex {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Names an export group. Numbers are not reused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct GroupId(pub(crate) u64);

/// Names a slot of a log: the number of a table entry, or of a path in a group that is sent several.
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
