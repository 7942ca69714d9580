//! The peer asks for a route refresh, and the subject sends its routes again (RFC 2918).
//!
//! ```text
//! s (AS 65001) ◄──ROUTE-REFRESH── p (AS 65002)
//! 10.1.0.0/24  ──UPDATE─────────►
//! ```

use anyhow::Result;

use super::Need;
use super::route_refresh::{answered, asking};
use crate::daemon::Feature;
use crate::node::Network;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[
    Need::Peer(Feature::Passive),
    Need::Peer(Feature::AskForRefresh),
    Need::Subject(Feature::AnswerRefresh),
];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, asking);
    stage.originates(s, Network::new("10.1.0.0/24"));
    answered(stage, p, s, "10.1.0.0/24")
}
