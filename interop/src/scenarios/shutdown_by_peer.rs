//! The peer shuts the session down with a text for the subject (RFC 9003).
//!
//! ```text
//! s (AS 65001) ◄──Cease, Administrative Shutdown, "upgrade of rack 4"── p (AS 65002)
//! ```

use anyhow::Result;

use super::Need;
use super::shutdown::announced;
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Peer(Feature::ShutdownMessage)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    announced(stage, p, s)
}
