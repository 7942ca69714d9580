//! A peer that hangs is noticed by BFD within a second, long before the hold time of 90 s (RFC 5882).
//!
//! ```text
//! s (AS 65001) ──BFD, 3 x 100 ms── p (AS 65002), then cut off
//! ```

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::Network;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Bfd), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |of_s, of_p| {
        of_s.bfd = true;
        of_p.bfd = true;
        of_p.passive = true;
    });
    stage.originates(p, Network::new("10.2.0.0/24"));
    stage.start()?;
    stage.established(s, p)?;
    stage.uses(s, "10.2.0.0/24", |_| Ok(()))?;
    // BFD comes up after the session with some daemons.
    stage.clock.holds_for(Duration::from_secs(5), "the session stays", || stage.is_established(s, p))?;
    let cut = Instant::now();
    stage.place_of(p).attachment.cut()?;
    stage.clock.until("the session is down", || stage.is_down(s, p))?;
    stage.loses(s, "10.2.0.0/24")?;
    // The hold time would take at least a minute; a busy machine takes seconds to answer.
    ensure!(cut.elapsed() < Duration::from_secs(20), "it took {:?}", cut.elapsed());
    stage.place_of(p).attachment.restore()?;
    stage.established(s, p)?;
    stage.uses(s, "10.2.0.0/24", |_| Ok(())).map(drop)
}
