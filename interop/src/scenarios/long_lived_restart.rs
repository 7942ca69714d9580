//! The peer stays away for longer than its restart time: its routes stay as a last resort, marked LLGR_STALE (RFC 9494).
//!
//! ```text
//! probe (AS 65004) ◄── s (AS 65001) ◄── p (AS 65002), killed
//! 65535:6                               10.2.0.0/24
//! ```

use anyhow::{Context as _, Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::{Network, Restart};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::LongLivedRestart), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    let sink = stage.place(65004)?;
    let restart = Some(Restart { time: 3, on_notification: false, long_lived: Some(600) });
    stage.link(s, p, |of_s, of_p| {
        of_s.restart = restart;
        of_p.restart = restart;
        of_p.passive = true;
    });
    stage.expects(s, &sink, |peer| peer.restart = restart);
    stage.originates(p, Network::new("10.2.0.0/24"));
    stage.start()?;
    stage.established(s, p)?;
    // Graceful restart, then IPv4 with the flag and ten minutes.
    let identity = sink.identity().with(64, &[0, 3, 0, 1, 1, 0x80]).with(71, &[0, 1, 1, 0x80, 0, 2, 88]);
    let heard = stage.dial(&sink, s, &identity)?;
    stage.clock.until("the route arrives", || heard.route("10.2.0.0/24"))?;
    stage.container(p)?.kill()?;
    stage.clock.until("the route is marked", || {
        let route = heard.route("10.2.0.0/24")?;
        let (_, communities) = route.get(&8).context("there are no communities")?;
        ensure!(communities == &[0xff, 0xff, 0, 6], "the communities are {communities:?}");
        Ok(())
    })?;
    ensure!(heard.withdrawals() == 0, "there were {} withdrawals", heard.withdrawals());
    Ok(())
}
