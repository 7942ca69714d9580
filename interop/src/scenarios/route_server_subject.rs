//! The subject is a route server: its client sees the route as if it had it from the other client (RFC 7947).
//!
//! ```text
//! probe (AS 65003) ──► s (AS 65001), route server ──► p (AS 65002)
//! 10.3.0.0/24                                         path 65003
//! ```

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::Family;
use crate::probe::attributes;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Subject(Feature::RouteServer), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    let source = stage.place(65003)?;
    stage.link(s, p, |of_s, of_p| {
        of_s.route_server_client = true;
        of_p.passive = true;
    });
    stage.expects(s, &source, |peer| peer.route_server_client = true);
    stage.start()?;
    stage.established(s, p)?;
    let own = source.address(Family::Ipv4);
    let mut session = stage.dial(&source, s, &source.identity())?;
    session.announce(&["10.3.0.0/24"], &attributes(&[65003], own), own)?;
    stage
        .uses(p, "10.3.0.0/24", |route| {
            ensure!(route.as_path == "65003", "the AS path is not 65003");
            ensure!(route.next_hop == own, "the next hop is not {own}");
            Ok(())
        })
        .map(drop)
}
