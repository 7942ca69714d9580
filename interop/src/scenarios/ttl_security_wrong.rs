//! A peer that sends with the TTL of an external peer is not heard (RFC 5082).
//!
//! ```text
//! s (AS 65001) ──TTL 255──► p (AS 65002)
//! wants 255    ◄────TTL 1──
//! ```

use std::time::Duration;

use anyhow::Result;

use super::Need;
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Subject(Feature::TtlSecurity)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |of_s, _| of_s.ttl_security = true);
    stage.start()?;
    // The peer may take the session for established until its hold time ends: it hears the subject.
    stage.clock.holds_for(Duration::from_secs(8), "there is no session", || stage.is_down(s, p))
}
