//! A session between link-local addresses, with IPv6 routes (RFC 2545 §3).
//!
//! ```text
//! s (AS 65001), fe80::1%eth0 ── p (AS 65002), fe80::2%eth0
//! 2001:db8:1::/48               2001:db8:2::/48
//! ```

use anyhow::Result;

use super::Need;
use crate::daemon::Feature;
use crate::node::Network;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::LinkLocal), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link_locally(s, p, |_, of_p| of_p.passive = true);
    stage.originates(s, Network::new("2001:db8:1::/48"));
    stage.originates(p, Network::new("2001:db8:2::/48"));
    stage.start()?;
    stage.established(s, p)?;
    stage.uses(p, "2001:db8:1::/48", |_| Ok(()))?;
    stage.uses(s, "2001:db8:2::/48", |_| Ok(())).map(drop)
}
