//! The peer's daemon dies and comes back: the subject keeps its routes meanwhile (RFC 4724).
//!
//! ```text
//! probe (AS 65004) ◄── s (AS 65001) ◄── p (AS 65002), killed and started again
//! hears nothing                         10.2.0.0/24
//! ```

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::{Feature, Start};
use crate::node::{Network, Restart};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] =
    &[Need::Peer(Feature::Passive), Need::Subject(Feature::RestartHelper), Need::Peer(Feature::Restart)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    let sink = stage.place(65004)?;
    let restart = Some(Restart { time: 60, on_notification: false, long_lived: None });
    stage.link(s, p, |of_s, of_p| {
        of_s.restart = restart;
        of_p.restart = restart;
        of_p.passive = true;
    });
    stage.expects(s, &sink, |_| {});
    stage.originates(p, Network::new("10.2.0.0/24"));
    stage.start()?;
    stage.established(s, p)?;
    let heard = stage.dial(&sink, s, &sink.identity())?;
    stage.clock.until("the route arrives", || heard.route("10.2.0.0/24"))?;
    stage.container(p)?.kill()?;
    stage.clock.until("the session is down", || stage.is_down(s, p))?;
    stage.clock.holds_for(Duration::from_secs(3), "the route stays", || heard.route("10.2.0.0/24"))?;
    stage.restart(p, Start::Recovering)?;
    stage.established(s, p)?;
    stage.clock.holds_for(Duration::from_secs(3), "the route stays after the restart", || {
        heard.route("10.2.0.0/24")?;
        ensure!(heard.withdrawals() == 0, "there were {} withdrawals", heard.withdrawals());
        Ok(())
    })
}
