//! There is no session between two passwords, nor between one and none (RFC 2385).
//!
//! ```text
//! s (AS 65001) ──MD5── p (AS 65002)
//! "one secret"         "another"
//! ```

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Need;
use super::route_refresh::messages;
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Md5)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |of_s, of_p| {
        of_s.password = Some("one-secret".to_owned());
        of_p.password = Some("another".to_owned());
    });
    let tap = stage.tap(s)?;
    stage.start()?;
    stage.clock.holds_for(Duration::from_secs(8), "there is no session", || {
        stage.is_down(s, p)?;
        stage.is_down(p, s)
    })?;
    ensure!(messages(stage, &tap, s, p).is_empty(), "messages have passed");
    Ok(())
}
