//! A pair of reflectors that know no node by name, and nodes that dial both (RFC 4456).
//!
//! ```text
//! s ──┬── p, cluster 10.0.9.1, accepts 172.16.0.0/24
//! s ──┤   │
//! s ──┴── p, cluster 10.0.9.1, accepts 172.16.0.0/24
//! ```

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};

use super::Need;
use super::reflection::ASN;
use crate::daemon::Feature;
use crate::node::{Family, Network, Peer};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Peer(Feature::Reflector), Need::Peer(Feature::DynamicPeers)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let reflectors = [stage.peer(ASN)?, stage.peer(ASN)?];
    let nodes = [stage.subject(ASN)?, stage.subject(ASN)?, stage.subject(ASN)?];
    for (index, node) in nodes.iter().enumerate() {
        stage.originates(*node, Network::new(&format!("10.65.{index}.0/26")));
        for reflector in reflectors {
            stage.link(*node, reflector, |_, _| {});
        }
    }
    for reflector in reflectors {
        let own = stage.address(reflector, Family::Ipv4);
        let range = "172.16.0.0/24".parse().context("a range")?;
        let mut client = Peer::new("range", own, own, ASN);
        client.client = true;
        let node = stage.node(reflector);
        node.peers.clear();
        node.cluster_id = Some(Ipv4Addr::new(10, 0, 9, 1));
        node.range = Some((range, client));
    }
    stage.start()?;
    for (node, reflector) in nodes.iter().flat_map(|node| reflectors.map(|reflector| (*node, reflector))) {
        stage.clock.until("the session is established", || stage.is_established(node, reflector))?;
    }
    for node in nodes {
        for (index, other) in nodes.iter().enumerate().filter(|(_, other)| **other != node) {
            let (prefix, next_hop) = (format!("10.65.{index}.0/26"), stage.address(*other, Family::Ipv4));
            stage.clock.until(&format!("there are two paths to {prefix}"), || {
                let routes = stage.routes(node)?;
                let paths: Vec<_> =
                    routes.iter().filter(|route| route.prefix.to_string() == prefix).collect();
                ensure!(
                    paths.len() == 2 && paths.iter().all(|route| route.next_hop == next_hop),
                    "there are {paths:?}"
                );
                Ok(())
            })?;
        }
    }
    // One reflector dies: nothing is lost.
    stage.container(reflectors[0])?.kill()?;
    stage.clock.until("the session is down", || stage.is_down(nodes[0], reflectors[0]))?;
    for (index, _) in nodes.iter().enumerate().skip(1) {
        stage.uses(nodes[0], &format!("10.65.{index}.0/26"), |_| Ok(()))?;
    }
    Ok(())
}
