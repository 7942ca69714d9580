//! A reflector that is itself a client of another one (RFC 4456 §6).
//!
//! ```text
//! p (AS 65001), cluster 10.0.9.2 ─────────────── probe, client
//!  └── s (AS 65001), its client, cluster 10.0.9.1   10.4.0.0/24
//!       └── probe, client, 10.3.0.0/24
//! ```

use anyhow::Result;

use super::Need;
use super::reflector_pair_other_cluster::across;
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Reflector), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    across(stage, true)
}
