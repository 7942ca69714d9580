//! A full mesh of nodes becomes a cluster around a reflector, by reloads alone, and no packet loses its way.

use std::time::Duration;

use margay_lab::{Margay, Router, holds_for, wait_until};

use crate::kernel_watch::KernelWatch;
use crate::pair::{PATIENCE, wait_for_state};
use crate::wire::{Wire, client, identifier, network, peer, wait_for_networks};

#[test]
fn nodes_of_a_mesh_move_to_a_reflector_without_losing_a_route() {
    let wire = Wire::new();
    let others = |own: u8| NODES.into_iter().filter(move |&number| number != own);
    let mut nodes = NODES.map(|own| {
        wire.margay(&format!("node{own}"), own, |settings| {
            settings.kernel = true;
            settings.networks = vec![network(own)];
            settings.peers = others(own).map(peer).collect();
        })
    });
    nodes.iter_mut().for_each(|node| node.start().unwrap());
    let all_know_all = |nodes: &[Margay]| {
        NODES.iter().zip(nodes).for_each(|(&own, node)| {
            wait_for_networks(node, &others(own).collect::<Vec<_>>());
            wait_for_kernel_routes(node, own);
        });
    };
    all_know_all(&nodes);
    let watch = KernelWatch::start(nodes[0].namespace());

    let mut reflector = wire.margay("reflector", 1, |settings| {
        settings.peers = NODES.map(|number| client(number, identifier(1))).into();
    });
    reflector.start().unwrap();
    for node in &mut nodes {
        node.settings().peers.push(peer(1));
        node.reload().unwrap();
    }
    for node in &nodes {
        wait_for_state(node, "peer1", |state| state == "established", "established");
    }
    // A node lets go of the mesh when it has every route from the reflector, too.
    for (own, node) in NODES.into_iter().zip(&nodes) {
        wait_until(PATIENCE, "the routes from the reflector", || {
            let answer =
                node.json("show routes --received --peer peer1").map_err(|error| format!("{error:#}"))?;
            let count = answer["routes"].as_array().map_or(0, Vec::len);
            if count == others(own).count() { Ok(()) } else { Err(answer.to_string()) }
        });
    }
    for node in &mut nodes {
        node.settings().peers.retain(|peer| peer.name == "peer1");
        node.reload().unwrap();
    }
    all_know_all(&nodes);
    holds_for(Duration::from_millis(500), "all routes are there", || {
        for node in &nodes {
            if node.route_count().unwrap() != NODES.len() - 1 {
                return Err(format!("{node:?}: {} routes", node.route_count().unwrap()));
            }
        }
        Ok(())
    });
    watch.expect_no_loss("nodes move");

    // The monitor does see what is lost.
    let watch = KernelWatch::start(nodes[0].namespace());
    nodes[1].cli("shutdown").unwrap();
    wait_for_networks(&nodes[0], &[NODES[2]]);
    wait_until(PATIENCE, "the loss in the monitor", || {
        let seen = watch.seen();
        if seen.contains(&format!("Deleted {}", network(NODES[1]))) { Ok(()) } else { Err(seen) }
    });
}

#[track_caller]
fn wait_for_kernel_routes(node: &Margay, own: u8) {
    wait_until(PATIENCE, &format!("the kernel routes of {node:?}"), || {
        let table =
            node.namespace().ip_output("-4 route show proto 186").map_err(|error| format!("{error:#}"))?;
        let missing = NODES
            .into_iter()
            .filter(|&number| number != own)
            .find(|&number| !table.contains(&network(number)));
        missing.map_or(Ok(()), |number| Err(format!("{} is missing in {table}", network(number))))
    });
}

const NODES: [u8; 3] = [11, 12, 13];
