//! A route refresh of the subject has a mark before and after the routes (RFC 7313).
//!
//! ```text
//! s (AS 65001) ──ROUTE-REFRESH──────────────────► p (AS 65002)
//!              ◄──begin───UPDATE───end────────── 10.2.0.0/24
//! ```

use anyhow::{Result, ensure};

use super::Need;
use super::route_refresh::{answered, asking, messages};
use crate::daemon::Feature;
use crate::node::Network;
use crate::probe::Kind;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[
    Need::Peer(Feature::Passive),
    Need::Subject(Feature::AskForRefresh),
    Need::Both(Feature::EnhancedRefresh),
];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |of_s, of_p| {
        of_s.enhanced_refresh = true;
        of_p.enhanced_refresh = true;
        asking(of_s, of_p);
    });
    stage.originates(p, Network::new("10.2.0.0/24"));
    let tap = stage.tap(p)?;
    answered(stage, s, p, "10.2.0.0/24")?;
    stage.clock.until("both marks have passed", || {
        let marks =
            messages(stage, &tap, p, s).into_iter().filter(|seen| seen.message.kind == Kind::RouteRefresh);
        // The third octet is the subtype: 1 begins, 2 ends.
        let subtypes: Vec<u8> = marks.filter_map(|seen| seen.message.body.get(2).copied()).collect();
        ensure!(subtypes == [1, 2], "the marks are {subtypes:?}");
        Ok(())
    })
}
