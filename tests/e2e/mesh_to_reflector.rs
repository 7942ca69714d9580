//! A full mesh of nodes becomes a cluster around a reflector, by reloads alone, and no packet loses its way.

use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::time::Duration;

use margay_lab::{Margay, Router, holds_for, wait_until};

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
    let watch = Watch::start(&nodes[0]);

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
    let seen = watch.finish();
    let lost: Vec<&str> = seen.lines().filter(|line| line.starts_with("Deleted 10.65.")).collect();
    assert!(lost.is_empty(), "routes left the kernel: {lost:?}");

    // The monitor does see what is lost.
    let watch = Watch::start(&nodes[0]);
    nodes[1].kill().unwrap();
    wait_for_networks(&nodes[0], &[NODES[2]]);
    wait_until(PATIENCE, "the loss in the monitor", || {
        let seen = watch.seen();
        if seen.contains(&format!("Deleted {}", network(NODES[1]))) { Ok(()) } else { Err(seen) }
    });
}

/// What happens to routes in a node's kernel.
struct Watch {
    monitor: Child,
    file: std::path::PathBuf,
}

impl Watch {
    fn start(node: &Margay) -> Self {
        let file = std::env::temp_dir().join(format!("{}-routes.txt", node.namespace().name()));
        let mut command = node.namespace().command("ip");
        command.args(["monitor", "route"]).stdin(Stdio::null()).stdout(File::create(&file).unwrap());
        let monitor = command.spawn().unwrap();
        let watch = Self { monitor, file };
        // It listens when it reports a route that comes and goes.
        wait_until(PATIENCE, "the monitor", || {
            node.namespace()
                .ip("route add blackhole 203.0.113.0/24 proto static")
                .map_err(|error| error.to_string())?;
            node.namespace().ip("route del blackhole 203.0.113.0/24").map_err(|error| error.to_string())?;
            if watch.seen().contains("203.0.113.0/24") { Ok(()) } else { Err(watch.seen()) }
        });
        watch
    }

    fn seen(&self) -> String {
        fs::read_to_string(&self.file).unwrap()
    }

    fn finish(self) -> String {
        self.seen()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.monitor.kill().unwrap();
        self.monitor.wait().unwrap();
        fs::remove_file(&self.file).unwrap();
    }
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
