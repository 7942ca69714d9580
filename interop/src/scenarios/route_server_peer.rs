//! The peer is a route server, and the subject its client: it accepts a path that does not begin with the peer's AS (RFC 7947).
//!
//! ```text
//! s (AS 65001) ◄── p (AS 65002), route server ◄── probe (AS 65003)
//! path 65003                                      10.3.0.0/24
//! ```

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::Family;
use crate::probe::attributes;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Peer(Feature::RouteServer)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    let source = stage.place(65003)?;
    stage.link(s, p, |_, of_p| {
        of_p.route_server_client = true;
        of_p.passive = true;
    });
    stage.expects(p, &source, |peer| peer.route_server_client = true);
    stage.start()?;
    stage.established(s, p)?;
    let own = source.address(Family::Ipv4);
    let mut session = stage.dial(&source, p, &source.identity())?;
    session.announce(&["10.3.0.0/24"], &attributes(&[65003], own), own)?;
    stage
        .uses(s, "10.3.0.0/24", |route| {
            ensure!(route.as_path == "65003", "the AS path is not 65003");
            ensure!(route.next_hop == own, "the next hop is not {own}");
            Ok(())
        })
        .map(drop)
}
