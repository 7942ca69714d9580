//! A run is a function of its seed, and cases that failed once do not fail again.

use margay_sim::{Case, Keep, Restarting, Topology, cold_start, graceful_restart, restart};

#[test]
fn the_same_seed_is_the_same_run_to_the_octet() {
    for topology in Topology::ALL {
        let case = Case::new(topology, 7);
        let (one, other) = (case.run(Keep::default()), case.run(Keep { lines: true, capture: true }));
        assert_eq!(one.checksum, other.checksum, "{case}: seen or unseen");
        assert_eq!(one.virtual_time, other.virtual_time, "{case}");
        let again = case.run(Keep { lines: true, capture: true });
        assert_eq!(other.lines, again.lines, "{case}: the trace");
        assert!(other.capture == again.capture, "{case}: the capture");
        let next = Case::new(topology, 8).run(Keep::default());
        assert_ne!(one.checksum, next.checksum, "{case}: another seed is another run");
    }
}

#[test]
fn former_failures_do_not_fail_again() {
    let lines = include_str!("../regressions.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let case: Case = line.parse().unwrap();
        assert_eq!(case.to_string(), line, "written as it is printed");
        assert_eq!(case.run(Keep::default()).faults, Vec::<String>::new(), "{line}");
    }
}

#[test]
fn a_trace_contains_the_messages() {
    let outcome = Case::new(Topology::Reflector, 1).run(Keep { lines: true, capture: false });
    let trace = outcome.lines.join("\n");
    for part in ["n0 -> n1 [", "Open", "UPDATE reach ", " originator 10.0.0.", "n0-n1"] {
        assert!(trace.contains(part), "{part}");
    }
}

#[test]
fn a_cold_start_advertises_each_route_to_each_client_once() {
    let start = cold_start(100, 1).unwrap();
    assert_eq!(start.most_advertisements, 1, "{start:?}");
}

#[test]
fn reflectors_that_come_back_advertise_each_route_once_and_withdraw_nothing() {
    for restarting in [Restarting::One, Restarting::Both] {
        for seed in 0..2 {
            let outcome = restart(40, restarting, seed).unwrap();
            assert_eq!(
                (outcome.most_advertisements, outcome.withdrawals),
                (1, 0),
                "{restarting:?}, seed {seed}"
            );
        }
    }
}

/// Its peers withdraw what it has not announced by its End-of-RIB, so that must wait for the tables of all peers (RFC 4724 §4.1).
#[test]
fn a_reflector_that_restarts_ends_its_table_after_it_has_those_of_all_its_peers() {
    const NODES: usize = 40;
    for seed in 0..3 {
        let ends = graceful_restart(NODES, seed).unwrap();
        assert_eq!(ends.read, NODES + 1, "seed {seed}: {ends:?}");
        assert!(ends.first_written.is_some_and(|at| Some(at) >= ends.last_read), "seed {seed}: {ends:?}");
    }
}

#[test]
fn an_invalid_case_is_refused() {
    for (text, part) in [
        ("", "no topology"),
        ("ring 1", "there is no topology ring; there are mesh"),
        ("mesh", "no seed"),
        ("mesh one", "the seed is not a number"),
        ("mesh 1 without-nodes", "no numbers after without-nodes"),
        ("mesh 1 without-nodes a", "no numbers after without-nodes"),
        ("mesh 1 without 3", "neither"),
    ] {
        let error = text.parse::<Case>().unwrap_err();
        assert!(format!("{error:#}").contains(part), "{text}: {error:#}");
    }
}
