//! Both sides send with TTL 255 and accept nothing less (RFC 5082).
//!
//! ```text
//! s (AS 65001) ──TTL 255── p (AS 65002)
//! ```

use anyhow::Result;

use super::Need;
use crate::daemon::Feature;
use crate::node::Network;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::TtlSecurity), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |of_s, of_p| {
        of_s.ttl_security = true;
        of_p.ttl_security = true;
        of_p.passive = true;
    });
    stage.originates(p, Network::new("10.2.0.0/24"));
    stage.start()?;
    stage.established(s, p)?;
    stage.uses(s, "10.2.0.0/24", |_| Ok(())).map(drop)
}
