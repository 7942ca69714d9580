//! A full mesh of five nodes with a block each: three subjects and two peers (RFC 4271 §9.2.1).
//!
//! ```text
//! s ── s ── s
//!  ╲ each with each ╱      all AS 65001, 10.65.N.0/26
//!   p ──── p
//! ```

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::{Family, Network};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(stage.subject(65001)?);
    }
    for _ in 0..2 {
        nodes.push(stage.peer(65001)?);
    }
    for (index, node) in nodes.iter().enumerate() {
        stage.originates(*node, Network::new(&format!("10.65.{index}.0/26")));
        for other in &nodes[..index] {
            stage.link(*node, *other, |_, _| {});
        }
    }
    stage.start()?;
    for node in &nodes {
        for (index, other) in nodes.iter().enumerate().filter(|(_, other)| *other != node) {
            let next_hop = stage.address(*other, Family::Ipv4);
            stage.uses(*node, &format!("10.65.{index}.0/26"), |route| {
                ensure!(route.next_hop == next_hop, "the next hop is not {next_hop}");
                Ok(())
            })?;
        }
    }
    Ok(())
}
