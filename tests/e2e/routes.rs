//! Routes: what one side announces is exactly what the other side has.

use margay_lab::{Router, numbered_prefixes};

use crate::pair::{Case, Pair};

for_each_case!(ten_thousand_routes_each_way_arrive_and_leave);

fn ten_thousand_routes_each_way_arrive_and_leave(case: Case) {
    let mut pair = Pair::new(case);
    let (ours, theirs) =
        (numbered_prefixes(case.family, 1, ROUTES), numbered_prefixes(case.family, 2, ROUTES));
    pair.margay.settings().networks.clone_from(&ours);
    pair.peer.settings().networks.clone_from(&theirs);
    pair.start();
    pair.wait_established();
    pair.wait_margay_has(&theirs);
    pair.wait_peer_has(&ours);

    let (our_half, their_half) = (every_other(&ours), every_other(&theirs));
    pair.margay.settings().networks.clone_from(&our_half);
    pair.margay.reload().unwrap();
    pair.wait_peer_has(&our_half);
    pair.peer.settings().networks.clone_from(&their_half);
    pair.peer.reload().unwrap();
    pair.wait_margay_has(&their_half);

    pair.peer.stop().unwrap();
    pair.wait_margay_has(&[]);
}

fn every_other(prefixes: &[String]) -> Vec<String> {
    prefixes.iter().step_by(2).cloned().collect()
}

const ROUTES: u16 = 10_000;
