//! Random histories of objects: incremental equals from scratch, and the changes that are reported are the differences.

use std::collections::BTreeSet;

use crate::world::{NODE, Objects, Random, object};
use margay_policy::{Calculation, Changes, Set, SetChange, Wanted};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn incremental_equals_from_scratch(seed: u64) {
        let mut random = Random(seed);
        let mut calculation = Calculation::new(NODE);
        let mut objects = Objects::new();
        let mut before = Wanted::default();
        for _ in 0..120 {
            step(&mut random, &mut calculation, &mut objects);
            if random.once_in(4) {
                let changes = calculation.take_changes();
                check_changes(&before, &changes, calculation.wanted());
                before = calculation.wanted().clone();
            }
        }
        calculation.take_changes();
        prop_assert_eq!(calculation.wanted(), &from_scratch(&objects, &mut random));
    }

    /// What is deleted leaves nothing behind.
    #[test]
    fn nothing_is_left_when_all_is_deleted(seed: u64) {
        let mut random = Random(seed);
        let mut calculation = Calculation::new(NODE);
        let mut objects = Objects::new();
        for _ in 0..60 {
            step(&mut random, &mut calculation, &mut objects);
        }
        calculation.take_changes();
        for key in objects.keys() {
            calculation.handle_object(key, None);
        }
        calculation.take_changes();
        prop_assert_eq!(calculation.wanted(), &Wanted::default());
        prop_assert!(calculation.take_changes().is_empty());
    }

    /// A change that is taken back before changes are taken is none.
    #[test]
    fn what_changes_back_is_not_reported(seed: u64) {
        let mut random = Random(seed);
        let mut calculation = Calculation::new(NODE);
        let mut objects = Objects::new();
        for _ in 0..60 {
            step(&mut random, &mut calculation, &mut objects);
        }
        calculation.take_changes();
        let (key, other) = object(&mut random);
        calculation.handle_object(&key, Some(&other));
        calculation.handle_object(&key, objects.get(&key));
        prop_assert_eq!(calculation.take_changes(), Changes::default());
    }
}

/// Adds, changes or deletes an object.
fn step(random: &mut Random, calculation: &mut Calculation, objects: &mut Objects) {
    let (key, object) = object(random);
    if random.once_in(4) {
        calculation.handle_object(&key, None);
        objects.remove(&key);
    } else {
        calculation.handle_object(&key, Some(&object));
        objects.insert(key, object);
    }
}

/// What is wanted, calculated anew in a random order.
fn from_scratch(objects: &Objects, random: &mut Random) -> Wanted {
    let mut calculation = Calculation::new(NODE);
    let mut keys: Vec<_> = objects.keys().collect();
    while !keys.is_empty() {
        let key = keys.swap_remove(random.below(keys.len()));
        calculation.handle_object(key, objects.get(key));
    }
    calculation.take_changes();
    calculation.wanted().clone()
}

fn check_changes(before: &Wanted, changes: &Changes, after: &Wanted) {
    let endpoints: BTreeSet<_> = before.endpoints.keys().chain(after.endpoints.keys()).cloned().collect();
    let changed = endpoints.into_iter().filter(|id| before.endpoints.get(id) != after.endpoints.get(id));
    assert_eq!(changes.endpoints, changed.collect());
    let policies: BTreeSet<_> = before.policies.keys().chain(after.policies.keys()).cloned().collect();
    let changed = policies.into_iter().filter(|id| before.policies.get(id) != after.policies.get(id));
    assert_eq!(changes.policies, changed.collect());
    let profiles: BTreeSet<_> = before.profiles.keys().chain(after.profiles.keys()).cloned().collect();
    let changed = profiles.into_iter().filter(|name| before.profiles.get(name) != after.profiles.get(name));
    assert_eq!(changes.profiles, changed.collect());
    let keys: BTreeSet<_> = before.sets.keys().chain(after.sets.keys()).collect();
    for key in keys {
        let expected = difference(before.sets.get(key), after.sets.get(key));
        assert_eq!(changes.sets.get(key), expected.as_ref(), "{key}");
    }
}

fn difference(before: Option<&Set>, after: Option<&Set>) -> Option<SetChange> {
    let members = |set: &Set| set.members().into_iter().collect::<BTreeSet<_>>();
    match (before.map(members), after.map(members)) {
        (None, Some(_)) => Some(SetChange::Created),
        (Some(_), None) => Some(SetChange::Removed),
        (Some(before), Some(after)) if before != after => {
            let (added, removed) = (&after - &before, &before - &after);
            Some(SetChange::Changed { added, removed })
        }
        _ => None,
    }
}
