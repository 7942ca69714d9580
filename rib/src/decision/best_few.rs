//! The best few of many paths, found in one pass.
//!
//! The paths of one neighbouring AS have a total order: the steps before MULTI_EXIT_DISC, MULTI_EXIT_DISC, and
//! the steps after it. Paths of different ASes are compared by all steps but MULTI_EXIT_DISC. So the best path
//! is the head of one of these lists, and once it is taken, the next best one is the head of a list again. A
//! path that is worse than enough others of its own list is not needed.

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};

use bgp_codec::Asn;
use foldhash::fast::FixedState;

use super::Candidate;

/// The best paths so far, at most a given number for each neighbouring AS, each with a value.
#[derive(Debug)]
pub(crate) struct BestFew<K, T> {
    most: usize,
    lists: HashMap<Option<Asn>, List<(K, T)>, FixedState>,
}

/// The best paths of one neighbouring AS, best first. Mostly there is one, which takes no memory of its own.
#[derive(Debug)]
struct List<I> {
    head: I,
    others: VecDeque<I>,
}

impl<K: Copy, T> BestFew<K, T> {
    /// For the best `most` paths.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, lists: HashMap::default() }
    }

    /// Whether a path is one of the best so far. `candidate_of` returns the candidate of a path that was added.
    pub(crate) fn admits<'c>(
        &self,
        path: &Candidate<'_>,
        candidate_of: impl Fn(K) -> Option<Candidate<'c>>,
    ) -> bool {
        let Some(list) = self.lists.get(&path.neighbor()).filter(|list| list.len() >= self.most) else {
            return self.most > 0;
        };
        let (last, _) = list.others.back().unwrap_or(&list.head);
        candidate_of(*last).is_none_or(|last| path.compare_in_neighbor(&last).is_lt())
    }

    /// Adds a path that is [admitted](Self::admits). Returns the value of the one that it displaces.
    pub(crate) fn add<'c>(
        &mut self,
        path: &Candidate<'_>,
        key: K,
        value: T,
        candidate_of: impl Fn(K) -> Option<Candidate<'c>>,
    ) -> Option<T> {
        let item = (key, value);
        let Some(list) = self.lists.get_mut(&path.neighbor()) else {
            self.lists.insert(path.neighbor(), List { head: item, others: VecDeque::new() });
            return None;
        };
        let is_before = |&(other, _): &(K, T)| {
            candidate_of(other).is_some_and(|other| other.compare_in_neighbor(path).is_lt())
        };
        if is_before(&list.head) {
            let position = list.others.partition_point(is_before);
            list.others.insert(position, item);
        } else {
            let former = std::mem::replace(&mut list.head, item);
            list.others.push_front(former);
        }
        if list.len() > self.most { list.others.pop_back().map(|(_, value)| value) } else { None }
    }

    /// The head of a neighbouring AS's list: its best path.
    pub(crate) fn head(&self, neighbor: Option<Asn>) -> Option<K> {
        self.lists.get(&neighbor).map(|list| list.head.0)
    }

    /// The best path.
    pub(crate) fn best<'c>(&self, candidate_of: impl Fn(K) -> Option<Candidate<'c>>) -> Option<K> {
        let heads = self.lists.values().map(|list| list.head.0);
        heads.reduce(|best, head| if is_before(head, best, &candidate_of) { head } else { best })
    }

    /// The best paths, best first, and the values of all others.
    pub(crate) fn finish<'c>(
        self,
        candidate_of: impl Fn(K) -> Option<Candidate<'c>>,
    ) -> (Vec<(K, T)>, Vec<T>) {
        let mut lists: VecDeque<List<(K, T)>> = self.lists.into_values().collect();
        lists.make_contiguous().sort_by(|one, other| {
            let candidates = candidate_of(one.head.0).zip(candidate_of(other.head.0));
            candidates.map_or(Ordering::Equal, |(one, other)| one.compare_across_neighbors(&other))
        });
        let mut best = Vec::new();
        while best.len() < self.most
            && let Some(List { head, mut others }) = lists.pop_front()
        {
            best.push(head);
            if let Some(head) = others.pop_front() {
                let position = lists.partition_point(|list| is_before(list.head.0, head.0, &candidate_of));
                lists.insert(position, List { head, others });
            }
        }
        let others = lists.into_iter().flat_map(|list| std::iter::once(list.head).chain(list.others));
        (best, others.map(|(_, value)| value).collect())
    }
}

/// Whether a path is better than one of another neighbouring AS.
fn is_before<'c, K>(one: K, other: K, candidate_of: impl Fn(K) -> Option<Candidate<'c>>) -> bool {
    let candidates = candidate_of(one).zip(candidate_of(other));
    candidates.is_some_and(|(one, other)| one.compare_across_neighbors(&other).is_lt())
}

impl<I> List<I> {
    fn len(&self) -> usize {
        1 + self.others.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use bgp_codec::{
        AsPathBuf, BgpIdentifier, Origin, PathAttributes, PathAttributesBuilder, PathId, PeerKind,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::decision::decide;
    use crate::options::DecisionRules;
    use crate::paths::CandidateOrigin;

    /// The number of the path that was best before.
    const PRESENT_BEST: usize = 3;

    /// Neighbouring AS, MULTI_EXIT_DISC, LOCAL_PREF, whether it is internal, and the cost.
    type Row = (u32, Option<u32>, u32, bool, u32);

    fn attributes((neighbor, med, local_pref, _, _): Row) -> PathAttributes {
        let mut builder = PathAttributesBuilder::new(Origin::Igp);
        builder.as_path = AsPathBuf::from_sequence([Asn(neighbor + 1)]);
        (builder.med, builder.local_pref) = (med, Some(local_pref));
        builder.build()
    }

    fn candidate(
        number: usize,
        row: Row,
        attributes: &PathAttributes,
        rules: DecisionRules,
    ) -> Candidate<'_> {
        let is_present_best = number == PRESENT_BEST;
        let kind = if row.3 { PeerKind::Ibgp } else { PeerKind::Ebgp };
        let number = u32::try_from(number).unwrap();
        let address = IpAddr::V4((1000 - number).into());
        let origin =
            CandidateOrigin::Peer { kind, identifier: BgpIdentifier::new(1).unwrap(), address, number: 0 };
        Candidate {
            origin,
            path_id: PathId(0),
            attributes,
            interior_cost: row.4,
            is_long_lived_stale: false,
            preference: 0,
            weight: 0,
            is_present_best,
            rules,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        #[test]
        fn they_are_those_that_deciding_again_and_again_finds(
            rows in prop::collection::vec(
                (0..3u32, prop::option::of(0..3u32), 0..2u32, any::<bool>(), 0..3u32), 0..20),
            most in 0..6usize,
            [always_compares_med, prefers_present_best, compares_identifiers]: [bool; 3],
        ) {
            let rules = DecisionRules { always_compares_med, prefers_present_best, compares_identifiers };
            let sets: Vec<PathAttributes> = rows.iter().map(|&row| attributes(row)).collect();
            let candidate_of = |number: usize| Some(candidate(number, rows[number], &sets[number], rules));
            let mut few = BestFew::new(most);
            let mut displaced = Vec::new();
            for number in 0..rows.len() {
                let path = candidate(number, rows[number], &sets[number], rules);
                if few.admits(&path, candidate_of) {
                    displaced.extend(few.add(&path, number, number, candidate_of));
                } else {
                    displaced.push(number);
                }
            }
            let (best, others) = few.finish(candidate_of);
            let mut left: Vec<usize> = (0..rows.len()).collect();
            let mut expected = Vec::new();
            while expected.len() < most && !left.is_empty() {
                let candidates: Vec<Candidate<'_>> =
                    left.iter().map(|&number| candidate(number, rows[number], &sets[number], rules)).collect();
                expected.push(left.remove(decide(&candidates).unwrap().best));
            }
            prop_assert_eq!(best.iter().map(|&(number, _)| number).collect::<Vec<_>>(), expected);
            let mut all: Vec<usize> = best.into_iter().map(|(_, value)| value).chain(others).chain(displaced).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..rows.len()).collect::<Vec<_>>(), "each value comes back once");
        }
    }
}
