//! Two providers of each other: there is no session, and one says Role Mismatch (RFC 9234).
//!
//! ```text
//! s (AS 65001), provider ──x── p (AS 65002), provider
//! ```

use anyhow::{Context as _, Result};

use super::Need;
use super::route_refresh::messages;
use crate::daemon::Feature;
use crate::node::Role;
use crate::probe::Kind;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Roles)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |of_s, of_p| {
        of_s.role = Some(Role::Provider);
        of_p.role = Some(Role::Provider);
        of_p.passive = true;
    });
    let tap = stage.tap(s)?;
    stage.start()?;
    stage.clock.until("one side says Role Mismatch", || {
        let both = [messages(stage, &tap, s, p), messages(stage, &tap, p, s)].concat();
        let found = both
            .iter()
            .any(|seen| seen.message.kind == Kind::Notification && seen.message.body.starts_with(&[2, 11]));
        found.then_some(()).context("no such NOTIFICATION has passed")
    })?;
    stage.is_down(s, p)?;
    stage.is_down(p, s)
}
