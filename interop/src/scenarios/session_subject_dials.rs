//! A session that the subject opens, in each direction one route (RFC 4271 §8).
//!
//! ```text
//! s (AS 65001) ──eBGP──► p (AS 65002)
//! 10.1.0.0/24            10.2.0.0/24
//! ```

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::Network;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |_, of_p| of_p.passive = true);
    stage.originates(s, Network::new("10.1.0.0/24"));
    stage.originates(p, Network::new("10.2.0.0/24"));
    stage.start()?;
    stage.established(s, p)?;
    for (party, prefix, path, next_hop) in
        [(p, "10.1.0.0/24", "65001", "172.16.0.1"), (s, "10.2.0.0/24", "65002", "172.16.0.2")]
    {
        stage.uses(party, prefix, |route| {
            ensure!(route.as_path == path, "the AS path is not {path}");
            ensure!(route.next_hop.to_string() == next_hop, "the next hop is not {next_hop}");
            Ok(())
        })?;
    }
    Ok(())
}
