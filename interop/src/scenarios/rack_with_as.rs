//! Two racks with an AS each: a top-of-rack switch reflects among its nodes and peers with the other rack (RFC 4456, RFC 7938).
//!
//! ```text
//! s ──┐                                          ┌── s
//!     p (AS 65001), reflector ──eBGP── p (AS 65002), reflector
//! s ──┘                                          └── s
//! 10.65.N.0/26
//! ```

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::Network;
use crate::stage::{PartyId, Stage};

pub(super) const NEEDS: &[Need] = &[Need::Peer(Feature::Reflector), Need::Peer(Feature::Forwarding)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (first, second) = (Rack::new(stage, 65001, 1)?, Rack::new(stage, 65002, 3)?);
    stage.link(first.switch, second.switch, |_, of_second| of_second.passive = true);
    stage.start()?;
    for (rack, other) in [(&first, &second), (&second, &first)] {
        for (index, node) in rack.nodes.iter().enumerate() {
            stage.uses(*node, &rack.blocks[1 - index], |route| {
                ensure!(route.as_path.is_empty(), "the AS path is not empty");
                Ok(())
            })?;
            for block in &other.blocks {
                stage.uses(*node, block, |route| {
                    ensure!(
                        route.as_path == other.asn.to_string(),
                        "the AS path is not that of the other rack"
                    );
                    Ok(())
                })?;
            }
        }
    }
    Ok(())
}

/// A switch and its nodes.
struct Rack {
    asn: u32,
    switch: PartyId,
    nodes: [PartyId; 2],
    blocks: [String; 2],
}

impl Rack {
    /// The blocks of its nodes are numbered from `number` on.
    fn new(stage: &mut Stage, asn: u32, number: u8) -> Result<Self> {
        let switch = stage.peer(asn)?;
        let nodes = [stage.subject(asn)?, stage.subject(asn)?];
        let blocks = [number, number + 1].map(|number| format!("10.65.{number}.0/26"));
        for (node, block) in nodes.iter().zip(&blocks) {
            stage.link(*node, switch, |_, of_switch| {
                of_switch.client = true;
                of_switch.passive = true;
            });
            stage.originates(*node, Network::new(block));
        }
        Ok(Self { asn, switch, nodes, blocks })
    }
}
