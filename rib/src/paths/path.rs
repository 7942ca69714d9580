//! One candidate for a prefix, and the list of them that an entry keeps.

use std::fmt;

use thin_vec::{ThinVec, thin_vec};

use crate::attributes::AttributeHandle;
use crate::index::SourceIndex;

/// One candidate for a prefix: who announced it, what was announced, and what import made of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Path {
    pub(crate) source: SourceIndex,
    /// As the peer sent it (Adj-RIB-In).
    pub(crate) received: AttributeHandle,
    pub(crate) import: ImportOutcome,
}

/// Why a received path may not be used.
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
}

impl fmt::Display for ImportRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsPathLoop => "the AS path holds our own AS",
            Self::OriginatorLoop => "ORIGINATOR_ID is our own identifier",
            Self::ClusterListLoop => "CLUSTER_LIST holds our own cluster",
            Self::NextHopIsOwn => "the next hop is our own address",
            Self::Filter => "rejected by an import filter",
        })
    }
}

/// What import made of a path, in the four octets of a handle: the handle after import, or why there is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ImportOutcome(u32);

/// In the order of their codes above [`AttributeHandle::MAX`].
const REFUSALS: [ImportRefusal; 5] = [
    ImportRefusal::AsPathLoop,
    ImportRefusal::OriginatorLoop,
    ImportRefusal::ClusterListLoop,
    ImportRefusal::NextHopIsOwn,
    ImportRefusal::Filter,
];

impl ImportOutcome {
    pub(crate) fn accepted(handle: AttributeHandle) -> Self {
        Self(handle.raw())
    }

    pub(crate) fn refused(refusal: ImportRefusal) -> Self {
        let code = (0u32..).zip(REFUSALS).find(|&(_, known)| known == refusal).map_or(0, |(code, _)| code);
        Self(AttributeHandle::MAX + 1 + code)
    }

    /// The attributes after import, when the path was accepted.
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

/// The paths of one prefix, each of another source: nearly always one, which then needs no memory of its own.
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

    /// The path of this source.
    pub(crate) fn find(&self, source: SourceIndex) -> Option<&Path> {
        self.as_slice().iter().find(|path| path.source == source)
    }

    /// Puts `path` in the place of the one of its source, which is handed back, or adds it at the end.
    pub(crate) fn upsert(&mut self, path: Path) -> Option<Path> {
        let same = |old: &Path| old.source == path.source;
        match self {
            Self::Empty => {
                *self = Self::One(path);
                None
            }
            Self::One(old) if same(old) => Some(std::mem::replace(old, path)),
            Self::One(old) => {
                *self = Self::Many(thin_vec![*old, path]);
                None
            }
            Self::Many(paths) => match paths.iter_mut().find(|old| same(old)) {
                Some(old) => Some(std::mem::replace(old, path)),
                None => {
                    paths.push(path);
                    None
                }
            },
        }
    }

    /// Takes the path of this source out. Answers with it and where it was; the last path is there now.
    pub(crate) fn remove(&mut self, source: SourceIndex) -> Option<(Path, usize)> {
        let position = self.as_slice().iter().position(|path| path.source == source)?;
        match self {
            Self::Empty => None,
            Self::One(path) => {
                let path = *path;
                *self = Self::Empty;
                Some((path, position))
            }
            Self::Many(paths) => {
                let removed = paths.swap_remove(position);
                if let [last] = paths.as_slice() {
                    *self = Self::One(*last);
                }
                Some((removed, position))
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
    fn upsert_replaces_only_the_same_source() {
        let mut paths = Paths::default();
        assert_eq!(paths.upsert(path(1, 7)), None);
        assert_eq!(paths.upsert(path(1, 8)), Some(path(1, 7)));
        assert_eq!(paths.upsert(path(2, 9)), None);
        assert_eq!(paths.upsert(path(3, 9)), None);
        assert_eq!(paths.as_slice(), [path(1, 8), path(2, 9), path(3, 9)]);
        assert_eq!(paths.find(SourceIndex(2)), Some(&path(2, 9)));
        assert_eq!(paths.remove(SourceIndex(4)), None);
        assert_eq!(paths.remove(SourceIndex(1)), Some((path(1, 8), 0)));
        assert_eq!(paths.as_slice(), [path(3, 9), path(2, 9)], "the last one moved");
        assert_eq!(paths.remove(SourceIndex(2)), Some((path(2, 9), 1)));
        assert!(matches!(paths, Paths::One(_)));
        assert_eq!(paths.remove(SourceIndex(3)), Some((path(3, 9), 0)));
        assert!(paths.as_slice().is_empty());
    }
}
