//! Nodes of a mesh change from the peer's daemon to the subject one after the other, and no packet between them is lost (RFC 4724).
//!
//! ```text
//! node 1 ── node 2 ── node 3      p becomes s, three times
//!    ╲─────ping, both ways────╱
//! ```

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::{Network, Restart};
use crate::stage::{PartyId, Stage, Traffic};

pub(super) const NEEDS: &[Need] =
    &[Need::Both(Feature::Kernel), Need::Both(Feature::Restart), Need::Both(Feature::RestartHelper)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let nodes = [stage.peer(65001)?, stage.peer(65001)?, stage.peer(65001)?];
    for (index, node) in nodes.iter().enumerate() {
        stage.node(*node).kernel = true;
        stage.originates(*node, Network::new(&format!("10.65.{index}.0/26")));
        stage.place_of(*node).namespace.ip(&format!("address add 10.65.{index}.1/32 dev lo"))?;
        for other in &nodes[..index] {
            stage.link(*node, *other, |of_one, of_other| {
                let restart = Some(Restart { time: 60, on_notification: false, long_lived: None });
                (of_one.restart, of_other.restart) = (restart, restart);
            });
        }
    }
    stage.start()?;
    let flows: Vec<(usize, usize)> =
        (0..3).flat_map(|from| (0..3).filter(move |to| *to != from).map(move |to| (from, to))).collect();
    for (from, to) in &flows {
        let target = address(*to)?;
        stage.clock.until("traffic passes", || stage.place_of(nodes[*from]).namespace.ping(target))?;
    }
    let traffic = flows.iter().map(|(from, to)| {
        Traffic::start(&stage.place_of(nodes[*from]).namespace, address(*from)?, address(*to)?)
    });
    let traffic: Vec<Traffic> = traffic.collect::<Result<_>>()?;
    for node in nodes {
        stage.replace(node)?;
        for other in nodes.into_iter().filter(|other| *other != node) {
            stage.established(node, other)?;
        }
        all_know_all(stage, &nodes)?;
        stage.clock.holds_for(Duration::from_secs(3), "all routes stay", || all_have_all(stage, &nodes))?;
    }
    for (flow, (from, to)) in traffic.into_iter().zip(&flows) {
        let count = flow.end()?;
        ensure!(count.sent > 100, "only {} packets were sent", count.sent);
        ensure!(
            count.sent == count.received,
            "{} of {} packets from node {from} to {to} were lost",
            count.sent - count.received,
            count.sent
        );
    }
    Ok(())
}

fn address(index: usize) -> Result<IpAddr> {
    format!("10.65.{index}.1").parse().context("an address")
}

fn all_know_all(stage: &Stage, nodes: &[PartyId]) -> Result<()> {
    stage.clock.until("all nodes have all routes", || all_have_all(stage, nodes))
}

fn all_have_all(stage: &Stage, nodes: &[PartyId]) -> Result<()> {
    for (index, node) in nodes.iter().enumerate() {
        let routes = stage.routes(*node)?;
        for other in (0..nodes.len()).filter(|other| *other != index) {
            let prefix = format!("10.65.{other}.0/26");
            ensure!(
                routes.iter().any(|route| route.prefix.to_string() == prefix && route.best),
                "{prefix}: {routes:?}"
            );
        }
    }
    Ok(())
}
