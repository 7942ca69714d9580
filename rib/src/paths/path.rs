//! One candidate for a prefix, and the list of candidates of an entry.

use std::fmt;

use thin_vec::{ThinVec, thin_vec};

use crate::attributes::AttributeHandle;
use crate::index::SourceIndex;

/// One candidate for a prefix: its source, the attributes as announced, and the result of import.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Path {
    pub(crate) source: SourceIndex,
    /// As the peer sent it (Adj-RIB-In).
    pub(crate) received: AttributeHandle,
    pub(crate) import: ImportOutcome,
}

/// Why a received path must not be used.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ImportRefusal {
    /// The path already went through this autonomous system (RFC 4271 §9.1.2).
    AsPathLoop,
    /// This speaker originated the route (RFC 4456 §8).
    OriginatorLoop,
    /// The path already went through this cluster (RFC 4456 §8).
    ClusterListLoop,
    /// The next hop is this speaker's own address (RFC 4271 §5.1.3).
    NextHopIsOwn,
    /// An import filter of the peer rejected it.
    Filter,
    /// Packets to the destination must not be forwarded (RFC 4271 §6.3).
    MartianDestination,
    /// The destination is this speaker's own address on the session.
    DestinationIsOwn,
    /// The next hop is a loopback or multicast address.
    MartianNextHop,
    /// The path must not be kept for long after its owner has gone (RFC 9494 §4.2).
    NoLongLived,
    /// The first AS of the path is not that of the peer (RFC 4271 §6.3).
    ForeignFirstAs,
    /// The path has an AS_SET (RFC 9774).
    AsSet,
    /// As many paths of the peer are accepted as its limit allows.
    OverLimit,
    /// The peer is external and has no import filters (RFC 8212).
    NoFilters,
    /// Its ONLY_TO_CUSTOMER says that a peer in this role must not have announced it (RFC 9234 §5).
    RouteLeak,
}

impl ImportRefusal {
    /// Whether the route should not have been announced, which operators should know.
    pub(crate) fn is_noteworthy(self) -> bool {
        match self {
            Self::MartianDestination | Self::DestinationIsOwn | Self::MartianNextHop | Self::RouteLeak => {
                true
            }
            Self::AsPathLoop
            | Self::OriginatorLoop
            | Self::ClusterListLoop
            | Self::NextHopIsOwn
            | Self::Filter
            | Self::NoLongLived
            | Self::ForeignFirstAs
            | Self::AsSet
            | Self::OverLimit
            | Self::NoFilters => false,
        }
    }
}

impl fmt::Display for ImportRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsPathLoop => "the AS path holds our own AS",
            Self::OriginatorLoop => "ORIGINATOR_ID is our own identifier",
            Self::ClusterListLoop => "CLUSTER_LIST holds our own cluster",
            Self::NextHopIsOwn => "the next hop is our own address",
            Self::Filter => "rejected by an import filter",
            Self::MartianDestination => "packets to such addresses are never forwarded",
            Self::DestinationIsOwn => "the destination is our own address",
            Self::MartianNextHop => "the next hop is a loopback or multicast address",
            Self::NoLongLived => "community no-llgr, and its peer has not come back from its restart",
            Self::ForeignFirstAs => "the first AS of the path is not the peer's",
            Self::AsSet => "the AS path has an AS_SET",
            Self::OverLimit => "as many prefixes of the peer are accepted as its limit allows",
            Self::NoFilters => "the external peer has no import filters (RFC 8212)",
            Self::RouteLeak => {
                "it has leaked: this peer must not announce routes with ONLY_TO_CUSTOMER (RFC 9234)"
            }
        })
    }
}

/// Result of import in the four octets of a handle: the handle after import, or the reason for the refusal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ImportOutcome(u32);

/// In the order of their codes above [`AttributeHandle::MAX`].
const REFUSALS: [ImportRefusal; 14] = [
    ImportRefusal::AsPathLoop,
    ImportRefusal::OriginatorLoop,
    ImportRefusal::ClusterListLoop,
    ImportRefusal::NextHopIsOwn,
    ImportRefusal::Filter,
    ImportRefusal::MartianDestination,
    ImportRefusal::DestinationIsOwn,
    ImportRefusal::MartianNextHop,
    ImportRefusal::NoLongLived,
    ImportRefusal::ForeignFirstAs,
    ImportRefusal::AsSet,
    ImportRefusal::OverLimit,
    ImportRefusal::NoFilters,
    ImportRefusal::RouteLeak,
];

impl ImportOutcome {
    pub(crate) fn accepted(handle: AttributeHandle) -> Self {
        Self(handle.raw())
    }

    pub(crate) fn refused(refusal: ImportRefusal) -> Self {
        let code = (0u32..).zip(REFUSALS).find(|&(_, known)| known == refusal).map_or(0, |(code, _)| code);
        Self(AttributeHandle::MAX + 1 + code)
    }

    /// The attributes after import, if the path was accepted.
    pub(crate) fn handle(self) -> Option<AttributeHandle> {
        AttributeHandle::from_raw(self.0)
    }

    pub(crate) fn result(self) -> Result<AttributeHandle, ImportRefusal> {
        match self.handle() {
            Some(handle) => Ok(handle),
            None => Err(REFUSALS[(self.0 - AttributeHandle::MAX - 1) as usize]),
        }
    }
}

/// A shorter list keeps its memory until only one path is left.
const SHRINKING: usize = 64;

/// The paths of one prefix, each of another source. Nearly always there is one, which needs no memory of its
/// own.
#[derive(Debug, Default)]
pub(crate) enum Paths {
    #[default]
    Empty,
    One(Path),
    Many(ThinVec<Path>),
}

impl Paths {
    pub(crate) fn as_slice(&self) -> &[Path] {
        match self {
            Self::Empty => &[],
            Self::One(path) => std::slice::from_ref(path),
            Self::Many(paths) => paths,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Position of the path of this source. A linear search.
    pub(crate) fn position(&self, source: SourceIndex) -> Option<usize> {
        self.as_slice().iter().position(|path| path.source == source)
    }

    /// Appends a path of another source.
    pub(crate) fn push(&mut self, path: Path) {
        match self {
            Self::Empty => *self = Self::One(path),
            Self::One(other) => *self = Self::Many(thin_vec![*other, path]),
            Self::Many(paths) => paths.push(path),
        }
    }

    /// Replaces a path by another one of the same source, and returns the former one.
    ///
    /// # Panics
    ///
    /// Panics if there is no path at this position.
    pub(crate) fn replace(&mut self, position: usize, path: Path) -> Path {
        let paths = match self {
            Self::Empty => &mut [],
            Self::One(only) => std::slice::from_mut(only),
            Self::Many(paths) => paths.as_mut_slice(),
        };
        std::mem::replace(&mut paths[position], path)
    }

    /// Removes a path. The last path takes its position.
    ///
    /// # Panics
    ///
    /// Panics if there is no path at this position.
    pub(crate) fn swap_remove(&mut self, position: usize) -> Path {
        match self {
            Self::Empty => panic!("there is no path"),
            Self::One(path) => {
                let path = *path;
                *self = Self::Empty;
                path
            }
            Self::Many(paths) => {
                let removed = paths.swap_remove(position);
                if let [last] = paths.as_slice() {
                    *self = Self::One(*last);
                } else if paths.len() >= SHRINKING && paths.len() * 4 < paths.capacity() {
                    let half = paths.capacity() / 2;
                    let mut shorter = ThinVec::with_capacity(half);
                    shorter.extend_from_slice(paths);
                    *paths = shorter;
                }
                removed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(source: u32, handle: u32) -> Path {
        let handle = AttributeHandle::from_raw(handle).expect("small");
        Path { source: SourceIndex(source), received: handle, import: ImportOutcome::accepted(handle) }
    }

    #[test]
    fn a_path_is_twelve_octets_and_the_list_two_words() {
        assert_eq!((size_of::<Path>(), size_of::<Paths>()), (12, 16));
    }

    #[test]
    fn an_outcome_remembers_every_refusal() {
        for refusal in REFUSALS {
            assert_eq!(ImportOutcome::refused(refusal).result(), Err(refusal));
        }
        let handle = AttributeHandle::from_raw(AttributeHandle::MAX).expect("the highest handle");
        assert_eq!(ImportOutcome::accepted(handle).result(), Ok(handle));
    }

    #[test]
    fn the_last_path_takes_the_place_of_one_that_goes() {
        let mut paths = Paths::default();
        paths.push(path(1, 7));
        assert_eq!(paths.replace(0, path(1, 8)), path(1, 7));
        paths.push(path(2, 9));
        paths.push(path(3, 9));
        assert_eq!(paths.as_slice(), [path(1, 8), path(2, 9), path(3, 9)]);
        assert_eq!(paths.replace(1, path(2, 5)), path(2, 9));
        assert_eq!([2, 4].map(|source| paths.position(SourceIndex(source))), [Some(1), None]);
        assert_eq!(paths.swap_remove(0), path(1, 8));
        assert_eq!(paths.as_slice(), [path(3, 9), path(2, 5)], "the last one moved");
        assert_eq!(paths.swap_remove(1), path(2, 5));
        assert!(matches!(paths, Paths::One(_)));
        assert_eq!(paths.swap_remove(0), path(3, 9));
        assert!(paths.as_slice().is_empty());
    }

    #[test]
    fn memory_goes_back_when_most_paths_are_gone() {
        let mut paths = Paths::default();
        (0..10_000).for_each(|source| paths.push(path(source, 1)));
        for _ in 0..9_900 {
            paths.swap_remove(0);
        }
        let Paths::Many(left) = &paths else { panic!("{paths:?}") };
        assert_eq!((left.len(), left.capacity() < 1000), (100, true));
    }
}
