//! What an earlier run left in the kernel waits for those who may announce it again.

use std::time::Duration;

use margay_lab::{Margay, Router, holds_for, wait_until};

use crate::pair::{MARGAY_ASN, PATIENCE};
use crate::wire::{Wire, WireClient, network, peer};

#[test]
fn leftovers_are_removed_when_every_peer_has_sent_its_routes() {
    let node = restarted("");
    wait_until(PATIENCE, "the end of the leftover", || match leftover(&node) {
        None => Ok(()),
        Some(route) => Err(route),
    });
}

#[test]
fn leftovers_wait_for_peers_that_may_yet_dial_in() {
    let node = restarted(&format!(
        "[peer_group.nodes]\nremote_asn = {MARGAY_ASN}\n[[dynamic_peers]]\nrange = \"172.16.0.16/28\"\ngroup = \"nodes\"\n"
    ));
    holds_for(Duration::from_secs(2), "the leftover stays", || {
        leftover(&node).map(drop).ok_or_else(|| "it is gone".to_owned())
    });
}

/// A node with a route of an earlier run in the kernel, whose only configured peer has sent its End-of-RIB.
fn restarted(more: &str) -> Restarted {
    let wire = Wire::new();
    let mut margay = wire.margay("node", 1, |settings| {
        settings.kernel = true;
        settings.peers = vec![peer(11)];
        settings.extra = more.to_owned();
    });
    let route = format!("route add {} via 172.16.0.11 proto 186 metric 1024", network(99));
    margay.namespace().ip(&route).unwrap();
    margay.start().unwrap();
    let raw = wire.place("raw", &[11]);
    let mut client = wire.dial(&raw, 11, 1, false);
    client.announce_network(12);
    client.end_of_rib().unwrap();
    wait_until(PATIENCE, "the route of the peer that is there", || {
        let table = table(&margay);
        if table.contains(&network(12)) { Ok(()) } else { Err(table) }
    });
    Restarted { margay, _client: client, _wire: wire }
}

struct Restarted {
    margay: Margay,
    _client: WireClient,
    _wire: Wire,
}

fn leftover(node: &Restarted) -> Option<String> {
    table(&node.margay).lines().find(|line| line.starts_with(&network(99))).map(str::to_owned)
}

fn table(margay: &Margay) -> String {
    margay.namespace().ip_output("-4 route show proto 186").unwrap()
}
