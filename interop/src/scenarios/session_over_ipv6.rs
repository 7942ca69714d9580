//! A session over IPv6 with IPv6 routes (RFC 2545).
//!
//! ```text
//! s (AS 65001) ──eBGP over IPv6── p (AS 65002)
//! 2001:db8:1::/48                 2001:db8:2::/48
//! ```

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::{Family, Network};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link_over(Family::Ipv6, s, p, |_, of_p| of_p.passive = true);
    stage.originates(s, Network::new("2001:db8:1::/48"));
    stage.originates(p, Network::new("2001:db8:2::/48"));
    stage.start()?;
    stage.established(s, p)?;
    for (party, prefix, other) in [(p, "2001:db8:1::/48", s), (s, "2001:db8:2::/48", p)] {
        let next_hop = stage.address(other, Family::Ipv6);
        stage.uses(party, prefix, |route| {
            ensure!(route.next_hop == next_hop, "the next hop is not {next_hop}");
            Ok(())
        })?;
    }
    Ok(())
}
