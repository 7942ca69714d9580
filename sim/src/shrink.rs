//! Leaving out what a failure does not need.

use crate::run::{Case, Keep};

/// A case that fails still, and none of whose events and nodes can be left out without that it does not. `on_progress` is
/// told of each smaller one on the way.
pub fn shrink(case: &Case, on_progress: impl FnMut(&Case)) -> Case {
    let (nodes, events) = case.draw();
    let mut shrinking = Shrinking { smallest: case.clone(), on_progress };
    // Halves first, then quarters, down to single events.
    let mut size = events.len().div_ceil(2);
    while size > 1 {
        for start in (0..events.len()).step_by(size) {
            let several = start..(start + size).min(events.len());
            shrinking.without(|smaller| smaller.without_events.extend(several.clone()));
        }
        size = size.div_ceil(2);
    }
    // What is left of the others may need less than before.
    loop {
        let before = shrinking.smallest.size();
        for node in (0..nodes.len()).rev() {
            shrinking.without(|smaller| smaller.without_nodes.extend([node]));
        }
        for event in 0..events.len() {
            shrinking.without(|smaller| smaller.without_events.extend([event]));
        }
        if shrinking.smallest.size() == before {
            return shrinking.smallest;
        }
    }
}

struct Shrinking<F> {
    smallest: Case,
    on_progress: F,
}

impl<F: FnMut(&Case)> Shrinking<F> {
    /// Leaves something out, if that leaves less, and the case still fails.
    fn without(&mut self, leave_out: impl FnOnce(&mut Case)) {
        let mut smaller = self.smallest.clone();
        leave_out(&mut smaller);
        let is_smaller = smaller.size() != self.smallest.size();
        if is_smaller && !smaller.run(Keep::default()).faults.is_empty() {
            (self.on_progress)(&smaller);
            self.smallest = smaller;
        }
    }
}
