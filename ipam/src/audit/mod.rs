//! A check of all address management of a datastore: what contradicts itself, what is in use without being given out, what is given
//! out without being in use.

mod checks;
mod finding;
mod snapshot;

pub use self::finding::{Finding, Kind};
pub use self::snapshot::{AddressUser, Snapshot};

/// Everything that is wrong in a snapshot, in the order of the values that it concerns.
#[must_use]
pub fn audit(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = snapshot.unreadable.clone();
    checks::check_blocks(snapshot, &mut findings);
    checks::check_affinities(snapshot, &mut findings);
    checks::check_handles(snapshot, &mut findings);
    checks::check_users(snapshot, &mut findings);
    findings
}
