//! Route reflection: which routes are advertised to which peers, through one reflector, two, and a hierarchy; and migration from a mesh.

use std::net::IpAddr;

use margay_lab::{Router, wait_until};

use crate::pair::{PATIENCE, wait_for_state};
use crate::route_client::attribute;
use crate::wire::{
    Wire, address, client, clusters, identifier, network, originator, peer, plain, wait_for_networks,
};

#[test]
fn clients_receive_everything_and_non_clients_the_routes_of_clients() {
    let wire = Wire::new();
    // margay and BIRD as clients, BIRD as a non-client, and two raw ones that see every octet.
    let mut reflector = wire.margay("reflector", 1, |settings| {
        settings.peers = vec![client(11, RR1), client(12, RR1), client(13, RR1), peer(14), peer(15)];
    });
    let mut nodes: Vec<Box<dyn Router>> = vec![
        Box::new(wire.margay("node11", 11, |settings| settings.peers = vec![peer(1)])),
        Box::new(wire.bird("node12", 12, |settings| settings.peers = vec![peer(1)])),
        Box::new(wire.bird("node14", 14, |settings| settings.peers = vec![peer(1)])),
    ];
    reflector.start().unwrap();
    for (node, number) in nodes.iter_mut().zip([11, 12, 14]) {
        node.settings().networks.push(network(number));
        node.start().unwrap();
    }
    let raw = wire.place("raw", &[13, 15]);
    let [mut raw_client, mut raw_non_client] = [13, 15].map(|number| wire.dial(&raw, number, 1, false));
    raw_client.announce_network(13);
    raw_non_client.announce_network(15);

    wait_for_networks(&*nodes[0], &[12, 13, 14, 15]);
    wait_for_networks(&*nodes[1], &[11, 13, 14, 15]);
    wait_for_networks(&*nodes[2], &[11, 12, 13]);
    raw_client.wait_for(&[11, 12, 14, 15]);
    raw_non_client.wait_for(&[11, 12, 13]);
    for (number, route) in
        [(11, raw_client.route(11)), (15, raw_client.route(15)), (13, raw_non_client.route(13))]
    {
        assert_eq!(originator(&route), Some(identifier(number)), "{route:?}");
        assert_eq!(clusters(&route), [identifier(1)], "{route:?}");
        let IpAddr::V4(own) = address(number) else { panic!("IPv4") };
        assert_eq!(route[&3].1, own.octets(), "the next hop stays: {route:?}");
    }
}

#[test]
fn a_client_may_be_in_a_cluster_of_its_own() {
    let wire = Wire::new();
    let mut reflector = wire.margay("reflector", 1, |settings| {
        settings.peers = vec![client(11, [9; 4]), client(12, [8; 4]), client(13, [9; 4]), peer(14)];
    });
    reflector.start().unwrap();
    let raw = wire.place("raw", &[11, 12, 13, 14]);
    let [mut first, mut other_cluster, third, non_client] =
        [11, 12, 13, 14].map(|number| wire.dial(&raw, number, 1, false));
    first.announce_network(11);
    other_cluster.announce_network(12);
    other_cluster.wait_for(&[11]);
    third.wait_for(&[11, 12]);
    non_client.wait_for(&[11, 12]);
    let (nines, eights) = ([9; 4], [8; 4]);
    assert_eq!(clusters(&third.route(11)), [nines]);
    assert_eq!(clusters(&third.route(12)), [nines, eights]);
    assert_eq!(clusters(&other_cluster.route(11)), [eights, nines]);
    assert_eq!(clusters(&non_client.route(12)), [eights]);
    // What went through any cluster of this reflector has come round.
    for cluster in [nines, eights] {
        let mut attributes = plain();
        attributes.extend(attribute(0x80, 9, &identifier(77)));
        attributes.extend(attribute(0x80, 10, &cluster));
        first.announce_with(11, &attributes);
        third.wait_for(&[12]);
        first.announce_network(11);
        third.wait_for(&[11, 12]);
    }
}

#[test]
fn clients_that_are_meshed_do_not_receive_each_others_routes() {
    let wire = Wire::new();
    let mut reflector = wire.margay("reflector", 1, |settings| {
        settings.global = "client_to_client = false".to_owned();
        settings.peers = vec![client(11, RR1), client(12, RR1), peer(14)];
    });
    reflector.start().unwrap();
    let raw = wire.place("raw", &[11, 12, 14]);
    let [mut first, second, mut non_client] = [11, 12, 14].map(|number| wire.dial(&raw, number, 1, false));
    first.announce_network(11);
    non_client.announce_network(14);
    non_client.wait_for(&[11]);
    second.wait_for(&[14]);
    let said = reflector.cli(&format!("explain {}", network(11))).unwrap();
    assert!(said.contains("clients"), "{said}");
}

#[test]
fn two_reflectors_back_each_other_up_in_one_cluster_and_in_two() {
    for cluster in [None, Some([9; 4])] {
        let wire = Wire::new();
        let mut reflectors = [(1, 2), (2, 1)].map(|(own, other)| {
            wire.margay(&format!("reflector{own}"), own, |settings| {
                let cluster = cluster.unwrap_or_else(|| identifier(own));
                settings.peers = vec![client(11, cluster), client(12, cluster), peer(other)];
            })
        });
        reflectors.iter_mut().for_each(|reflector| reflector.start().unwrap());
        wait_for_state(&reflectors[0], "peer2", |state| state == "established", "established");
        let raw = wire.place("raw", &[11, 12]);
        let mut at_11 = [1, 2].map(|reflector| wire.dial(&raw, 11, reflector, false));
        let at_12 = [1, 2].map(|reflector| wire.dial(&raw, 12, reflector, false));
        at_11.iter_mut().for_each(|session| session.announce_network(11));
        at_12.iter().for_each(|session| session.wait_for(&[11]));
        // What the other reflector says of the client is refused in one cluster, and a second path in two.
        let rejected = wait_until(PATIENCE, "the other reflector's path", || {
            let answer = reflectors[0]
                .json("show routes --received --peer peer2")
                .map_err(|error| error.to_string())?;
            answer["routes"][0]
                .as_object()
                .map(|route| route["rejected"].clone())
                .ok_or_else(|| answer.to_string())
        });
        assert_eq!(rejected.as_str().is_some(), cluster.is_some(), "{cluster:?}: {rejected}");
        // With the session to one reflector gone, the other path carries on: no withdrawal where both are in two clusters.
        let [to_first, mut to_second] = at_11;
        drop(to_first);
        match cluster {
            None => {
                wait_until(PATIENCE, "the path by way of the second reflector", || {
                    let route = at_12[0].table().into_values().next().ok_or("no route")?;
                    if clusters(&route).len() == 2 { Ok(()) } else { Err(format!("{route:?}")) }
                });
            }
            Some(_) => at_12[0].wait_for(&[]),
        }
        at_12[1].wait_for(&[11]);
        to_second.withdraw_network(11);
        at_12.iter().for_each(|session| session.wait_for(&[]));
    }
}

#[test]
fn reflectors_in_a_hierarchy_pass_a_route_from_leaf_to_leaf() {
    let wire = Wire::new();
    let mut routers = [
        wire.margay("top", 1, |settings| settings.peers = vec![client(2, RR1), client(3, RR1)]),
        wire.margay("left", 2, |settings| settings.peers = vec![peer(1), client(11, identifier(2))]),
        wire.margay("right", 3, |settings| settings.peers = vec![peer(1), client(12, identifier(3))]),
    ];
    routers.iter_mut().for_each(|router| router.start().unwrap());
    let raw = wire.place("raw", &[11, 12]);
    let (mut left, right) = (wire.dial(&raw, 11, 2, false), wire.dial(&raw, 12, 3, false));
    left.announce_network(11);
    right.wait_for(&[11]);
    assert_eq!(originator(&right.route(11)), Some(identifier(11)));
    assert_eq!(clusters(&right.route(11)), [3, 1, 2].map(identifier));
    left.withdraw_network(11);
    right.wait_for(&[]);
}

/// The identifier of router 1, and the cluster that is named by it.
const RR1: [u8; 4] = [192, 0, 2, 1];
