//! External peers without filters (RFC 8212), with BIRD as the peer.

use std::time::Duration;

use margay_lab::{Router, holds_for, wait_until};

use crate::pair::{PATIENCE, wait_for_state};
use crate::wire::{Wire, network, peer, wait_for_networks};

/// The AS of BIRD.
const OTHER_ASN: u32 = 65_002;

#[test]
fn an_external_peer_without_filters_exchanges_nothing_and_a_reload_lets_it() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.global = "ebgp_without_filters = \"deny\"".to_owned();
        settings.peers = vec![peer(2)];
        settings.peers[0].asn = OTHER_ASN;
        settings.networks = vec![network(1)];
    });
    let mut bird = wire.bird("bird", 2, |settings| {
        settings.asn = OTHER_ASN;
        settings.peers = vec![peer(1)];
        settings.networks = vec![network(2)];
    });
    margay.start().unwrap();
    bird.start().unwrap();
    wait_for_state(&margay, "peer2", |state| state == "established", "established");
    let detail = || margay.json("show peer peer2").unwrap();
    wait_until(PATIENCE, "the route of BIRD", || match detail()["prefixes"]["received"].as_u64() {
        Some(1) => Ok(()),
        received => Err(format!("{received:?}")),
    });
    holds_for(Duration::from_secs(1), "nothing is exchanged", || {
        let routes = bird.routes().map_err(|error| format!("{error:#}"))?;
        let accepted = detail()["prefixes"]["accepted"].clone();
        if routes.is_empty() && accepted == 0 { Ok(()) } else { Err(format!("{routes:?} {accepted}")) }
    });
    assert_eq!(detail()["denied"], serde_json::json!(["import", "export"]));
    let reason = "has no import filters (RFC 8212)";
    let received = margay.cli("show routes --received --peer peer2").unwrap();
    assert!(received.contains(reason), "{received}");
    let explained = margay.cli(&format!("explain {}", network(1))).unwrap();
    assert!(explained.contains("has no export filters (RFC 8212)"), "{explained}");
    let log = margay.log().unwrap();
    assert!(
        log.contains("nothing is exchanged with peer peer2, which is external: it has no filters"),
        "{log}"
    );

    let since = margay.uptime_seconds("peer2").unwrap();
    margay.settings().global = "ebgp_without_filters = \"accept\"".to_owned();
    margay.reload().unwrap();
    wait_for_networks(&margay, &[2]);
    wait_for_networks(&bird, &[1]);
    assert!(margay.uptime_seconds("peer2").unwrap() >= since, "the session stays");

    margay.settings().global = "ebgp_without_filters = \"deny\"".to_owned();
    margay.reload().unwrap();
    wait_for_networks(&margay, &[]);
    wait_for_networks(&bird, &[]);
}
