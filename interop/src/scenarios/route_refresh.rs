//! What the scenarios of route refresh have in common: a request on the wire, and the routes after it.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::node::{Family, Peer, Restart};
use crate::probe::{Kind, Seen, Tap, Update};
use crate::stage::{PartyId, Stage};

/// Settings of the two for each other. They restart gracefully: FRR answers a speaker of enhanced refresh only after its
/// End-of-RIB, which it does not send otherwise.
pub(super) fn asking(one: &mut Peer, other: &mut Peer) {
    let restart = Some(Restart { time: 60, on_notification: false, long_lived: None });
    (one.restart, other.restart) = (restart, restart);
    other.passive = true;
}

/// Starts both, lets one ask, and waits until the other has announced a prefix again.
pub(super) fn answered(stage: &mut Stage, asks: PartyId, answers: PartyId, prefix: &str) -> Result<()> {
    let tap = stage.tap(asks)?;
    stage.start()?;
    stage.established(asks, answers)?;
    stage.uses(asks, prefix, |_| Ok(()))?;
    stage.request_refresh(asks)?;
    let request = stage.clock.until("there is a request", || {
        let found = messages(stage, &tap, asks, answers)
            .into_iter()
            .find(|seen| seen.message.kind == Kind::RouteRefresh);
        found.context("no ROUTE-REFRESH has passed")
    })?;
    stage.clock.until("the route is announced again", || {
        announced_after(stage, &tap, (answers, asks), prefix, request.at)
    })?;
    stage.uses(asks, prefix, |_| Ok(()))?;
    // A new session would announce the routes as well.
    let mut later = messages(stage, &tap, answers, asks).into_iter().filter(|seen| seen.at > request.at);
    ensure!(later.all(|seen| seen.message.kind != Kind::Open), "the session ended, and there is a new one");
    stage.is_established(asks, answers)
}

/// The messages from one party to another so far, over IPv4.
pub(super) fn messages(stage: &Stage, tap: &Tap, from: PartyId, to: PartyId) -> Vec<Seen> {
    tap.messages(stage.address(from, Family::Ipv4), stage.address(to, Family::Ipv4))
}

fn announced_after(
    stage: &Stage,
    tap: &Tap,
    (from, to): (PartyId, PartyId),
    prefix: &str,
    at: Instant,
) -> Result<()> {
    let wanted = prefix.parse().context("a scenario names prefixes")?;
    let later = messages(stage, tap, from, to)
        .into_iter()
        .filter(|seen| seen.at > at && seen.message.kind == Kind::Update);
    let updates = later.filter_map(|seen| Update::parse(&seen.message.body, false));
    let mut announced = updates.flat_map(|update| update.announced);
    announced
        .any(|(found, _)| found == wanted)
        .then_some(())
        .with_context(|| format!("{prefix} has not been announced again"))
}
