//! What the scenarios of prefix limits have in common.

use anyhow::{Context as _, Result, ensure};

use super::route_refresh::messages;
use crate::node::Network;
use crate::probe::Kind;
use crate::stage::{PartyId, Stage};

/// One party allows ten prefixes, and the other announces fifteen: some count a prefix only once it is accepted.
pub(super) fn exceeded(stage: &mut Stage, limits: PartyId, announces: PartyId) -> Result<()> {
    stage.link(limits, announces, |of_limits, of_announces| {
        of_limits.prefix_limit = Some(10);
        of_announces.passive = true;
    });
    for number in 0..15 {
        stage.originates(announces, Network::new(&format!("10.2.{number}.0/24")));
    }
    let tap = stage.tap(limits)?;
    stage.start()?;
    let notification = stage.clock.until("there is a NOTIFICATION", || {
        let sent = messages(stage, &tap, limits, announces);
        sent.into_iter()
            .find(|seen| seen.message.kind == Kind::Notification)
            .context("no NOTIFICATION has passed")
    })?;
    let body = notification.message.body;
    ensure!(body.starts_with(&[6, 1]), "the NOTIFICATION is {body:?}");
    stage.clock.until("the session is down", || stage.is_down(announces, limits))
}
