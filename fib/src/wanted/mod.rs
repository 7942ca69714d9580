//! What is wanted: the paths of routes, and the next hop objects that they refer to.

mod object_ledger;
mod paths;
mod resolution;

pub(crate) use self::object_ledger::{ObjectLedger, ObjectMeaning, group_content};
pub(crate) use self::paths::{Paths, Workshop};
pub(crate) use self::resolution::Resolution;
