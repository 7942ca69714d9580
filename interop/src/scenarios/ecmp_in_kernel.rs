//! Equal paths over two peers share the traffic in the kernel, and one is enough when the other peer dies (RFC 7938 §6.1).
//!
//! ```text
//!                     ┌── p (AS 65002) ── 10.2.0.1
//! s (AS 65001), kernel
//!                     └── p (AS 65002) ── 10.2.0.1
//! ```

use std::net::IpAddr;

use anyhow::{Context as _, Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::Network;
use crate::stage::{PartyId, Stage};

pub(super) const NEEDS: &[Need] = &[Need::Subject(Feature::Kernel), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let s = stage.subject(65001)?;
    let peers = [stage.peer(65002)?, stage.peer(65002)?];
    stage.node(s).kernel = true;
    for peer in peers {
        stage.link(s, peer, |_, of_p| of_p.passive = true);
        stage.originates(peer, Network::new(PREFIX));
        stage.place_of(peer).namespace.ip("address add 10.2.0.1/32 dev lo")?;
    }
    stage.start()?;
    for peer in peers {
        stage.established(s, peer)?;
    }
    ways_are(stage, s, 2)?;
    stage.clock.until("traffic passes", || ping_all(stage, s))?;
    stage.container(peers[0])?.kill()?;
    ways_are(stage, s, 1)?;
    ping_all(stage, s)
}

const PREFIX: &str = "10.2.0.0/24";

/// Waits until the kernel's route has a number of next hops.
fn ways_are(stage: &Stage, party: PartyId, number: usize) -> Result<()> {
    stage.clock.until(&format!("the kernel has {number} next hops"), || {
        let route = stage.place_of(party).namespace.ip_output(&format!("route show {PREFIX}"))?;
        let ways = route.matches("via ").count();
        ensure!(ways == number, "the route is {route:?}");
        Ok(())
    })
}

fn ping_all(stage: &Stage, from: PartyId) -> Result<()> {
    let target: IpAddr = "10.2.0.1".parse().context("an address")?;
    (0..10).try_for_each(|_| stage.place_of(from).namespace.ping(target))
}
