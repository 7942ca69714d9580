//! A provider and its customer agree on their roles, and the route gets ONLY_TO_CUSTOMER (RFC 9234).
//!
//! ```text
//! s (AS 65001), provider ──► p (AS 65002), customer
//! 10.1.0.0/24
//! ```

use anyhow::{Context as _, Result, ensure};

use super::Need;
use super::route_refresh::messages;
use crate::daemon::Feature;
use crate::node::{Network, Role};
use crate::probe::{Kind, Update};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Roles)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |of_s, of_p| {
        of_s.role = Some(Role::Provider);
        of_p.role = Some(Role::Customer);
        of_p.passive = true;
    });
    stage.originates(s, Network::new("10.1.0.0/24"));
    let tap = stage.tap(s)?;
    stage.start()?;
    stage.established(s, p)?;
    stage.uses(p, "10.1.0.0/24", |_| Ok(()))?;
    let sent = messages(stage, &tap, s, p).into_iter().filter(|seen| seen.message.kind == Kind::Update);
    let mut updates = sent.filter_map(|seen| Update::parse(&seen.message.body, false));
    let update = updates.find(|update| !update.announced.is_empty()).context("no route has passed")?;
    let (_, asn) = update.attributes.get(&35).context("there is no ONLY_TO_CUSTOMER")?;
    ensure!(asn == &65001_u32.to_be_bytes(), "ONLY_TO_CUSTOMER is {asn:?}");
    Ok(())
}
