//! Routes of both families in one session over IPv4 (RFC 4760).
//!
//! ```text
//! s (AS 65001) ──────eBGP over IPv4────── p (AS 65002)
//! 10.1.0.0/24, 2001:db8:1::/48            10.2.0.0/24, 2001:db8:2::/48
//! ```

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::{Family, Network};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |of_s, of_p| {
        of_s.families = Family::ALL.to_vec();
        of_p.families = Family::ALL.to_vec();
        of_p.passive = true;
    });
    for (party, number) in [(s, 1), (p, 2)] {
        stage.originates(party, Network::new(&format!("10.{number}.0.0/24")));
        stage.originates(party, Network::new(&format!("2001:db8:{number}::/48")));
    }
    stage.start()?;
    stage.established(s, p)?;
    for (party, number, other) in [(p, 1, s), (s, 2, p)] {
        for family in Family::ALL {
            let prefix = match family {
                Family::Ipv4 => format!("10.{number}.0.0/24"),
                Family::Ipv6 => format!("2001:db8:{number}::/48"),
            };
            let next_hop = stage.address(other, family);
            stage.uses(party, &prefix, |route| {
                ensure!(route.next_hop == next_hop, "the next hop is not {next_hop}");
                Ok(())
            })?;
        }
    }
    Ok(())
}
