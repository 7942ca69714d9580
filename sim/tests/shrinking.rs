//! A failing case is reduced as far as possible.

use margay_sim::{Case, Keep, Topology, shrink};

#[test]
fn the_smallest_case_needs_each_event_and_its_line_still_fails() {
    let first = (0..60).map(nth_case).find(loses_a_connection).expect("a seed with a lost connection");
    let mut on_the_way = Vec::new();
    let line = shrink(&first, loses_a_connection, |case| on_the_way.push(case.size())).to_string();
    let smallest: Case = line.parse().unwrap();
    assert!(loses_a_connection(&smallest), "{line}");
    let [[nodes, events], [fewer_nodes, fewer_events]] = [first.size(), smallest.size()];
    assert!(fewer_nodes < nodes && fewer_events < events, "{line}: {nodes} nodes, {events} events");
    assert_eq!(on_the_way.last(), Some(&smallest.size()), "{line}");
    for event in 0..events {
        let mut smaller = smallest.clone();
        smaller.without_events.insert(event);
        assert!(
            smaller.size() == smallest.size() || !loses_a_connection(&smaller),
            "{line} does not need event {event}"
        );
    }
}

/// Stands for a failure: somewhere in the run, an UPDATE withdraws a route.
fn loses_a_connection(case: &Case) -> bool {
    case.run(Keep { lines: true, capture: false }).lines.iter().any(|line| line.contains("connection lost"))
}

fn nth_case(seed: u64) -> Case {
    let turn = usize::try_from(seed).expect("few seeds") % Topology::ALL.len();
    Case::new(Topology::ALL[turn], seed)
}
