//! The shortest hold time: KEEPALIVEs every second, and a peer that hangs is noticed (RFC 4271 §6.5).
//!
//! ```text
//! s (AS 65001), hold time 3 ── p (AS 65002), hold time 3, then frozen
//! ```

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::Need;
use super::route_refresh::messages;
use crate::daemon::Feature;
use crate::node::Network;
use crate::probe::Kind;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |of_s, of_p| {
        of_s.hold_time = 3;
        of_p.hold_time = 3;
        of_p.passive = true;
    });
    stage.originates(p, Network::new("10.2.0.0/24"));
    let tap = stage.tap(s)?;
    stage.start()?;
    stage.established(s, p)?;
    stage.uses(s, "10.2.0.0/24", |_| Ok(()))?;
    let keepalives = || {
        messages(stage, &tap, s, p).into_iter().filter(|seen| seen.message.kind == Kind::Keepalive).count()
    };
    let before = keepalives();
    stage.clock.holds_for(Duration::from_secs(6), "the session stays", || stage.is_established(s, p))?;
    ensure!(keepalives() - before >= 4, "{} KEEPALIVEs in six seconds", keepalives() - before);
    stage.container(p)?.freeze()?;
    stage.clock.until("the hold timer expires", || {
        let sent = messages(stage, &tap, s, p);
        let found = sent
            .iter()
            .any(|seen| seen.message.kind == Kind::Notification && seen.message.body.first() == Some(&4));
        found.then_some(()).context("no such NOTIFICATION has passed")
    })?;
    stage.loses(s, "10.2.0.0/24")?;
    stage.container(p)?.thaw()?;
    stage.established(s, p)
}
