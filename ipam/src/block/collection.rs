//! Collecting addresses that have rested long enough after their release, and attributes that nothing uses.

use margay_cluster::ipam::AllocationAttributes;

use super::AddressBlock;
use crate::wall_time::WallTime;

impl AddressBlock {
    /// Makes released addresses free that have rested for `cooldown_seconds`, at the end of the list of free ones, and removes unused
    /// attributes. Returns true when the block has changed.
    ///
    /// A time of release that cannot be read counts as long ago.
    pub fn collect(&mut self, now: WallTime, cooldown_seconds: u32) -> bool {
        let rested: Vec<bool> = self
            .0
            .attributes
            .iter()
            .map(|attributes| has_rested(attributes, now, cooldown_seconds))
            .collect();
        let mut has_changed = false;
        for (ordinal, slot) in self.0.allocations.iter_mut().enumerate() {
            if slot.is_some_and(|index| rested.get(index) == Some(&true)) {
                *slot = None;
                self.0.unallocated.push(ordinal);
                has_changed = true;
            }
        }
        self.remove_unused_attributes() || has_changed
    }

    fn remove_unused_attributes(&mut self) -> bool {
        let mut is_used = vec![false; self.0.attributes.len()];
        for index in self.0.allocations.iter().flatten() {
            if let Some(used) = is_used.get_mut(*index) {
                *used = true;
            }
        }
        if is_used.iter().all(|used| *used) {
            return false;
        }
        let mut next = 0..;
        let new_index: Vec<Option<usize>> =
            is_used.iter().map(|&used| if used { next.next() } else { None }).collect();
        for slot in &mut self.0.allocations {
            *slot = slot.and_then(|index| new_index.get(index).copied().flatten());
        }
        let mut used = is_used.into_iter();
        self.0.attributes.retain(|_| used.next().unwrap_or(true));
        true
    }
}

fn has_rested(attributes: &AllocationAttributes, now: WallTime, cooldown_seconds: u32) -> bool {
    let Some(released_at) = &attributes.released_at else { return false };
    released_at.parse().map_or(true, |released: WallTime| {
        cooldown_seconds == 0 || released.plus_seconds(cooldown_seconds) <= now
    })
}
