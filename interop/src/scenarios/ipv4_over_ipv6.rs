//! IPv4 routes with IPv6 next hops in a session over IPv6 (RFC 8950).
//!
//! ```text
//! s (AS 65001) ──eBGP over IPv6── p (AS 65002)
//! 10.1.0.0/24                     10.2.0.0/24
//! ```

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::{Family, Network};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::ExtendedNextHop), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link_over(Family::Ipv6, s, p, |of_s, of_p| {
        for peer in [of_s, &mut *of_p] {
            peer.families = Family::ALL.to_vec();
            peer.extended_next_hop = true;
        }
        of_p.passive = true;
    });
    stage.originates(s, Network::new("10.1.0.0/24"));
    stage.originates(p, Network::new("10.2.0.0/24"));
    stage.start()?;
    stage.established(s, p)?;
    for (party, prefix, other) in [(p, "10.1.0.0/24", s), (s, "10.2.0.0/24", p)] {
        let next_hop = stage.address(other, Family::Ipv6);
        stage.uses(party, prefix, |route| {
            ensure!(route.next_hop == next_hop, "the next hop is not {next_hop}");
            Ok(())
        })?;
    }
    Ok(())
}
