//! Leaving out what a failure does not need.

use crate::run::{Case, Keep};

/// The smallest case that fails still, as far as leaving out one part after the other finds it. `on_progress` is told of
/// each that is smaller.
pub fn shrink(case: &Case, mut on_progress: impl FnMut(&Case)) -> Case {
    let fails = |case: &Case| !case.run(Keep::default()).faults.is_empty();
    let (nodes, events) = case.draw();
    let mut smallest = case.clone();
    // Halves first, then quarters, down to single events.
    let mut size = events.len().div_ceil(2).max(1);
    loop {
        for start in (0..events.len()).step_by(size) {
            let mut smaller = smallest.clone();
            smaller.without_events.extend(start..(start + size).min(events.len()));
            if smaller != smallest && fails(&smaller) {
                on_progress(&smaller);
                smallest = smaller;
            }
        }
        if size == 1 {
            break;
        }
        size = size.div_ceil(2);
    }
    for node in (0..nodes.len()).rev() {
        let mut smaller = smallest.clone();
        smaller.without_nodes.insert(node);
        if fails(&smaller) {
            on_progress(&smaller);
            smallest = smaller;
        }
    }
    smallest
}
