//! The subject announces more than the peer allows: it understands the Cease (RFC 4486).
//!
//! ```text
//! s (AS 65001), 15 prefixes ──► p (AS 65002), limit 10
//! ```

use anyhow::Result;

use super::Need;
use super::prefix_limit::exceeded;
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Peer(Feature::PrefixLimit)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    exceeded(stage, p, s)
}
