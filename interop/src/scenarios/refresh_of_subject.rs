//! The subject asks for a route refresh, and the peer sends its routes again (RFC 2918).
//!
//! ```text
//! s (AS 65001) ──ROUTE-REFRESH──► p (AS 65002)
//!              ◄─────────UPDATE── 10.2.0.0/24
//! ```

use anyhow::Result;

use super::Need;
use super::route_refresh::{answered, asking};
use crate::daemon::Feature;
use crate::node::Network;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[
    Need::Peer(Feature::Passive),
    Need::Subject(Feature::AskForRefresh),
    Need::Peer(Feature::AnswerRefresh),
];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, asking);
    stage.originates(p, Network::new("10.2.0.0/24"));
    answered(stage, s, p, "10.2.0.0/24")
}
