//! What the scenarios of shutdown messages have in common.

use anyhow::{Context as _, Result, ensure};

use super::route_refresh::messages;
use crate::node::Network;
use crate::probe::Kind;
use crate::stage::{PartyId, Stage};

/// One party shuts the session down: the text is on the wire, and the other loses the routes.
pub(super) fn announced(stage: &mut Stage, ends: PartyId, hears: PartyId) -> Result<()> {
    stage.link(ends, hears, |_, of_hears| of_hears.passive = true);
    stage.originates(ends, Network::new("10.1.0.0/24"));
    let tap = stage.tap(ends)?;
    stage.start()?;
    stage.established(ends, hears)?;
    stage.uses(hears, "10.1.0.0/24", |_| Ok(()))?;
    stage.shut_down(ends, TEXT)?;
    let body = stage.clock.until("there is a NOTIFICATION", || {
        let sent = messages(stage, &tap, ends, hears);
        let found = sent.into_iter().find(|seen| seen.message.kind == Kind::Notification);
        Ok(found.context("no NOTIFICATION has passed")?.message.body)
    })?;
    let text = [&[6, 2, u8::try_from(TEXT.len())?], TEXT.as_bytes()].concat();
    ensure!(body == text, "the NOTIFICATION is {body:?}: {}", String::from_utf8_lossy(&body));
    stage.loses(hears, "10.1.0.0/24")
}

const TEXT: &str = "upgrade of rack 4";
