//! Reduction of failing cases.

use crate::run::Case;

/// Returns a case that still fails, but does not if any one of its events or nodes is left out. `on_progress`
/// is called with each smaller case found.
pub fn shrink(case: &Case, fails: impl Fn(&Case) -> bool, on_progress: impl FnMut(&Case)) -> Case {
    let (nodes, events) = case.draw();
    let mut shrinking = Shrinking { smallest: case.clone(), fails, on_progress };
    // Halves first, then quarters, down to single events.
    let mut size = events.len().div_ceil(2);
    while size > 1 {
        for start in (0..events.len()).step_by(size) {
            let several = start..(start + size).min(events.len());
            shrinking.without(|smaller| smaller.without_events.extend(several.clone()));
        }
        size = size.div_ceil(2);
    }
    // The remaining events may need less than before.
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

struct Shrinking<F, P> {
    smallest: Case,
    fails: F,
    on_progress: P,
}

impl<F: Fn(&Case) -> bool, P: FnMut(&Case)> Shrinking<F, P> {
    /// Leaves something out, if that leaves less, and the case still fails.
    fn without(&mut self, leave_out: impl FnOnce(&mut Case)) {
        let mut smaller = self.smallest.clone();
        leave_out(&mut smaller);
        let is_smaller = smaller.size() != self.smallest.size();
        if is_smaller && (self.fails)(&smaller) {
            (self.on_progress)(&smaller);
            self.smallest = smaller;
        }
    }
}
