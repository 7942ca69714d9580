//! Roles and ONLY_TO_CUSTOMER (RFC 9234), with BIRD and raw clients as peers.

use margay_lab::{Bird, Margay, Router, RouterSettings, wait_until};

use crate::pair::{PATIENCE, wait_for_state};
use crate::wire::{Wire, network, peer, plain_identity, wait_for_networks};

const PROVIDER: u32 = 65_002;
const CUSTOMER: u32 = 65_003;
const OTHER_PROVIDER: u32 = 65_004;
const LATERAL: u32 = 65_005;

fn external(settings: &mut RouterSettings, number: u8, asn: u32, extra: &str) {
    let mut peer = peer(number);
    peer.asn = asn;
    peer.extra = extra.to_owned();
    settings.peers.push(peer);
}

fn bird(wire: &Wire, number: u8, asn: u32, role: &str, networks: &[u8]) -> Bird {
    let mut bird = wire.bird(&format!("bird{number}"), number, |settings| {
        settings.asn = asn;
        settings.networks = networks.iter().map(|&number| network(number)).collect();
        settings.peers = vec![peer(1)];
        settings.peers[0].extra = if role.is_empty() { String::new() } else { format!("local role {role};") };
    });
    bird.start().unwrap();
    bird
}

#[track_caller]
fn wait_for_error(margay: &Margay, peer: &str, expected: &str) {
    wait_until(PATIENCE, expected, || {
        let detail = margay.json(&format!("show peer {peer}")).unwrap();
        let error = detail["last_error"].as_str().unwrap_or_default().to_owned();
        if error.contains(expected) { Ok(()) } else { Err(detail.to_string()) }
    });
}

/// Routes of a provider and of a peer are advertised to the customer only, and the customer's to all. ONLY_TO_CUSTOMER has the AS
/// after which a route may only go down: BIRD's where BIRD marks it, ours towards the customer and the peer.
#[test]
fn routes_of_providers_and_peers_are_for_customers_only() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        external(settings, 2, PROVIDER, "role = \"customer\"");
        external(settings, 3, CUSTOMER, "role = \"provider\"\nrequire_role = true");
        external(settings, 4, OTHER_PROVIDER, "role = \"customer\"");
        external(settings, 5, LATERAL, "role = \"peer\"");
        settings.networks = vec![network(1)];
    });
    margay.start().unwrap();
    let provider = bird(&wire, 2, PROVIDER, "provider", &[2]);
    let customer = bird(&wire, 3, CUSTOMER, "customer", &[3]);
    // A provider that does not know roles: margay marks its routes itself.
    let other = bird(&wire, 4, OTHER_PROVIDER, "", &[4]);
    let lateral = bird(&wire, 5, LATERAL, "peer", &[5]);
    wait_for_networks(&margay, &[2, 3, 4, 5]);
    wait_for_networks(&customer, &[1, 2, 4, 5]);
    wait_for_networks(&provider, &[1, 3]);
    wait_for_networks(&other, &[1, 3]);
    wait_for_networks(&lateral, &[1, 3]);
    let own = u32::from(plain_identity(1).asn);
    for (bird, number, asn) in [
        (&customer, 1, Some(own)),
        (&customer, 2, Some(PROVIDER)),
        (&customer, 4, Some(OTHER_PROVIDER)),
        (&customer, 5, Some(LATERAL)),
        (&lateral, 1, Some(own)),
        (&lateral, 3, Some(own)),
        (&provider, 3, None),
    ] {
        let shown = bird.birdc(&format!("show route {} all", network(number))).unwrap();
        let found = shown.lines().find_map(|line| line.trim().strip_prefix("BGP.otc: ").map(str::to_owned));
        assert_eq!(found, asn.map(|asn| asn.to_string()), "{number}: {shown}");
    }
    let explained = margay.cli(&format!("explain {}", network(2))).unwrap();
    assert!(explained.contains("only for customers: ONLY_TO_CUSTOMER (RFC 9234)"), "{explained}");
    assert_eq!(margay.json("show peer peer2").unwrap()["our_role"], "customer");
}

/// A customer without a role towards margay passes on what its other provider marked: the route has leaked.
#[test]
fn a_leaked_route_is_refused_with_the_reason() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        external(settings, 3, CUSTOMER, "role = \"provider\"");
    });
    margay.start().unwrap();
    let mut customer = wire.bird("leaking", 3, |settings| {
        settings.asn = CUSTOMER;
        settings.networks = vec![network(3)];
        settings.peers = vec![peer(1)];
        external(settings, 2, PROVIDER, "local role customer;");
    });
    customer.start().unwrap();
    let _provider = {
        let mut bird = wire.bird("provider", 2, |settings| {
            settings.asn = PROVIDER;
            settings.networks = vec![network(2)];
            external(settings, 3, CUSTOMER, "local role provider;");
        });
        bird.start().unwrap();
        bird
    };
    wait_for_networks(&margay, &[3]);
    wait_until(PATIENCE, "the leaked route", || {
        let received = margay.cli("show routes --received --peer peer3").unwrap();
        if received.contains("it has leaked: this peer must not announce") { Ok(()) } else { Err(received) }
    });
    wait_for_networks(&margay, &[3]);
    wait_until(PATIENCE, "its line in the log", || {
        let log = margay.log().unwrap();
        if log.contains("is not accepted: it has leaked") { Ok(()) } else { Err(log) }
    });
}

#[test]
fn roles_that_are_no_valid_pair_are_refused_and_a_missing_one_in_strict_mode() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        external(settings, 2, PROVIDER, "role = \"provider\"");
        external(settings, 3, CUSTOMER, "role = \"provider\"\nrequire_role = true");
        external(settings, 4, OTHER_PROVIDER, "role = \"customer\"");
    });
    margay.start().unwrap();
    let _birds = [
        bird(&wire, 2, PROVIDER, "provider", &[2]),
        bird(&wire, 3, CUSTOMER, "", &[3]),
        bird(&wire, 4, OTHER_PROVIDER, "", &[4]),
    ];
    wait_for_state(&margay, "peer4", |state| state == "established", "established");
    wait_for_error(&margay, "peer3", "peer advertises no role");
    // Either side may notice it first.
    wait_for_error(&margay, "peer2", "role");
    assert_ne!(margay.session_state("peer2").unwrap(), "established");
    assert_ne!(margay.session_state("peer3").unwrap(), "established");
}
