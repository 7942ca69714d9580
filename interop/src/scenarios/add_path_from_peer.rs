//! The peer sends all its paths to a prefix, and the subject keeps them apart (RFC 7911).
//!
//! ```text
//! s (AS 65001) ◄──3 paths── p (AS 65002) ◄── three probes
//! ```

use anyhow::Result;

use super::{Need, add_path};
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[
    Need::Peer(Feature::AddPathSend),
    Need::Peer(Feature::Forwarding),
    Need::Subject(Feature::AddPathReceive),
];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    add_path::sent(stage, p, s)
}
