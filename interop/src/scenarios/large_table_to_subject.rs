//! The same table the other way: the subject hears it from the peer (RFC 4271 §9).
//!
//! ```text
//! probe (AS 65004) ◄── s (AS 65001) ◄── p (AS 65002) ◄── probe (AS 65003)
//!                                                        100,000 routes
//! ```

use anyhow::Result;

use super::chain::Direction;
use super::{Need, large_table};
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Forwarding)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    large_table::through(stage, Direction::ToSubject)
}
