//! A hold time of zero on both sides: a session without timers (RFC 4271 §4.2).
//!
//! ```text
//! s (AS 65001), hold time 0 ── p (AS 65002), hold time 0
//! ```

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::Need;
use super::route_refresh::messages;
use crate::daemon::Feature;
use crate::node::Network;
use crate::probe::Kind;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::HoldTimeZero), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |of_s, of_p| {
        of_s.hold_time = 0;
        of_p.hold_time = 0;
        of_p.passive = true;
    });
    stage.originates(s, Network::new("10.1.0.0/24"));
    stage.originates(p, Network::new("10.2.0.0/24"));
    let tap = stage.tap(s)?;
    stage.start()?;
    stage.established(s, p)?;
    stage.uses(p, "10.1.0.0/24", |_| Ok(()))?;
    stage.uses(s, "10.2.0.0/24", |_| Ok(()))?;
    let open = messages(stage, &tap, s, p)
        .into_iter()
        .find(|seen| seen.message.kind == Kind::Open)
        .context("no OPEN has passed")?;
    ensure!(open.message.body.get(3..5) == Some(&[0, 0]), "the OPEN is {:?}", open.message.body);
    stage.clock.holds_for(Duration::from_secs(5), "the session stays", || {
        stage.is_established(s, p)?;
        stage.is_established(p, s)
    })
}
