//! What is wanted: the paths of routes, and the next hop objects that they refer to.

mod due_objects;
mod held_objects;
mod object_ledger;
mod paths;
mod resolution;
mod tracked_hops;
mod workshop;

pub(crate) use self::object_ledger::{ObjectLedger, ObjectMeaning, group_content};
pub(crate) use self::paths::Paths;
pub(crate) use self::resolution::Resolution;
pub(crate) use self::workshop::Workshop;
