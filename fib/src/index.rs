//! Indexes that name things.

/// Names an entry as long as a route is wanted or held there, or it waits to be compared.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EntryId(pub(crate) u32);

/// Names a route without its destination: two routes of a prefix are equal exactly when these are.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ShapeId(pub(crate) u32);

/// Names a forwarding that is wanted at some prefix.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct PathId(pub(crate) u32);

impl ShapeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
