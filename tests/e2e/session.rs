//! Sessions: who dials, what ends them, what brings them back.

use std::thread;
use std::time::Duration;

use margay_lab::{Family, Router, holds_for, numbered_prefixes, wait_until};

use crate::pair::{Case, Implementation, PATIENCE, Pair, bgp_connections, wait_for_state};

for_each_case!(comes_up_when_only_margay_dials);
for_each_case!(comes_up_when_only_the_peer_dials);
for_each_case!(one_connection_stays_when_both_dial_at_once);
for_each_case!(silence_ends_the_session_on_both_sides);
for_each_case!(either_side_may_restart);

fn comes_up_when_only_margay_dials(case: Case) {
    let mut pair = Pair::new(case);
    pair.set_peers(|_, margay| margay.passive = true);
    pair.start();
    pair.wait_established();
}

fn comes_up_when_only_the_peer_dials(case: Case) {
    let mut pair = Pair::new(case);
    pair.set_peers(|peer, _| peer.passive = true);
    pair.start();
    pair.wait_established();
}

/// Cold starts, the second one later from round to round, so that their attempts cross in every way.
fn one_connection_stays_when_both_dial_at_once(case: Case) {
    let rounds = if case.family == Family::Ipv4 { 10 } else { 3 };
    let mut pair = Pair::new(case);
    for round in 0..rounds {
        pair.peer.start().unwrap();
        // BIRD dials for the first time about a second after its start.
        thread::sleep(Duration::from_millis(150) * round);
        pair.margay.start().unwrap();
        pair.wait_established();
        let here = pair.margay.namespace();
        wait_until(PATIENCE, &format!("one connection in round {round}"), || match bgp_connections(here) {
            1 => Ok(()),
            count => Err(format!("{count} connections")),
        });
        holds_for(Duration::from_millis(300), "the session stays", || {
            match (bgp_connections(here), pair.margay.session_state("other").unwrap().as_str()) {
                (1, "established") => Ok(()),
                seen => Err(format!("connections and state: {seen:?}")),
            }
        });
        pair.peer.kill().unwrap();
        pair.margay.kill().unwrap();
    }
}

fn silence_ends_the_session_on_both_sides(case: Case) {
    let mut pair = Pair::new(case);
    pair.set_peers(|peer, margay| {
        peer.hold_time = Duration::from_secs(3);
        margay.hold_time = Duration::from_secs(3);
    });
    let (ours, theirs) = (numbered_prefixes(case.family, 1, 100), numbered_prefixes(case.family, 2, 100));
    pair.margay.settings().networks.clone_from(&ours);
    pair.peer.settings().networks.clone_from(&theirs);
    pair.start();
    pair.wait_established();
    pair.wait_margay_has(&theirs);

    pair.cable.cut().unwrap();
    for router in [&pair.margay as &dyn Router, &*pair.peer] {
        wait_for_state(router, "other", |state| state != "established", "down");
    }
    pair.wait_margay_has(&[]);
    pair.wait_peer_has(&[]);
    let error = pair.margay.json("show peer other").unwrap()["last_error"].to_string();
    assert!(error.to_lowercase().contains("hold timer"), "{error}");

    pair.cable.restore().unwrap();
    pair.wait_established();
    pair.wait_margay_has(&theirs);
    pair.wait_peer_has(&ours);
}

fn either_side_may_restart(case: Case) {
    let mut pair = Pair::new(case);
    let (ours, theirs) = (numbered_prefixes(case.family, 1, 100), numbered_prefixes(case.family, 2, 100));
    pair.margay.settings().networks.clone_from(&ours);
    pair.peer.settings().networks.clone_from(&theirs);
    pair.start();
    let complete = |pair: &Pair| {
        pair.wait_established();
        pair.wait_margay_has(&theirs);
        pair.wait_peer_has(&ours);
    };
    complete(&pair);

    pair.peer.stop().unwrap();
    pair.wait_margay_has(&[]);
    pair.peer.start().unwrap();
    complete(&pair);

    pair.peer.kill().unwrap();
    pair.wait_margay_has(&[]);
    pair.peer.start().unwrap();
    complete(&pair);

    pair.margay.stop().unwrap();
    pair.wait_peer_has(&[]);
    pair.margay.start().unwrap();
    complete(&pair);

    pair.margay.kill().unwrap();
    pair.wait_peer_has(&[]);
    pair.margay.start().unwrap();
    complete(&pair);
}

#[test]
fn a_hold_time_of_zero_needs_no_keepalives() {
    let case =
        Case { peer: Implementation::Bird, family: Family::Ipv4, session: crate::pair::SessionKind::Ebgp };
    let mut pair = Pair::new(case);
    pair.set_peers(|peer, _| peer.hold_time = Duration::ZERO);
    pair.start();
    pair.wait_established();
    let seconds = pair.margay.json("show peer other").unwrap()["negotiated"]["hold_time_seconds"].clone();
    assert_eq!(seconds, 0);
    holds_for(Duration::from_secs(4), "the silent session stays", || {
        match pair.margay.session_state("other").unwrap() {
            state if state == "established" => Ok(()),
            state => Err(state),
        }
    });
}
