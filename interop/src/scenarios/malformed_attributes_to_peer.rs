//! The same to the peer, for a comparison (RFC 7606).
//!
//! ```text
//! probe (AS 65004) ◄── s (AS 65001) ◄── p (AS 65002) ◄── probe (AS 65003)
//!                                       decides          malformed
//! ```

use anyhow::Result;

use super::Need;
use super::chain::Direction;
use super::malformed::handled;
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Forwarding)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    handled(stage, Direction::ToSubject)
}
