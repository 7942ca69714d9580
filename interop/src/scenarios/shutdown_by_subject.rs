//! The subject shuts the session down with a text for the peer (RFC 9003).
//!
//! ```text
//! s (AS 65001) ──Cease, Administrative Shutdown, "upgrade of rack 4"──► p (AS 65002)
//! ```

use anyhow::Result;

use super::Need;
use super::shutdown::announced;
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Subject(Feature::ShutdownMessage), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    announced(stage, s, p)
}
