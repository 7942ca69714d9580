//! Deliberate faults, and how many random histories it takes to find each.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use margay_breaks::{Break, set_broken};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::history::event;
use super::traps::a_hundred_thousand_withdrawals_reach_the_peer;
use super::world::World;

/// The places that the histories must find broken, and in how many.
const FOUND: [(Break, u32); 9] = [
    (Break::RejectedReplacement, 100),
    (Break::ChangeByPreference, 100),
    (Break::NumberReusedAtOnce, 100),
    (Break::SplitHorizonByOriginator, 2_000),
    (Break::MedAcrossAses, 2_000),
    (Break::SourceMoveWithoutWithdrawal, 500),
    (Break::TombstoneBeforeSlowest, 500),
    (Break::SweepForgotten, 100),
    (Break::ClusterLoop, 500),
];

#[test]
fn histories_find_what_is_broken() {
    for (place, most) in FOUND {
        let needed = histories_until_failure(Some(place), most);
        eprintln!("{place}: found in history {needed:?}");
        assert!(needed.is_some(), "{place} is not found in {most} histories");
    }
    assert_eq!(histories_until_failure(None, 200), None, "nothing is found where nothing is broken");
}

#[test]
fn a_withdrawal_that_is_lost_in_a_full_batch_is_found() {
    set_broken(Some(Break::WithdrawalLostInFullBatch));
    let outcome = catch_unwind(a_hundred_thousand_withdrawals_reach_the_peer);
    set_broken(None);
    assert!(outcome.is_err());
}

/// The number of the first history that fails while a place is broken, of the same row each time.
fn histories_until_failure(place: Option<Break>, most: u32) -> Option<u32> {
    let config = ProptestConfig {
        cases: most,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let count = Cell::new(0);
    let histories = (any::<bool>(), any::<bool>(), vec(event(), 1..160));
    let result = runner.run(&histories, |(forwards, holds_back, events)| {
        count.set(count.get() + 1);
        set_broken(place);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::starting(forwards, holds_back);
            events.into_iter().for_each(|event| world.happen_somewhere(event));
            world.settle();
        }));
        set_broken(None);
        outcome.map_err(|_| TestCaseError::fail("found"))
    });
    result.is_err().then(|| count.get())
}
