//! Two exits of one AS: the lower MULTI_EXIT_DISC wins (RFC 4271 §9.1.2.2 c).
//!
//! ```text
//! p (AS 65002), MED 20 ──► s (AS 65001) ◄── p (AS 65002), MED 10
//! ```

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::{Family, Network};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] =
    &[Need::Subject(Feature::Decision), Need::Peer(Feature::NetworkAttributes), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let s = stage.subject(65001)?;
    // The first peer has the lower address and router identifier: it would win without the attribute.
    let (high, low) = (stage.peer(65002)?, stage.peer(65002)?);
    for (party, med) in [(high, 20), (low, 10)] {
        stage.link(s, party, |_, of_p| of_p.passive = true);
        stage.originates(party, Network { med: Some(med), ..Network::new("10.2.0.0/24") });
    }
    stage.start()?;
    stage.established(s, high)?;
    stage.established(s, low)?;
    let next_hop = stage.address(low, Family::Ipv4);
    stage.uses(s, "10.2.0.0/24", |route| {
        ensure!(route.next_hop == next_hop && route.med == Some(10), "it is not the one with MED 10");
        Ok(())
    })?;
    stage.container(low)?.kill()?;
    stage
        .uses(s, "10.2.0.0/24", |route| {
            ensure!(route.med == Some(20), "it is not the one with MED 20");
            Ok(())
        })
        .map(drop)
}
