//! The next hop objects for which a request may be due, in the order in which the kernel needs the requests.

use std::collections::{BTreeSet, HashSet};

use super::held_objects::HeldObjects;
use crate::netlink::{ObjectContent, ObjectRequest};

/// See the [module](self).
#[derive(Default)]
pub(crate) struct DueObjects {
    /// Objects whose state may differ from what is wanted.
    dirty: BTreeSet<u32>,
    /// Objects for which a request is due, by the turn of its kind.
    due: [BTreeSet<u32>; TURNS],
    /// Objects in the batch that is being planned.
    in_batch: HashSet<u32>,
}

impl DueObjects {
    /// Schedules an object for comparison.
    pub(crate) fn add(&mut self, number: u32) {
        self.dirty.insert(number);
    }

    /// Schedules objects for comparison.
    pub(crate) fn extend(&mut self, numbers: impl IntoIterator<Item = u32>) {
        self.dirty.extend(numbers);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.dirty.is_empty() && self.due.iter().all(BTreeSet::is_empty)
    }

    /// Starts the planning of a batch.
    pub(crate) fn begin_batch(&mut self) {
        self.in_batch.clear();
    }

    /// Whether the batch that is being planned creates or changes the object.
    pub(crate) fn is_in_batch(&self, number: u32) -> bool {
        self.in_batch.contains(&number)
    }

    /// The next request. `request` returns the one that an object needs.
    pub(crate) fn poll(
        &mut self,
        held: &HeldObjects,
        request: impl Fn(u32) -> Option<ObjectRequest>,
    ) -> Option<(u32, ObjectRequest)> {
        for number in std::mem::take(&mut self.dirty) {
            for numbers in &mut self.due {
                numbers.remove(&number);
            }
            if let Some(request) = request(number) {
                self.due[turn(number, &request, held)].insert(number);
            }
        }
        loop {
            let first = self.due.iter().position(|numbers| !numbers.is_empty())?;
            let number = self.due[first].pop_first()?;
            let Some(request) = request(number) else { continue };
            let turn = turn(number, &request, held);
            if turn != first {
                self.due[turn].insert(number);
                continue;
            }
            if request != ObjectRequest::Remove {
                self.in_batch.insert(number);
            }
            return Some((number, request));
        }
    }
}

fn turn(number: u32, request: &ObjectRequest, held: &HeldObjects) -> usize {
    match request {
        ObjectRequest::Create(ObjectContent::Hop { .. })
        | ObjectRequest::Replace(ObjectContent::Hop { .. }) => 0,
        ObjectRequest::Create(ObjectContent::Group(_)) | ObjectRequest::Replace(ObjectContent::Group(_)) => 1,
        ObjectRequest::Remove if held.is_group(number) => 2,
        ObjectRequest::Remove => 3,
    }
}

/// Hops are created, groups are created, groups are removed, hops are removed.
const TURNS: usize = 4;
