//! A client's Adj-RIB-In as bits.

use std::ops::Range;

use bgp_codec::Ipv4Prefix;
use foldhash::HashSet;

use super::route_change::{Mask, RouteChange};

/// Which routes a client holds as expected, and which in another form.
///
/// Its own routes are excluded: a client ignores a route with its identifier as ORIGINATOR_ID (RFC 4456 §8).
#[derive(Debug)]
pub(super) struct ClientRib {
    right: Vec<u64>,
    wrong: Vec<u64>,
    foreign: HashSet<Ipv4Prefix>,
    own: Range<usize>,
    right_count: usize,
    wrong_count: usize,
}

impl ClientRib {
    /// Holds none of `routes` routes, of which the given ones are its own.
    pub(super) fn new(routes: usize, own: Range<usize>) -> Self {
        let empty = vec![0; routes.div_ceil(64)];
        Self {
            right: empty.clone(),
            wrong: empty,
            foreign: HashSet::default(),
            own,
            right_count: 0,
            wrong_count: 0,
        }
    }

    /// Applies an UPDATE.
    pub(super) fn apply(&mut self, change: &RouteChange) {
        for &mask in &change.withdrawn {
            let others = self.without_own(mask);
            self.right_count -= clear(&mut self.right, others);
            self.wrong_count -= clear(&mut self.wrong, others);
        }
        for prefix in &change.foreign_withdrawn {
            self.foreign.remove(prefix);
        }
        for &mask in &change.right {
            let others = self.without_own(mask);
            self.right_count += set(&mut self.right, others);
            if self.wrong_count > 0 {
                self.wrong_count -= clear(&mut self.wrong, others);
            }
        }
        for &mask in &change.wrong {
            let others = self.without_own(mask);
            self.wrong_count += set(&mut self.wrong, others);
            self.right_count -= clear(&mut self.right, others);
        }
        self.foreign.extend(&change.foreign);
    }

    /// Whether it holds all routes of the others as expected, and nothing else.
    pub(super) fn is_complete(&self, routes: usize) -> bool {
        self.right_count == routes - self.own.len() && self.wrong_count == 0 && self.foreign.is_empty()
    }

    /// Number of routes that it holds as expected.
    pub(super) fn right_count(&self) -> usize {
        self.right_count
    }

    /// Number of routes that it holds in another form.
    pub(super) fn wrong_count(&self) -> usize {
        self.wrong_count + self.foreign.len()
    }

    fn without_own(&self, mask: Mask) -> Mask {
        let first = mask.word * 64;
        let from = self.own.start.clamp(first, first + 64) - first;
        let to = self.own.end.clamp(first, first + 64) - first;
        if from == to {
            return mask;
        }
        let own = (u64::MAX >> (64 - (to - from))) << from;
        Mask { bits: mask.bits & !own, ..mask }
    }
}

/// Sets bits; returns the number of those that were not set before.
fn set(words: &mut [u64], mask: Mask) -> usize {
    let word = &mut words[mask.word];
    let added = mask.bits & !*word;
    *word |= mask.bits;
    added.count_ones() as usize
}

/// Clears bits; returns the number of those that were set before.
fn clear(words: &mut [u64], mask: Mask) -> usize {
    let word = &mut words[mask.word];
    let removed = mask.bits & *word;
    *word &= !mask.bits;
    removed.count_ones() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(places: Range<usize>) -> Vec<Mask> {
        places.map(|place| Mask { word: place / 64, bits: 1 << (place % 64) }).collect()
    }

    fn right(places: Range<usize>) -> RouteChange {
        RouteChange { right: masks(places), ..RouteChange::default() }
    }

    #[test]
    fn is_complete_without_its_own_routes_wherever_they_lie() {
        for own in [0..20, 60..80, 64..128, 10..200, 299..300] {
            let mut rib = ClientRib::new(300, own.clone());
            rib.apply(&right(0..own.start));
            assert_eq!(rib.is_complete(300), own.end == 300 && own.start > 0, "{own:?}");
            rib.apply(&right(own.end..300));
            assert!(rib.is_complete(300), "{own:?}");
            rib.apply(&right(0..300));
            rib.apply(&RouteChange { withdrawn: masks(own.clone()), ..RouteChange::default() });
            assert!(rib.is_complete(300), "own routes count for nothing: {own:?}");
            assert_eq!(rib.right_count(), 300 - own.len());
        }
    }

    #[test]
    fn any_difference_makes_it_incomplete_until_it_is_corrected() {
        let withdrawn = RouteChange { withdrawn: masks(5..6), ..RouteChange::default() };
        let wrong = RouteChange { wrong: masks(5..6), ..RouteChange::default() };
        let foreign = RouteChange { foreign: vec!["10.0.0.0/8".parse().unwrap()], ..RouteChange::default() };
        let gone = RouteChange { foreign_withdrawn: foreign.foreign.clone(), ..RouteChange::default() };
        for (spoiling, mending) in [(withdrawn, right(5..6)), (wrong, right(5..6)), (foreign, gone)] {
            let mut rib = ClientRib::new(100, 90..100);
            rib.apply(&right(0..100));
            assert!(rib.is_complete(100));
            rib.apply(&spoiling);
            assert!(!rib.is_complete(100), "{spoiling:?}");
            rib.apply(&mending);
            assert!(rib.is_complete(100), "{spoiling:?} and {mending:?}");
        }
    }

    #[test]
    fn a_wrong_route_that_is_withdrawn_is_missing() {
        let mut rib = ClientRib::new(64, 0..0);
        rib.apply(&right(1..64));
        rib.apply(&RouteChange { wrong: masks(0..1), ..RouteChange::default() });
        assert_eq!((rib.right_count(), rib.wrong_count()), (63, 1));
        rib.apply(&RouteChange { withdrawn: masks(0..1), ..RouteChange::default() });
        assert_eq!((rib.right_count(), rib.wrong_count(), rib.is_complete(64)), (63, 0, false));
    }
}
