//! Random histories of writes and faults on a simulated store: what a follower, a log and a swap make of them.

mod simulated;

use proptest::prelude::*;
use simulated::{Fault, Step, Store, run_history, swap_history};

/// Enough that each fault meets each state of a follower; a run takes some seconds.
const HISTORIES: u32 = 10_000;

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..12_u8, prop::option::weighted(0.7, 0..4_u8)).prop_map(|(key, value)| Step::Write(vec![(key, value)])),
        2 => prop::collection::vec((0..12_u8, prop::option::weighted(0.7, 0..4_u8)), 2..9).prop_map(Step::Write),
        1 => Just(Step::Compact),
        8 => (0..4_u8).prop_map(Step::Deliver),
        3 => (1..4_000_u16).prop_map(Step::Pass),
        3 => Just(Step::ReplicateOne),
        3 => (0..3_u8).prop_map(Step::Replicate),
        3 => a_fault().prop_map(Step::Fault),
        2 => (0..3_u8, 1..5_u8).prop_map(|(reader, limit)| Step::Read(reader, limit)),
    ]
}

fn a_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::BreakStream),
        2 => Just(Fault::LoseRequest),
        2 => Just(Fault::Silence),
        1 => Just(Fault::TooLarge),
        2 => Just(Fault::Cancel),
        1 => Just(Fault::NewCluster),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: HISTORIES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_follower_ends_equal_to_the_store_and_says_nothing_false(
        page_keys in 1..6_u32,
        fragment in 1..4_usize,
        steps in prop::collection::vec(a_step(), 0..80),
    ) {
        run_history(Store::new(fragment), page_keys, &steps);
    }

    #[test]
    fn of_swaps_whose_replies_are_lost_each_says_what_became_of_it(
        steps in prop::collection::vec((0..3_u8, 0..8_u8), 1..40),
    ) {
        swap_history(&steps);
    }
}
