//! Both sides connect at the same time: one connection stays, and the session with it (RFC 4271 §6.8).
//!
//! ```text
//! s (AS 65001) ──►◄── p (AS 65002)
//! ```

use std::time::Duration;

use anyhow::Result;

use super::Need;
use crate::daemon::{Feature, Start};
use crate::node::Network;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |_, _| {});
    stage.originates(s, Network::new("10.1.0.0/24"));
    stage.originates(p, Network::new("10.2.0.0/24"));
    stage.start()?;
    for round in 0..3 {
        stage.established(s, p)?;
        stage.uses(p, "10.1.0.0/24", |_| Ok(()))?;
        stage.uses(s, "10.2.0.0/24", |_| Ok(()))?;
        stage.clock.holds_for(Duration::from_secs(4), "the session stays", || {
            stage.is_established(s, p)?;
            stage.is_established(p, s)
        })?;
        if round < 2 {
            stage.container(p)?.kill()?;
            stage.container(s)?.kill()?;
            stage.restart(s, Start::Fresh)?;
            stage.restart(p, Start::Fresh)?;
        }
    }
    Ok(())
}
