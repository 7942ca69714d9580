//! The subject's daemon dies and comes back: the peer keeps its routes meanwhile (RFC 4724).
//!
//! ```text
//! s (AS 65001), killed and started again ──► p (AS 65002) ──► probe (AS 65004)
//! 10.1.0.0/24                                                 hears nothing
//! ```

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::{Feature, Start};
use crate::node::{Network, Restart};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] =
    &[Need::Peer(Feature::RestartHelper), Need::Peer(Feature::Forwarding), Need::Subject(Feature::Restart)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    let sink = stage.place(65004)?;
    let restart = Some(Restart { time: 60, on_notification: false, long_lived: None });
    stage.link(s, p, |of_s, of_p| {
        of_s.restart = restart;
        of_p.restart = restart;
        of_p.passive = true;
    });
    stage.expects(p, &sink, |_| {});
    stage.originates(s, Network::new("10.1.0.0/24"));
    // It says that it has kept forwarding only if it has a kernel to keep it in.
    stage.node(s).kernel = true;
    stage.start()?;
    stage.established(s, p)?;
    let heard = stage.dial(&sink, p, &sink.identity())?;
    stage.clock.until("the route arrives", || heard.route("10.1.0.0/24"))?;
    stage.container(s)?.kill()?;
    stage.clock.until("the session is down", || stage.is_down(p, s))?;
    stage.clock.holds_for(Duration::from_secs(3), "the route stays", || heard.route("10.1.0.0/24"))?;
    stage.restart(s, Start::Recovering)?;
    stage.established(s, p)?;
    stage.clock.holds_for(Duration::from_secs(3), "the route stays after the restart", || {
        heard.route("10.1.0.0/24")?;
        ensure!(heard.withdrawals() == 0, "there were {} withdrawals", heard.withdrawals());
        Ok(())
    })
}
