//! Encoded parts of a group's log, kept for members that have not reached them yet.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::slice::Slice;

/// Slices by start position. When they exceed the limit, the least recently used one is dropped first.
#[derive(Debug, Default)]
pub(crate) struct SliceCache {
    by_start: BTreeMap<u32, Kept>,
    /// Start positions by last use.
    by_use: BTreeMap<u64, u32>,
    /// Number of uses so far: the clock of `by_use`.
    uses: u64,
    octets: usize,
}

#[derive(Debug)]
struct Kept {
    slice: Slice,
    used: u64,
}

/// Octets of encoded slices that one group keeps. This exceeds a full table, so that the table is encoded
/// once for any number of members at any positions. When all of them are up to date, nothing is kept.
const MOST_OCTETS: usize = 32 << 20;

/// Octets that a group may keep with any number of groups.
const LEAST_OCTETS: usize = 4 << 20;

/// A full table takes some 800 slices. While one member is stuck, every change makes a slice of its own.
const MOST_SLICES: usize = 4096;

/// Octets of slices that each group may keep when there are this many groups.
pub(crate) fn room(groups: usize) -> usize {
    (MOST_OCTETS / groups.max(1)).max(LEAST_OCTETS)
}

impl SliceCache {
    /// The slice that starts at a position, marked as just used.
    pub(crate) fn find(&mut self, start: u32) -> Option<&Slice> {
        let kept = self.by_start.get_mut(&start)?;
        // Members are usually at the same position as the previous one.
        if kept.used != self.uses {
            self.by_use.remove(&kept.used);
            self.uses += 1;
            kept.used = self.uses;
            self.by_use.insert(self.uses, start);
        }
        Some(&kept.slice)
    }

    /// Keeps a slice that has just been used, whatever its size, and as many others as fit into `room`
    /// octets.
    pub(crate) fn keep(&mut self, slice: Slice, room: usize) -> &Slice {
        let start = slice.start;
        self.forget(start);
        self.uses += 1;
        self.octets += slice.octets();
        while (self.octets > room || self.by_start.len() >= MOST_SLICES)
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.forget(oldest);
        }
        self.by_use.insert(self.uses, start);
        &self.by_start.entry(start).or_insert(Kept { slice, used: self.uses }).slice
    }

    /// Drops all slices.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Drops the slices that start before a position.
    pub(crate) fn forget_before(&mut self, position: u32) {
        while let Some(&first) = self.by_start.keys().next().filter(|&&first| first < position) {
            self.forget(first);
        }
    }

    /// Drops the slices that cover any of these positions.
    pub(crate) fn forget_over(&mut self, positions: &RangeInclusive<u32>) {
        let before_end = self.by_start.range(..=positions.end());
        let over = before_end.filter(|(_, kept)| kept.slice.end >= *positions.start());
        let starts: Vec<u32> = over.map(|(&start, _)| start).collect();
        for start in starts {
            self.forget(start);
        }
    }

    fn forget(&mut self, start: u32) {
        if let Some(Kept { slice, used }) = self.by_start.remove(&start) {
            self.by_use.remove(&used);
            self.octets -= slice.octets();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn slice(start: u32, end: u32, octets: usize) -> Slice {
        Slice::new(start, end).with_octets(Bytes::from(vec![0; octets]))
    }

    fn starts(cache: &SliceCache) -> Vec<u32> {
        assert_eq!(cache.by_use.len(), cache.by_start.len());
        assert_eq!(cache.octets, cache.by_start.values().map(|kept| kept.slice.octets()).sum::<usize>());
        cache.by_start.keys().copied().collect()
    }

    #[test]
    fn what_was_used_the_longest_ago_makes_room() {
        let mut cache = SliceCache::default();
        let keep = |cache: &mut SliceCache, start, end, octets| {
            cache.keep(slice(start, end, octets), 30);
        };
        for start in [0, 10, 20] {
            keep(&mut cache, start, start + 10, 10);
        }
        let used = cache.find(0).unwrap();
        assert_eq!((used.start, used.end), (0, 10));
        assert!(cache.find(5).is_none());
        keep(&mut cache, 30, 40, 10);
        assert_eq!(starts(&cache), [0, 20, 30]);
        keep(&mut cache, 30, 35, 10);
        assert_eq!(starts(&cache), [0, 20, 30], "it takes the place of the one that started there");
        keep(&mut cache, 40, 50, 31);
        assert_eq!(starts(&cache), [40], "for it is being used");
    }

    #[test]
    fn slices_are_few_however_small_they_are() {
        let mut cache = SliceCache::default();
        let last = u32::try_from(3 * MOST_SLICES).unwrap();
        for start in 0..last {
            cache.keep(slice(start, start + 1, 1), MOST_OCTETS);
        }
        let kept = starts(&cache);
        assert_eq!(kept.len(), MOST_SLICES);
        assert_eq!(kept.last(), Some(&(last - 1)), "the newest");
    }

    #[test]
    fn many_groups_share_the_room_and_each_has_some() {
        assert_eq!([0, 1, 4, 1000].map(room), [32 << 20, 32 << 20, 8 << 20, 4 << 20]);
    }

    #[test]
    fn what_is_void_is_forgotten() {
        let mut cache = SliceCache::default();
        for start in [0, 10, 20, 30] {
            cache.keep(slice(start, start + 10, 1), 30);
        }
        cache.forget_before(10);
        assert_eq!(starts(&cache), [10, 20, 30]);
        cache.forget_over(&(31..=99));
        assert_eq!(starts(&cache), [10, 20]);
        cache.forget_over(&(0..=9));
        assert_eq!(starts(&cache), [10, 20]);
        cache.forget_over(&(20..=20));
        assert_eq!(starts(&cache), [0; 0], "the end of one and the start of the other");
    }
}
