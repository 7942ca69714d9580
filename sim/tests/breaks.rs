//! Deliberate faults, and how many seeds it takes to find each.

use margay_breaks::{Break, set_broken};
use margay_sim::{Case, Keep, Topology, bulk_for_a_slow_reader, shrink};

/// The places that seeds must find broken. The others need what is rare or does not happen here: MULTI_EXIT_DISC, a batch of
/// thousands of withdrawals, inputs that overtake each other, a cluster's route that is all there is.
const FOUND: [Break; 7] = [
    Break::RejectedReplacement,
    Break::ChangeByPreference,
    Break::NumberReusedAtOnce,
    Break::SplitHorizonByOriginator,
    Break::SourceMoveWithoutWithdrawal,
    Break::TombstoneBeforeSlowest,
    Break::SweepForgotten,
];

/// In how many seeds each must be found.
const MOST: u64 = 60;

#[test]
fn seeds_find_what_is_broken() {
    let mut missed = Vec::new();
    for place in FOUND {
        set_broken(Some(place));
        let found = (0..MOST).find_map(|seed| {
            let faults = nth_case(seed).run(Keep::default()).faults;
            (!faults.is_empty()).then(|| format!("seed {seed}: {:.150}", faults[0]))
        });
        set_broken(None);
        match found {
            Some(found) => eprintln!("{place}: {found}"),
            None => missed.push(place),
        }
    }
    assert_eq!(missed, [], "not found in {MOST} seeds");
}

#[test]
fn keepalives_that_wait_behind_bulk_are_found() {
    let all = |place| -> Vec<String> {
        set_broken(place);
        let faults = (0..4).flat_map(bulk_for_a_slow_reader).collect();
        set_broken(None);
        faults
    };
    assert_eq!(all(None), Vec::<String>::new());
    let faults = all(Some(Break::KeepaliveBehindBulk));
    assert!(faults.iter().any(|fault| fault.contains("late behind UPDATEs")), "{faults:?}");
}

#[test]
fn a_failure_is_made_as_small_as_it_gets_and_its_line_fails_still() {
    set_broken(Some(Break::SweepForgotten));
    let fails = |case: &Case| !case.run(Keep::default()).faults.is_empty();
    let first = (0..MOST).map(nth_case).find(fails).expect("a seed that finds it");
    let mut on_the_way = Vec::new();
    let line = shrink(&first, |case| on_the_way.push(case.size())).to_string();
    let smallest: Case = line.parse().unwrap();
    assert!(fails(&smallest), "{line}");
    let [[nodes, events], [fewer_nodes, fewer_events]] = [first.size(), smallest.size()];
    assert!(fewer_nodes < nodes && fewer_events < events, "{line}: {nodes} nodes, {events} events");
    assert_eq!(on_the_way.last(), Some(&smallest.size()), "{line}");
    for event in 0..events {
        let mut smaller = smallest.clone();
        smaller.without_events.insert(event);
        assert!(smaller.size() == smallest.size() || !fails(&smaller), "{line} does not need event {event}");
    }
    set_broken(None);
    assert!(!fails(&smallest), "{line} fails where nothing is broken");
}

fn nth_case(seed: u64) -> Case {
    let turn = usize::try_from(seed).expect("few seeds") % Topology::ALL.len();
    Case::new(Topology::ALL[turn], seed)
}
