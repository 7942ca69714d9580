//! The peer announces more than the subject allows: Cease, Maximum Number of Prefixes Reached (RFC 4486).
//!
//! ```text
//! s (AS 65001), limit 10 ◄── p (AS 65002), 15 prefixes
//! ```

use anyhow::Result;

use super::Need;
use super::prefix_limit::exceeded;
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Subject(Feature::PrefixLimit), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    exceeded(stage, s, p)
}
